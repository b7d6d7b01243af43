"""The relay's metrics, and the small application on the admin port that shows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# From written to sent is a flush and a round trip when all is well; what takes
# seconds is somebody catching up or a store that was away.
SECONDS_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Measures:
    """What one relay counts.

    :param registry: where the metrics live; one per process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.connections = Gauge("runtail_socket_connections", "Clients connected to this relay.", registry=registry)
        self.subscriptions = Gauge(
            "runtail_socket_subscriptions",
            "Subscriptions by where they stand: live or catching-up.",
            ["standing"],
            registry=registry,
        )
        self.watched_runs = Gauge("runtail_socket_watched_runs", "Runs this relay reads.", registry=registry)
        self.tracked = Gauge(
            "runtail_socket_tracked",
            "Entries in the tables of clients and runs: 0 without clients.",
            ["table"],
            registry=registry,
        )
        self.frames = Counter("runtail_socket_frames", "Frames of log entries sent.", registry=registry)
        self.sent_seconds = Histogram(
            "runtail_socket_sent_seconds",
            "From an entry's writing to its sending.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.painted_seconds = Histogram(
            "runtail_socket_painted_seconds",
            "From an entry's writing to its acknowledgement by a browser.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.refused = Counter(
            "runtail_socket_refused", "Handshakes refused, by reason.", ["reason"], registry=registry
        )
        self.resets = Gauge("runtail_socket_resets", "Runs whose viewers were told to begin anew.", registry=registry)
        self.deaf = Gauge("runtail_socket_deaf_bells", "Times the bells were found deaf.", registry=registry)
        self.store_up = Gauge("runtail_socket_store_up", "1 if the store answered last time.", registry=registry)

    def sent(self, frames: int, newest_ms: int | None) -> None:
        """Count frames of one delivery."""
        if frames:
            self.frames.inc(frames)
            if newest_ms is not None:
                self.sent_seconds.observe(max(0.0, time.time() - newest_ms / 1000))


class AdminApp:
    """``/healthz``, ``/readyz`` and ``/metrics``.

    :param ready: why the relay is not ready, or None.
    :param refresh: called before metrics are shown.
    """

    def __init__(self, measures: Measures, ready: Callable[[], str | None], refresh: Callable[[], None]) -> None:
        self._measures = measures
        self._ready = ready
        self._refresh = refresh

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        content_type = "text/plain; charset=utf-8"
        status, body = "404 Not Found", b"Here are /healthz, /readyz and /metrics.\n"
        if path == "/healthz":
            # To answer at all is what is asked: the loop is not stuck.
            status, body = "200 OK", b"alive\n"
        elif path == "/readyz":
            why = self._ready()
            status, body = ("200 OK", b"ready\n") if why is None else ("503 Service Unavailable", why.encode() + b"\n")
        elif path == "/metrics":
            self._refresh()
            status, body = "200 OK", generate_latest(self._measures.registry)
            content_type = CONTENT_TYPE_LATEST
        start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]
