"""The relay's metrics, under the names of :mod:`runtail.metrics`."""

from __future__ import annotations

import time

from prometheus_client import Histogram

from runtail.auth.audit import Audit
from runtail.guard import Guard
from runtail.metric_table import CATCHING_UP, LIVE
from runtail.metrics import Metrics, Reading
from runtail_socket.admission import Admission
from runtail_socket.clients.catch_up import CatchUp
from runtail_socket.clients.namespace import TailNamespace
from runtail_socket.delivery.feed import SubscriptionState
from runtail_socket.reading.listener import Listener
from runtail_socket.reading.reader import Reader
from runtail_socket.transport.link import Links

#: How often the lateness of a timer is measured.
LAG_INTERVAL_SECONDS = 0.5


class Measures:
    """The relay's metrics: some are counted here, the others are read from its parts for each scrape."""

    def __init__(self) -> None:
        self.metrics = Metrics("relay")
        self._frames = self.metrics.counter("runtail_socket_frames_total")
        self._sent_bytes = self.metrics.counter("runtail_socket_sent_bytes_total")
        sent_seconds = self.metrics.histogram("runtail_socket_sent_seconds")
        self._live_seconds, self._catching_up_seconds = sent_seconds.labels(LIVE), sent_seconds.labels(CATCHING_UP)
        self._painted_seconds = self.metrics.histogram("runtail_socket_painted_seconds")
        self._refused = self.metrics.counter("runtail_socket_refused_total")
        self._lag_seconds = self.metrics.histogram("runtail_socket_loop_lag_seconds")

    def sent_live(self, frames: int, size_bytes: int, newest_ms: int | None) -> None:
        """Count the frames of one delivery to subscriptions in the live set.

        :param newest_ms: when the delivery's newest entry was written, if it has one.
        """
        self._sent(self._live_seconds, frames, size_bytes, newest_ms)

    def sent_catching_up(self, frames: int, size_bytes: int, newest_ms: int | None) -> None:
        """Count frames to a subscription that is served from the store; see :meth:`sent_live`."""
        self._sent(self._catching_up_seconds, frames, size_bytes, newest_ms)

    def _sent(self, seconds: Histogram, frames: int, size_bytes: int, newest_ms: int | None) -> None:
        if frames:
            self._frames.inc(frames)
            self._sent_bytes.inc(size_bytes)
            if newest_ms is not None:
                seconds.observe(max(0.0, time.time() - newest_ms / 1000))

    def painted(self, seconds: float) -> None:
        """Count an acknowledgement that an entry is on a client's screen."""
        self._painted_seconds.observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a refused handshake."""
        self._refused.labels(reason).inc()

    def watch_loop(self) -> None:
        """Measure the event loop; never returns."""
        while True:
            due = time.monotonic() + LAG_INTERVAL_SECONDS
            time.sleep(LAG_INTERVAL_SECONDS)
            self._lag_seconds.observe(max(0.0, time.monotonic() - due))

    def watch(
        self,
        links: Links,
        admission: Admission,
        namespace: TailNamespace,
        reader: Reader,
        listener: Listener,
        catch_up: CatchUp,
        guard: Guard,
        audit: Audit,
    ) -> None:
        """Expose the values that the parts keep themselves."""

        def subscriptions() -> Reading:
            states = [
                subscription.state
                for viewer in namespace.viewers.values()
                for subscription in viewer.subscriptions.values()
            ]
            live = states.count(SubscriptionState.LIVE)
            return {(LIVE,): live, (CATCHING_UP,): len(states) - live}

        def table_entries() -> Reading:
            tables = {
                "links": len(links),
                "viewers": len(namespace.viewers),
                "feeds": len(reader.feeds),
                "channels": listener.watched,
                "catching-up": catch_up.serving,
                **links.inside(namespace.socketio.server),
            }
            return {(table,): float(size) for table, size in tables.items()}

        read = self.metrics.read
        read("runtail_socket_connections", lambda: len(links))
        read("runtail_socket_max_connections", lambda: admission.max_connections)
        read("runtail_socket_draining", lambda: float(admission.draining))
        read("runtail_socket_subscriptions", subscriptions)
        read("runtail_socket_watched_runs", lambda: len(reader.feeds))
        read("runtail_socket_table_entries", table_entries)
        read("runtail_socket_catch_ups_total", lambda: catch_up.started)
        read("runtail_socket_sent_away_total", lambda: {(why,): float(n) for why, n in links.sent_away.items()})
        read("runtail_socket_resets_total", lambda: reader.resets)
        read("runtail_socket_listener_stalls_total", lambda: listener.stalls)
        read("runtail_socket_audit_lost_total", lambda: audit.unwritten)
        read("runtail_socket_store_up", lambda: float(reader.store_answers))
        read("runtail_socket_store_evicts", lambda: float(guard.evicts))
