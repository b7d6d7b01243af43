"""Several workers of one installation, each to be killed or stopped whole, as the end of its container would."""

from __future__ import annotations

import signal
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from celery import Celery

from runtail.log import reader
from runtail.protocol import Entry
from runtail.protocol.event import decode
from runtail.runs.record import Run, read_runs
from runtail.settings import load_settings
from runtail.store import Store
from tests.support.celery_client import close_client
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.relay import http_get
from tests.support.services import Service
from tests.support.waiting import wait_for

START_SECONDS = 90.0
ROOT = Path(__file__).parents[2]
#: Stands in the environment of everything that a worker starts.
_MARK = "TEST_MEMBER"


class Member:
    """One worker with keeper, shipper and task processes."""

    def __init__(self, name: str, mark: str, process: Process, admin_port: int) -> None:
        self.name, self.process, self.admin_port = name, process, admin_port
        self._mark = mark

    def wait_ready(self) -> Self:
        """Return when it takes tasks."""
        self.process.wait_for_log(" ready.", START_SECONDS)
        return self

    def processes(self) -> list[psutil.Process]:
        """Everything that runs of it, also in sessions of its own."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == self._mark:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def keeper(self) -> psutil.Process:
        """The keeper's process."""
        return self._find(lambda command: "worker/keeper" in command)

    def shipper(self) -> psutil.Process:
        """The shipper's process."""
        # The keeper's arguments name the shipper, too.
        return self._find(lambda command: "runtail.worker.shipper" in command and "worker/keeper" not in command)

    def _find(self, wanted: Callable[[str], bool]) -> psutil.Process:
        def look() -> psutil.Process | None:
            for process in self.processes():
                try:
                    if wanted(" ".join(process.cmdline())):
                        return process
                except psutil.Error:
                    continue
            return None

        found = wait_for(look, START_SECONDS, self.process.evidence)
        assert found is not None
        return found

    def signal_all(self, number: signal.Signals) -> None:
        """Signal every process of it."""
        for process in self.processes():
            try:
                process.send_signal(number)
            except psutil.Error:
                continue

    def kill(self) -> None:
        """SIGKILL to every process, as the end of its container."""
        self.signal_all(signal.SIGKILL)
        self.process.kill()

    def get(self, path: str) -> tuple[int, str]:
        """Ask the admin port: status and body; status 0 while it does not answer."""
        return http_get(f"http://127.0.0.1:{self.admin_port}{path}")

    def metric(self, name: str) -> float:
        """One metric's value."""
        lines = self.get("/metrics")[1].splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


