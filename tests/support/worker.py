"""A real Celery worker with keeper and shipper, and what it stored."""

import contextlib
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from celery import Celery

from runtail.log import reader
from runtail.protocol import Entry
from runtail.runs.record import Run
from tests.support.celery_client import close_client
from tests.support.leftovers import expect_to_end, kept_by
from tests.support.processes import Process
from tests.support.runs import make_store
from tests.support.waiting import wait_for

ROOT = Path(__file__).parent.parent.parent
#: What ends a run, plus the start of a worker on a busy machine.
DEADLINE_SECONDS = 60.0


class Worker:
    """A worker of its own queue under a key prefix of its own.

    :param app: the module with the Celery app.
    :param arguments: more arguments for ``celery worker``.
    :param environment: settings; ``None`` removes one.
    :param store_url: another server for the store than for the broker.
    :param python: the interpreter of another environment.
    :param launcher: what starts Celery, such as ``runtail worker --``; ``process`` is this one then.
    :param redirection: where the worker's own output goes, in bash's words; usually into a file of the test's.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        *,
        app: str = "tests.support.capture_app",
        arguments: Sequence[str] = ("--concurrency=2",),
        environment: dict[str, str | None] | None = None,
        store_url: str = "",
        python: Path = Path(sys.executable),
        launcher: Sequence[str | Path] = (),
        redirection: str = "",
    ) -> None:
        self._launched = bool(launcher)
        name = f"worker-{uuid.uuid4().hex[:8]}"
        self.queue = name
        self.prefix = f"{name}:"
        self.hostname = f"{name}@test"
        self.client = Celery(name, broker=redis_url, backend=redis_url)
        self.client.conf.task_default_queue = self.queue
        self.store = make_store(store_url or redis_url, self.prefix)
        self.process = Process(
            [
                *(("/bin/bash", "-c", f'exec "$@" {redirection}', "worker") if redirection else ()),
                *launcher,
                *(python.parent / "celery", "--app", app, "worker", "--loglevel=INFO"),
                *(f"--hostname={self.hostname}", f"--queues={self.queue}"),
                *("--without-gossip", "--without-mingle", *arguments),
            ],
            directory,
            name=name,
            cwd=ROOT,
            environment={
                "PYTHONPATH": str(ROOT),
                "RUNTAIL_BROKER_URL": redis_url,
                "RUNTAIL_STORE_URL": store_url or redis_url,
                "RUNTAIL_KEY_PREFIX": self.prefix,
                "RUNTAIL_WORKER_ADMIN_PORT": "0",
                "TEST_QUEUE": self.queue,
                "TEST_BROKER_URL": redis_url,
                # Root is what tests run as in a container.
                "C_FORCE_ROOT": "1",
                **(environment or {}),
            },
        )

    def wait_ready(self) -> Self:
        """Wait until it takes tasks."""
        self.process.wait_for_log(f"{self.hostname} ready", DEADLINE_SECONDS)
        return self

    def wait_published(self) -> Self:
        """Wait until it takes tasks, as the store knows: its log may be nowhere."""
        key = self.store.keys.worker(self.hostname)
        wait_for(lambda: self.store.client.exists(key), DEADLINE_SECONDS, self.process.evidence)
        return self

    def send(self, task: str, *args: Any, headers: dict[str, Any] | None = None, **kwargs: Any) -> str:
        """Send a task as ``.delay()`` would; return the run's id."""
        return str(self.client.send_task(task, args=args, kwargs=kwargs, queue=self.queue, headers=headers).id)

    def do(self, task: str, *args: Any, **kwargs: Any) -> tuple[Run, bytes]:
        """Send a task, wait for its end; return its record and its output."""
        run_id = self.send(task, *args, **kwargs)
        return self.wait_ended(run_id), self.output(run_id)

    def find(self, run_id: str) -> Run | None:
        """Return the run's record, if there is one."""
        values: Any = self.store.client.hgetall(self.store.keys.run(run_id))
        return Run.from_hash(run_id, values)

    def wait_running(self, run_id: str) -> Run:
        """Wait until the run is being executed."""
        return self._wait(run_id, lambda run: run.state == "running")

    def wait_ended(self, run_id: str, deadline_seconds: float = DEADLINE_SECONDS) -> Run:
        """Wait for the run's end."""
        return self._wait(run_id, lambda run: run.state.terminal, deadline_seconds)

    def wait_output(self, run_id: str, text: bytes) -> bytes:
        """Wait until the log contains *text*; return all of it."""
        wait_for(lambda: text in self.output(run_id), DEADLINE_SECONDS, lambda: self._evidence(run_id))
        return self.output(run_id)

    def _wait(self, run_id: str, condition: Any, deadline_seconds: float = DEADLINE_SECONDS) -> Run:
        def look() -> Run | None:
            run = self.find(run_id)
            return run if run is not None and condition(run) else None

        found = wait_for(look, deadline_seconds, lambda: self._evidence(run_id))
        assert found is not None
        return found

    def _evidence(self, run_id: str) -> str:
        run = self.find(run_id)
        return f"{run.fields if run else 'no record'}\n{self.process.evidence()}"

    def entries(self, run_id: str) -> list[Entry]:
        """Return the run's log (which must have no cut)."""
        found: list[Entry] = []
        if self.find(run_id) is None:
            return found
        for item in reader.entries(self.store, run_id):
            assert isinstance(item, Entry), item
            found.append(item)
        return found

    def output(self, run_id: str) -> bytes:
        """Return the output stored so far."""
        return b"".join(entry.payload for entry in self.entries(run_id) if entry.type == "o")

    def events(self, run_id: str, kind: str = "") -> list[dict[str, Any]]:
        """Return the events, those of one kind if it is given."""
        all_of_them = [json.loads(entry.payload) for entry in self.entries(run_id) if entry.type == "e"]
        return [event for event in all_of_them if kind in ("", event["kind"])]

    @property
    def main(self) -> psutil.Process:
        """Celery's main process."""
        process = psutil.Process(self.process.pid)
        if not self._launched:
            return process
        found = wait_for(lambda: self._find(process.pid, "/celery"), DEADLINE_SECONDS, self.process.evidence)
        assert found is not None
        return found

    def keeper(self) -> psutil.Process:
        """Return the keeper's process."""
        found = wait_for(lambda: self._find(self.main.pid, "worker/keeper"), DEADLINE_SECONDS)
        assert found is not None
        return found

    def shipper(self) -> psutil.Process:
        """Return the shipper's process."""
        found = wait_for(lambda: self._find(self.keeper().pid, "runtail.worker.shipper"), DEADLINE_SECONDS)
        assert found is not None
        return found

    def pool_children(self) -> list[psutil.Process]:
        """Return the processes that execute tasks."""
        children = self.main.children()
        return [child for child in children if not _is(child, "worker/keeper")]

    @staticmethod
    def _find(parent: int, part: str) -> psutil.Process | None:
        for child in psutil.Process(parent).children():
            if _is(child, part):
                return child
        return None

    def close(self) -> None:
        """Kill the worker, and see its keeper and its shipper end.

        :raises AssertionError: if they do not.
        """
        if self._launched and self.process.is_running():
            self.main.kill()
        self.process.kill()
        try:
            expect_to_end(lambda: kept_by("RUNTAIL_KEY_PREFIX", self.prefix))
        finally:
            # What tasks left behind.
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if process.environ().get("RUNTAIL_KEY_PREFIX") == self.prefix:
                        process.kill()
            close_client(self.client)
            self.store.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _is(process: psutil.Process, part: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and any(part in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def exists(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
