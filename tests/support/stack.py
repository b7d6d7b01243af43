"""The whole product as processes: worker (with keeper and shipper), relay, web."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from runtail.log import reader
from runtail.protocol import Entry, RunState
from runtail.runs.record import Run, read_run
from runtail.settings import load_settings
from runtail.store import Store
from tests.support.leftovers import expect_to_end, kept_by
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.services import Service
from tests.support.waiting import wait_for

#: Of the processes; a busy machine starts them slowly.
START_SECONDS = 60.0


class Stack:
    """Everything on one store. Started with ``with``, killed at its end.

    :param directory: for output files and the worker's readiness file.
    :param redis_url: broker and store.
    :param app: the worker's Celery app, ``module`` or ``module:attribute``.
    :param concurrency: task processes.
    :param settings: settings by field name, for all services.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        *,
        app: str = "tests.support.line_app",
        concurrency: int = 2,
        services: tuple[str, ...] = ("web", "socket"),
        **settings: Any,
    ) -> None:
        self.directory = directory
        self.settings: dict[str, Any] = {
            "broker_url": redis_url,
            "store_url": redis_url,
            "worker_admin_port": free_port(),
            **settings,
        }
        self.store = Store(load_settings({}, **self.settings))
        self._app, self._concurrency = app, concurrency
        self._stack = ExitStack()
        self._services = {name: Service(name, directory, self.settings) for name in services}
        self.worker = self._start_worker()

    def _start_worker(self) -> Process:
        environment: dict[str, str | None] = {f"RUNTAIL_{k.upper()}": str(v) for k, v in self.settings.items()}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        command = [
            sys.executable, "-m", "celery", "--app", self._app, "worker", "--concurrency", str(self._concurrency),
            "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO",
        ]  # fmt: skip
        name = f"worker-{free_port()}"
        return self._stack.enter_context(Process(command, self.directory, name=name, environment=environment))

    def __enter__(self) -> Self:
        try:
            for service in self._services.values():
                self._stack.enter_context(service)
            self.worker.wait_for_log(" ready.", START_SECONDS)
            if "web" in self._services:
                wait_for(lambda: self.get("/api/v1/tasks").json()["tasks"], START_SECONDS, self.worker.evidence)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.worker.terminate(30)
        try:
            expect_to_end(lambda: kept_by("RUNTAIL_WORKER_ADMIN_PORT", str(self.settings["worker_admin_port"])))
        finally:
            self._stack.close()
            self.store.client.close()

    @property
    def web(self) -> Service:
        """The web service."""
        return self._services["web"]

    @property
    def relay(self) -> Service:
        """The relay."""
        return self._services["socket"]

    def restart_worker(self) -> None:
        """Start another worker (the one before it ended or was killed)."""
        self.worker = self._start_worker()
        self.worker.wait_for_log(" ready.", START_SECONDS)

    def get(self, path: str) -> httpx.Response:
        """GET from the API."""
        return httpx.get(self.web.url + path, timeout=30)

    def start(self, task: str, kwargs: Mapping[str, Any], **more: Any) -> str:
        """Start a run over the API and return its id."""
        answer = httpx.post(f"{self.web.url}/api/v1/runs", json={"task": task, "kwargs": kwargs, **more}, timeout=30)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> Run:
        """The run's record."""
        return read_run(self.store, run_id)

    def wait_for_state(self, run_id: str, *states: RunState, deadline_seconds: float = 60.0) -> Run:
        """Return the record once it is in one of the states."""
        wait_for(
            lambda: self.run(run_id).state in states,
            deadline_seconds,
            lambda: f"{self.run(run_id).summary()}\n{self.worker.evidence()}",
        )
        return self.run(run_id)

    def wait_for_end(self, run_id: str, *, deadline_seconds: float = 60.0) -> Run:
        """Return the record once the run is over."""
        ends = [state for state in RunState if state.terminal]
        return self.wait_for_state(run_id, *ends, deadline_seconds=deadline_seconds)

    def output(self, run_id: str) -> bytes:
        """The output that the store holds, checked entry by entry."""
        items = reader.entries(self.store, run_id)
        return b"".join(item.payload for item in items if isinstance(item, Entry) and item.type == "o")