class Fleet:
    """Workers, and the other services as wanted. Everything ends with the ``with``.

    :param directory: for output files.
    :param redis_url: broker and store.
    :param app: the workers' Celery app.
    :param services: ``web``, whose reaper ends lost runs, and ``socket``.
    :param environment: other variables of the services.
    :param settings: settings by field name, for all.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        *,
        app: str = "tests.support.figure_app",
        services: tuple[str, ...] = (),
        environment: Mapping[str, str | None] | None = None,
        **settings: Any,
    ) -> None:
        self.directory, self.app = directory, app
        self.settings: dict[str, Any] = {
            "broker_url": redis_url, "store_url": redis_url, "key_prefix": f"f-{uuid.uuid4().hex[:8]}:", "echo": False,
            **settings,
        }  # fmt: skip
        self.store = Store(load_settings({}, **self.settings))
        self.client = Celery("fleet", broker=redis_url, backend=redis_url)
        self.client.conf.task_default_queue = "celery"
        self.members: list[Member] = []
        self._stack = ExitStack()
        self._services = {name: Service(name, directory, self.settings, environment) for name in services}

    def __enter__(self) -> Self:
        for service in self._services.values():
            self._stack.enter_context(service)
        return self

    def __exit__(self, *_error: object) -> None:
        for member in self.members:
            member.kill()
        self._stack.close()
        close_client(self.client)
        self.store.client.close()

    @property
    def web(self) -> Service:
        """The web service."""
        return self._services["web"]

    @property
    def relay(self) -> Service:
        """The relay."""
        return self._services["socket"]

    def add(
        self,
        *,
        concurrency: int = 1,
        queue: str = "celery",
        redis_url: str = "",
        arguments: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
    ) -> Member:
        """Start a worker; does not wait for it.

        :param redis_url: where this worker finds broker and store, a proxy perhaps.
        """
        name, mark, port = f"worker{len(self.members)}", uuid.uuid4().hex, free_port()
        settings = {**self.settings, "worker_admin_port": port}
        if redis_url:
            settings |= {"broker_url": redis_url, "store_url": redis_url}
        variables: dict[str, str | None] = {f"RUNTAIL_{key.upper()}": str(value) for key, value in settings.items()}
        variables |= {"PYTHONPATH": str(ROOT), "TEST_QUEUE": "celery", _MARK: mark, "C_FORCE_ROOT": "1"}
        command = [
            sys.executable, "-m", "celery", "--app", self.app, "worker", "--concurrency", str(concurrency),
            "--hostname", f"{name}@fleet", "--queues", queue, "--without-gossip", "--without-mingle",
            "--without-heartbeat", "--loglevel", "INFO", *arguments,
        ]  # fmt: skip
        process = Process(
            command, self.directory, name=f"{name}-{mark[:8]}", environment={**variables, **(environment or {})}
        )
        self.members.append(Member(name, mark, process, port))
        return self.members[-1]

    # Runs.

    def send(self, task: str, *args: Any, queue: str = "celery", **kwargs: Any) -> str:
        """Send a task as ``.delay()`` would; return the run's id."""
        return str(self.client.send_task(task, args=args, kwargs=kwargs, queue=queue).id)

    def start(self, task: str, **kwargs: Any) -> str:
        """Start a run over the API, once a worker has published the task; return its id."""
        wait_for(
            lambda: any(known["name"] == task for known in httpx.get(f"{self.web.url}/api/v1/tasks").json()["tasks"]),
            START_SECONDS,
            lambda: "\n".join(member.process.evidence() for member in self.members),
        )
        answer = httpx.post(f"{self.web.url}/api/v1/runs", json={"task": task, "kwargs": kwargs}, timeout=30)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["id"])

    def find(self, run_id: str) -> Run | None:
        """The run's record, if there is one."""
        return next(iter(read_runs(self.store, [run_id])), None)

    def wait(
        self, run_ids: Sequence[str], condition: Callable[[Run], object], deadline_seconds: float = 60.0
    ) -> list[Run]:
        """Return the records once the condition holds for all of them."""

        def look() -> list[Run] | None:
            runs = {run.id: run for run in read_runs(self.store, list(run_ids))}
            good = len(runs) == len(run_ids) and all(condition(run) for run in runs.values())
            return [runs[run_id] for run_id in run_ids] if good else None

        def evidence() -> str:
            summaries = "\n".join(
                f"{run.id}: {run.state} {run.text('why')}" for run in read_runs(self.store, list(run_ids))
            )
            return summaries + "\n".join(member.process.evidence() for member in self.members[-2:])

        found = wait_for(look, deadline_seconds, evidence)
        assert found is not None
        return found

    def wait_running(self, run_ids: Sequence[str], deadline_seconds: float = 60.0) -> list[Run]:
        """Return when all are being executed."""
        return self.wait(run_ids, lambda run: run.state == "running", deadline_seconds)

    def wait_ended(self, run_ids: Sequence[str], deadline_seconds: float = 60.0) -> list[Run]:
        """Return when all are over."""
        return self.wait(run_ids, lambda run: run.state.terminal, deadline_seconds)

    def entries(self, run_id: str) -> list[Entry]:
        """The stored log, checked entry by entry; cuts are left out."""
        return [item for item in reader.entries(self.store, run_id) if isinstance(item, Entry)]

    def output(self, run_id: str) -> bytes:
        """The stored output."""
        return b"".join(entry.payload for entry in self.entries(run_id) if entry.type == "o")

    def events(self, run_id: str, kind: str) -> list[tuple[Entry, dict[str, Any]]]:
        """The events of one kind, each with its entry."""
        found = [(entry, dict(decode(entry))) for entry in self.entries(run_id) if entry.type == "e"]
        return [(entry, event) for entry, event in found if event["kind"] == kind]
