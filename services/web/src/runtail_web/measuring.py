"""What the web service counts, and its admin port."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, Response, g, request
from redis.exceptions import RedisError

from runtail.admin import AdminServer
from runtail.guard import Guard
from runtail.metrics import Metrics, Reading
from runtail.store import Store
from runtail_web.reaping import ReaperThread
from runtail_web.worker import Load

#: Requests that match no route are one label, whatever people try.
UNKNOWN_ROUTE = "unknown"
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")

#: A service that had no free thread for so long gets no more requests.
FULL_SECONDS = 10.0


class Measuring:
    """The web service's metrics.

    :param store: with short timeouts: a scrape waits for it.
    """

    def __init__(self, store: Store, reaper: ReaperThread, guard: Guard, load: Load) -> None:
        self._store, self._guard, self._load = store, guard, load
        self._was_ready = False
        self.metrics = Metrics("web")
        self._requests = self.metrics.counter("runtail_web_requests_total")
        self._seconds = self.metrics.histogram("runtail_web_request_seconds")
        self.metrics.read("runtail_web_runs", self._runs)
        self.metrics.read("runtail_web_store_up", lambda: float(store.ping()))
        self.metrics.read("runtail_web_store_evicts", lambda: float(guard.evicts))
        self.metrics.read("runtail_web_reaper_actions_total", reaper.actions)
        self.metrics.read("runtail_web_unreadable_total", self._unreadable)

    def watch(self, app: Flask) -> None:
        """Count the requests of an application."""

        @app.before_request
        def begin() -> None:
            g.began_seconds = time.monotonic()

        @app.after_request
        def count(response: Response) -> Response:
            route = request.url_rule.rule if request.url_rule is not None else UNKNOWN_ROUTE
            self._requests.labels(route, f"{response.status_code // 100}xx").inc()
            self._seconds.labels(route).observe(time.monotonic() - g.began_seconds)
            return response

    def expose_routes(self, app: Flask) -> None:
        """Let every route's counts begin at 0, once they are all known."""
        for route in {rule.rule for rule in app.url_map.iter_rules()} | {UNKNOWN_ROUTE}:
            self._seconds.labels(route)
            for status in STATUS_CLASSES:
                self._requests.labels(route, status)

    def ready(self) -> str | None:
        """Why this service should get no requests, or None.

        Once the store was seen it may go and come back: this service then says
        so in its answers, and another one could do no better.
        """
        self._was_ready = self._was_ready or self._store.ping()
        if not self._was_ready:
            return "the store has not answered yet"
        full_seconds = self._load.full_seconds
        if full_seconds > FULL_SECONDS:
            return f"no thread was free for {full_seconds:.0f} s (RUNTAIL_WEB_THREADS)"
        return self._guard.problem

    def admin_server(self) -> AdminServer:
        """Return the admin port's server, which is not started yet.

        :raises OSError: if the port cannot be had.
        """
        settings = self._store.settings
        return AdminServer(
            settings.admin_host,
            settings.web_admin_port,
            self.ready,
            self.metrics.registry,
            allowed_hosts=settings.allowed_hosts,
        )

    def _runs(self) -> Reading:
        keys = self._store.keys
        try:
            pipeline = self._store.client.pipeline(transaction=False)
            pipeline.zcard(keys.queued())
            pipeline.scard(keys.running())
            queued, running = (float(count) for count in _replies(pipeline))
        except RedisError:
            return None
        return {("queued",): queued, ("running",): running}

    def _unreadable(self) -> Reading:
        return {(what,): float(self._store.unreadable[what]) for what in ("run", "task", "worker")}


def _replies(pipeline: Any) -> list[int]:
    replies: list[int] = pipeline.execute()
    return replies
