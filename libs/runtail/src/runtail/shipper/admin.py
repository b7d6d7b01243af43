"""The worker's admin port: health and figures, served by the shipper."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runtail.admin import AdminServer
    from runtail.metrics import Metrics
    from runtail.shipper.reader import Reader
    from runtail.shipper.sender import Sender

log = logging.getLogger(__name__)

#: The port may still belong to a shipper that finishes the last runs of a lost keeper.
_RETRY_SECONDS: Final = 2.0
#: Longer than any wait for the store: the sending thread hangs.
HANGS_SECONDS: Final = 60.0


class Admin:
    """Started late: the client library costs 0.1 s, and runs come first."""

    def __init__(self, sender: Sender, reader: Reader) -> None:
        self._sender = sender
        self._reader = reader
        self._server: AdminServer | None = None
        self._tried_at = 0.0
        self._complained = False

    def start(self, now: float) -> None:
        """Serve, if that is wanted and was not possible until now."""
        settings = self._sender.settings
        wanted = settings.worker_admin_port and self._server is None
        if not wanted or now - self._tried_at < _RETRY_SECONDS:
            return
        self._tried_at = now
        from runtail.admin import AdminServer
        from runtail.metrics import Metrics

        metrics = Metrics("worker")
        self._declare(metrics)
        try:
            self._server = AdminServer(
                settings.admin_host,
                settings.worker_admin_port,
                self.ready,
                metrics.registry,
                self.healthy,
                allowed_hosts=settings.allowed_hosts,
            )
        except OSError as error:
            if not self._complained:
                log.warning("the admin port is not served: %s", error)
            self._complained = True
            return
        self._server.start()

    def stop(self) -> None:
        """Free the port."""
        if self._server is not None:
            self._server.stop()

    def ready(self) -> str | None:
        """Why this worker should get no new runs, or None."""
        guard = self._sender.guard
        if guard is not None and guard.problem:
            return guard.problem
        return "the store does not answer" if self._sender.away else None

    def healthy(self) -> str | None:
        """Why the shipper should be restarted, or None."""
        silent = time.monotonic() - self._sender.breathed_at
        return f"no progress for {silent:.0f} s" if silent > HANGS_SECONDS else None

    def _declare(self, metrics: Metrics) -> None:
        sender, reader = self._sender, self._reader
        name = "runtail_worker_"
        metrics.read(name + "runs", lambda: reader.run_count)
        metrics.read(name + "slots", lambda: sender.slots)
        metrics.read(name + "ended_total", lambda: {(state,): float(n) for state, n in sender.ended.items()})
        metrics.read_distribution(name + "run_seconds", sender.durations.run)
        metrics.read_distribution(name + "wait_seconds", sender.durations.wait)
        metrics.read_distribution(name + "store_seconds", sender.durations.store)
        metrics.read(name + "entries_total", lambda: sender.entries)
        metrics.read(name + "output_bytes_total", lambda: sender.output_bytes)
        metrics.read(name + "spool_bytes", lambda: reader.unstored_bytes)
        metrics.read(name + "spool_limit_bytes", lambda: sender.settings.spool_bytes)
        metrics.read(name + "dropped_bytes_total", lambda: reader.dropped_bytes + sender.unstored_bytes)
        metrics.read(name + "echo_dropped_bytes_total", lambda: sender.echo.dropped_bytes)
        metrics.read(name + "late_bytes_total", lambda: reader.holders.late_bytes)
        metrics.read(name + "refused_total", lambda: sender.refused)
        metrics.read(name + "bad_headers_total", lambda: sender.bad_headers)
        metrics.read(name + "fenced_total", lambda: sender.fenced)
        metrics.read(name + "repairs_total", lambda: sender.repairs)
        metrics.read(name + "losses_total", lambda: sender.losses)
        metrics.read(name + "store_errors_total", lambda: sender.store_errors)
        metrics.read(name + "store_up", lambda: 0.0 if sender.away else 1.0)
        metrics.read(name + "store_evicts", lambda: float(sender.guard is not None and sender.guard.evicts))
        metrics.read(name + "store_full", lambda: float(sender.full))
