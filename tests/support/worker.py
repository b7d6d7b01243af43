"""A worker alone, of a queue and under a key prefix of its own, and what it stored."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from runtail.log import reader
from runtail.protocol import Entry
from runtail.runs.record import Run
from tests.support.installation import Installation
from tests.support.processes import Process
from tests.support.recorded_runs import DEADLINE_SECONDS
from tests.support.waiting import wait_for


class Worker(Installation):
    """An installation of nothing but a worker. Its keeper and its shipper must end with it.

    :param app: the module with the Celery app.
    :param arguments: more arguments for ``celery worker``.
    :param environment: settings and other variables; ``None`` removes one.
    :param store_url: another server for the store than for the broker.
    :param acl: see :class:`tests.support.installation.Installation`.
    :param more: for :class:`tests.support.celery_worker.CeleryWorker`: ``python``, ``launcher``, ``redirection``.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        *,
        app: str = "tests.support.capture_app",
        arguments: Sequence[str] = ("--concurrency=2",),
        environment: Mapping[str, str | None] | None = None,
        store_url: str = "",
        acl: bool = True,
        **more: Any,
    ) -> None:
        name = f"worker-{uuid.uuid4().hex[:8]}"
        self.prefix = f"{name}:"
        super().__init__(
            directory, redis_url, app=app, queue=f"{name}-queue", store_url=store_url or redis_url,
            key_prefix=self.prefix, worker_admin_port=0, echo=True, acl=acl,
        )  # fmt: skip
        self._member = self.add(
            name=name, concurrency=0, heartbeat=True, arguments=arguments, environment=environment, **more
        )
        self.hostname = self._member.hostname
        self.pool_children, self.keeper, self.shipper = (
            self._member.pool_children, self._member.keeper, self._member.shipper,
        )  # fmt: skip

    def wait_ready(self) -> Self:
        """Wait until it takes tasks."""
        self._member.wait_ready()
        return self

    def wait_known(self) -> Self:
        """Wait until it takes tasks, as the store knows: its log may be nowhere."""
        key = self.store.keys.worker(self.hostname)
        wait_for(lambda: self.store.client.exists(key), DEADLINE_SECONDS, self.evidence)
        return self

    def do(self, task: str, *args: Any, **kwargs: Any) -> tuple[Run, bytes]:
        """Send a task, wait for its end; return its record and its output."""
        run_id = self.send(task, *args, **kwargs)
        return self.wait_ended(run_id), self.output(run_id)

    def wait_output(self, run_id: str, text: bytes) -> bytes:
        """Wait until the stored output has this."""
        wait_for(lambda: text in self.output(run_id), DEADLINE_SECONDS, lambda: self.output(run_id))
        return self.output(run_id)

    def entries(self, run_id: str) -> list[Entry]:
        """The run's log, which must have no cut."""
        found = list(reader.entries(self.store, run_id)) if self.find(run_id) else []
        assert all(isinstance(item, Entry) for item in found), found
        return [item for item in found if isinstance(item, Entry)]

    @property
    def process(self) -> Process:
        """What was started: Celery's main process, or its launcher."""
        return self._member.process

    @property
    def main(self) -> psutil.Process:
        """Celery's main process."""
        return self._member.main

    def close(self) -> None:
        """Kill the worker, and see its keeper and its shipper end.

        :raises AssertionError: if they do not.
        """
        try:
            self._member.close()
        finally:
            super().__exit__()

    def __exit__(self, *_error: object) -> None:
        self.close()


def exists(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
