"""gunicorn's log in the service's own format; with ``RUNTAIL_LOG_LEVEL=debug``, one line per request."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from gunicorn.glogging import Logger

from runtail.listening import plain
from runtail_web.mount import PATH

log = logging.getLogger(__name__)

#: At level info, gunicorn logs things that an operator need not know.
GUNICORNS_LEVELS = {"debug": "info", "info": "warning", "warning": "warning", "error": "error"}


class ServiceLog(Logger):  # type: ignore[misc, unused-ignore]
    """Passes to the service's log everything that gunicorn would write itself."""

    def setup(self, cfg: Any) -> None:
        """Set up the loggers; called by gunicorn."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    @property
    def access_log_enabled(self) -> bool:
        """Whether :meth:`access` would log anything."""
        return log.isEnabledFor(logging.DEBUG)

    def access(self, resp: Any, _req: Any, environ: Mapping[str, Any], request_time: datetime.timedelta) -> None:
        """Log an answered request, without its query because that shows who searched for what; called by gunicorn."""
        if not self.access_log_enabled:
            return
        status = str(resp.status).split(" ", 1)[0]
        found = {
            "method": environ.get("REQUEST_METHOD", ""),
            "path": environ.get(PATH, ""),
            "status": int(status) if status.isdigit() else status,
            "seconds": round(request_time.total_seconds(), 6),
            "bytes": getattr(resp, "sent", 0),
            "client": plain(str(environ.get("REMOTE_ADDR", ""))),
        }
        log.debug(
            "%(method)s %(path)s %(status)s in %(seconds).3f s, %(bytes)d bytes to %(client)s", found,
            extra={"fields": found},
        )  # fmt: skip
