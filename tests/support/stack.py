"""The whole product as processes: one worker (with keeper and shipper), relay, web."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.support.celery_worker import CeleryWorker
from tests.support.installation import Installation
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.redis_server import RedisServer


class Stack(Installation):
    """An installation whose worker is there and known to web. The worker is told to stop at the end of the ``with``.

    :param concurrency: task processes.
    :param worker_options: more for :class:`CeleryWorker`.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        *,
        app: str = "tests.support.line_app",
        concurrency: int = 2,
        services: tuple[str, ...] = ("web", "socket"),
        worker_options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        ours = {"worker_admin_port": free_port(), "key_prefix": "runtail:", "echo": True}
        super().__init__(directory, redis_url, app=app, services=services, **{**ours, **settings})
        self._concurrency, self._worker_options = concurrency, worker_options or {}
        self._member = self._add()

    def _add(self) -> CeleryWorker:
        return self.add(name="worker", concurrency=self._concurrency, **self._worker_options)

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._member.wait_ready()
            if "web" in self._services:
                self.wait_published()
        except BaseException:
            super().__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self.worker.terminate(30)
            self._member.close()
        finally:
            super().__exit__()

    @property
    def worker(self) -> Process:
        """The worker's main process."""
        return self._member.process

    def restart_worker(self) -> None:
        """Start another worker (the one before it ended or was killed)."""
        self._member = self._add().wait_ready()


@contextmanager
def demo_stack(directory: Path) -> Iterator[Stack]:
    """The whole product with the demo tasks, for programs that are called."""
    with RedisServer(directory / "redis") as server:
        made = Stack(directory, server.url, app="runtail_worker.app", concurrency=4, cancel_grace_seconds=1.0)
        made.web.configure(socket_url=made.relay.url)
        with made:
            yield made
