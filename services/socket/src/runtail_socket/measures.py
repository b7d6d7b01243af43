"""What the relay counts, under the names of :mod:`runtail.metrics`."""

from __future__ import annotations

import time

from runtail.guard import Guard
from runtail.metrics import Metrics, Reading
from runtail_socket.bells import Bells
from runtail_socket.catchup import CatchUp
from runtail_socket.direct import Links
from runtail_socket.namespace import TailNamespace
from runtail_socket.reader import Reader
from runtail_socket.viewer import Standing


class Measures:
    """The relay's metrics: some counted here, the others read from its parts for each scrape."""

    def __init__(self) -> None:
        self.metrics = Metrics("relay")
        self._frames = self.metrics.counter("runtail_socket_frames_total")
        self._sent_seconds = self.metrics.histogram("runtail_socket_sent_seconds")
        self._painted_seconds = self.metrics.histogram("runtail_socket_painted_seconds")
        self._refused = self.metrics.counter("runtail_socket_refused_total")

    def sent(self, frames: int, newest_ms: int | None) -> None:
        """Count frames of one delivery.

        :param newest_ms: when its newest entry was written, if it has one.
        """
        if frames:
            self._frames.inc(frames)
            if newest_ms is not None:
                self._sent_seconds.observe(max(0.0, time.time() - newest_ms / 1000))

    def painted(self, seconds: float) -> None:
        """Count an acknowledgement of what somebody sees."""
        self._painted_seconds.observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a refused handshake."""
        self._refused.labels(reason).inc()

    def watch(
        self, links: Links, namespace: TailNamespace, reader: Reader, bells: Bells, catch_up: CatchUp, guard: Guard
    ) -> None:
        """Expose what the parts keep themselves."""

        def subscriptions() -> Reading:
            standings = [
                subscription.standing
                for viewer in namespace.viewers.values()
                for subscription in viewer.subscriptions.values()
            ]
            live = standings.count(Standing.LIVE)
            return {("live",): live, ("catching-up",): len(standings) - live}

        def tracked() -> Reading:
            tables = {
                "links": len(links),
                "viewers": len(namespace.viewers),
                "feeds": len(reader.feeds),
                "bells": bells.watched,
                "catching-up": catch_up.serving,
                **links.inside(namespace.socketio.server),
            }
            return {(table,): float(size) for table, size in tables.items()}

        read = self.metrics.read
        read("runtail_socket_connections", lambda: len(links))
        read("runtail_socket_subscriptions", subscriptions)
        read("runtail_socket_watched_runs", lambda: len(reader.feeds))
        read("runtail_socket_tracked", tracked)
        read("runtail_socket_catch_ups_total", lambda: catch_up.started)
        read("runtail_socket_resets_total", lambda: reader.resets)
        read("runtail_socket_deaf_bells_total", lambda: bells.deaf_count)
        read("runtail_socket_store_up", lambda: float(reader.store_answers))
        read("runtail_socket_store_evicts", lambda: float(guard.evicts))
