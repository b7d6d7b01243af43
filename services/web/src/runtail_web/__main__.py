"""``python -m runtail_web``."""

from __future__ import annotations

import errno
import logging
import os
import sys

from runtail import logs
from runtail.arguments import refuse_arguments
from runtail.auth.modes import check_listening
from runtail.errors import ConfigError
from runtail.guard import check_at_start
from runtail.listening import listen
from runtail.sealing import seals_of
from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.login.wiring import Login
from runtail_web.server import WebServer

log = logging.getLogger("runtail_web")


def main() -> int:
    """Serve until told to stop; return the exit status."""
    logs.set_up("web", "runtail_web", os.environ)
    try:
        refuse_arguments("runtail_web", sys.argv[1:])
        settings = load_settings(os.environ)
        for name, host, port in (
            ("RUNTAIL_WEB_PORT", settings.web_host, settings.web_port),
            ("RUNTAIL_WEB_ADMIN_PORT", settings.admin_host, settings.web_admin_port),
        ):
            check_free(name, host, port)
        seals_of(settings)
        check_listening(settings, {"RUNTAIL_WEB_HOST": settings.web_host})
        check_at_start(settings)
        # The worker process reads the files again; a flaw in them must end this one, with a sentence.
        Login(Store(settings))
        server = WebServer(settings)
    except ConfigError as error:
        log.error("%s", error)
        return 2
    server.run()
    return 0


def check_free(name: str, host: str, port: int) -> None:
    """Check that a port is free: gunicorn would try for seconds, and say less.

    :raises ConfigError: if something else listens there.
    """
    try:
        listen(host, port).close()
    except OSError as error:
        more = f". {name} names another port" if error.errno == errno.EADDRINUSE else ""
        raise ConfigError(f"{error.strerror or error}{more}.") from None


if __name__ == "__main__":
    sys.exit(main())
