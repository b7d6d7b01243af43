"""The worker's admin port: health and metrics, served by the shipper."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from runtail.worker.shipper.context import HANGS_SECONDS

if TYPE_CHECKING:
    from runtail.admin import AdminServer
    from runtail.metrics import Metrics
    from runtail.worker.shipper.context import Context
    from runtail.worker.shipper.pipe_reader import PipeReader
    from runtail.worker.shipper.sender import Sender

log = logging.getLogger(__name__)

#: The port may still belong to a shipper that finishes the last runs of a lost keeper.
_RETRY_SECONDS: Final = 2.0


class Admin:
    """Serves the port. It starts late: the client library takes 0.1 s to import, and runs come first."""

    def __init__(self, context: Context, sender: Sender, reader: PipeReader) -> None:
        self._context = context
        self._sender = sender
        self._reader = reader
        self._server: AdminServer | None = None
        self._tried_at = 0.0
        self._complained = False

    def start(self, now: float) -> None:
        """Start to serve, if that is wanted and was not possible before."""
        settings = self._context.settings
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
        """Return the reason why this worker should get no new runs, or None."""
        guard = self._context.guard
        if guard is not None and guard.problem:
            return guard.problem
        return "the store does not answer" if self._context.store.away else None

    def healthy(self) -> str | None:
        """Return the reason why the shipper should be restarted, or None."""
        silent = time.monotonic() - self._context.breathed_at
        return f"no progress for {silent:.0f} s" if silent > HANGS_SECONDS else None

    def _declare(self, metrics: Metrics) -> None:
        context, counts, reader = self._context, self._context.counts, self._reader
        name = "runtail_worker_"
        metrics.read(name + "runs", lambda: reader.run_count)
        metrics.read(name + "slots", lambda: self._sender.slots)
        metrics.read(name + "ended_total", lambda: {(state,): float(n) for state, n in counts.ended.items()})
        metrics.read_distribution(name + "run_seconds", counts.run_seconds)
        metrics.read_distribution(name + "wait_seconds", counts.wait_seconds)
        metrics.read_distribution(name + "store_seconds", counts.store_seconds)
        metrics.read(name + "entries_total", lambda: counts.entries)
        metrics.read(name + "output_bytes_total", lambda: counts.output_bytes)
        metrics.read(name + "spool_bytes", lambda: reader.unstored_bytes)
        metrics.read(name + "spool_limit_bytes", lambda: context.settings.spool_bytes)
        metrics.read(name + "dropped_bytes_total", lambda: reader.dropped_bytes + counts.unstored_bytes)
        metrics.read(name + "echo_dropped_bytes_total", lambda: context.echo.dropped_bytes)
        metrics.read(name + "late_bytes_total", lambda: reader.holders.late_bytes)
        metrics.read(name + "refused_total", lambda: counts.refused)
        metrics.read(name + "bad_headers_total", lambda: counts.bad_headers)
        metrics.read(name + "rejected_total", lambda: {(why,): float(n) for why, n in counts.rejected.items()})
        metrics.read(name + "fenced_total", lambda: counts.fenced)
        metrics.read(name + "repairs_total", lambda: counts.repairs)
        metrics.read(name + "losses_total", lambda: counts.losses)
        metrics.read(name + "store_errors_total", lambda: counts.store_errors)
        metrics.read(name + "store_up", lambda: 0.0 if context.store.away else 1.0)
        metrics.read(name + "store_evicts", lambda: float(context.guard is not None and context.guard.evicts))
        metrics.read(name + "store_full", lambda: float(context.full))
