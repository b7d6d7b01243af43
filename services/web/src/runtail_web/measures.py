"""The web service's metrics, and its admin port."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Flask, Response, g, request

from runtail.admin import AdminServer
from runtail.auth.audit import Audit
from runtail.guard import Guard
from runtail.metrics import Metrics, Reading
from runtail.store import Store
from runtail_web.limits import Limits
from runtail_web.queue_watch import Queue
from runtail_web.reaper import ReaperThread
from runtail_web.store_watch import Seen, StoreWatch
from runtail_web.worker import Load

#: All requests that match no route share one label, whatever people try.
UNKNOWN_ROUTE = "unknown"
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")

#: A service without a free thread for this long gets no more requests.
FULL_SECONDS = 10.0


class Measures:
    """The web service's metrics.

    :param watch: asks the store in the background, so that no scrape waits for it.
    """

    def __init__(
        self,
        store: Store,
        reaper: ReaperThread,
        guard: Guard,
        load: Load,
        watch: StoreWatch,
        limits: Limits,
        audit: Audit,
    ) -> None:
        self._store, self._load = store, load
        self._was_ready = False
        self.metrics = Metrics("web")
        self._requests = self.metrics.counter("runtail_web_requests_total")
        self._seconds = self.metrics.histogram("runtail_web_request_seconds")
        read = self.metrics.read
        read("runtail_web_store_up", lambda: float(watch.seen is not None))
        read("runtail_web_store_evicts", lambda: float(guard.evicts))
        read("runtail_web_reaper_actions_total", reaper.actions)
        read("runtail_web_reaper_round_timestamp_seconds", lambda: reaper.round_at)
        read("runtail_web_unreadable_total", self._unreadable)
        read("runtail_web_limited_total", lambda: {(name,): float(count) for name, count in limits.refused.items()})
        read("runtail_web_audit_lost_total", audit.lost)
        read("runtail_web_budget_bytes", lambda: store.settings.budget_bytes)
        self._read_seen(watch)

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
        """Let every route's counts begin at 0; call it once all routes are known."""
        for route in {rule.rule for rule in app.url_map.iter_rules()} | {UNKNOWN_ROUTE}:
            self._seconds.labels(route)
            for status in STATUS_CLASSES:
                self._requests.labels(route, status)

    def ready(self) -> str | None:
        """Why this service should get no requests, or None.

        Once the store has answered, it may go away and come back, or begin to evict keys: this service then says so in
        its answers, and another service could do no better.
        """
        self._was_ready = self._was_ready or self._store.ping()
        if not self._was_ready:
            return "the store has not answered yet"
        full_seconds = self._load.full_seconds
        if full_seconds > FULL_SECONDS:
            return f"no thread was free for {full_seconds:.0f} s (RUNTAIL_WEB_THREADS)"
        return None

    def admin_server(self) -> AdminServer:
        """Return the admin port's server, not yet started.

        :raises OSError: if the port is not available.
        """
        settings = self._store.settings
        return AdminServer(
            settings.admin_host,
            settings.web_admin_port,
            self.ready,
            self.metrics.registry,
            allowed_hosts=settings.allowed_hosts,
        )

    def _read_seen(self, watch: StoreWatch) -> None:
        """Expose the figures of the last look at the store, and none while it does not answer."""

        def seen(value: Callable[[Seen], Reading]) -> Callable[[], Reading]:
            return lambda: None if (found := watch.seen) is None else value(found)

        def queues(value: Callable[[Queue], float | None]) -> Callable[[], Reading]:
            return seen(
                lambda found: {
                    (name,): known
                    for name, queue in (found.queues or {}).items()
                    if (known := value(queue)) is not None
                }
            )

        read, limit_bytes = self.metrics.read, self._store.settings.store_bytes
        read("runtail_web_runs", seen(lambda found: {("queued",): found.queued, ("running",): found.running}))
        read("runtail_web_store_used_bytes", seen(lambda found: found.memory.used_bytes))
        read("runtail_web_store_limit_bytes", seen(lambda found: found.memory.limit_bytes or limit_bytes))
        read("runtail_web_finished_bytes", seen(lambda found: found.finished_bytes))
        read(
            "runtail_web_token_next_end_timestamp_seconds",
            seen(lambda found: None if found.token_end_ms is None else found.token_end_ms / 1000),
        )
        read("runtail_web_queue_waiting", queues(lambda queue: queue.waiting))
        read("runtail_web_queue_workers", queues(lambda queue: queue.workers))
        read("runtail_web_queue_slots", queues(lambda queue: queue.slots))
        read("runtail_web_queue_oldest_seconds", queues(lambda queue: queue.oldest_seconds))

    def _unreadable(self) -> Reading:
        return {(what,): float(self._store.unreadable[what]) for what in ("run", "task", "worker", "audit")}
