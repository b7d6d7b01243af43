"""A worker's capture for tests: the real keeper and shipper, the test in place of Celery's main."""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import uuid
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from runtail import header
from runtail.protocol import Entry
from runtail.runs.record import Run
from runtail.settings import load_settings
from runtail.store import Store
from runtail.worker import channel
from runtail.worker.celery_main.fd_backup import FdBackup
from runtail.worker.celery_main.supervisor import KEEPER
from tests.support.processes import Process
from tests.support.recorded_runs import RecordedRuns
from tests.support.waiting import wait_for

NONCE = "00112233445566778899aabbccddeeff"
SHIPPER = [sys.executable, "-m", "runtail.worker.shipper"]


class Rig(RecordedRuns):
    """Keeper, shipper, store and tasks. A context manager; everything it started ends with it.

    :param directory: for logs.
    :param overrides: settings, by name in lower case.
    """

    def __init__(self, directory: Path, redis_url: str, key_prefix: str, **overrides: Any) -> None:
        self.directory = directory
        values = {"broker_url": redis_url, "key_prefix": key_prefix, "echo": False}
        values |= {"worker_admin_port": 0, **overrides}
        self.environment = {f"RUNTAIL_{name.upper()}": _text(v) for name, v in values.items()}
        self.settings = load_settings(self.environment)
        self.store = Store(self.settings)
        self.channel_rx, self.channel_tx = channel.pair()
        self.ctl, self._ctl_far = channel.pair()
        self.backup = FdBackup()
        self._heard: deque[dict[str, Any]] = deque()
        self._leaving = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="rig")
        self.tasks: list[Process] = []
        self._keeper: Process | None = None
        self._owner = str(uuid.uuid4())
        self._numbers = 0

    def start_keeper(self) -> None:
        """Start the keeper (and with it the shipper); another one gets what the last had."""
        numbers = {"channel": self.channel_rx.fileno(), "ctl": self._ctl_far.fileno()}
        for fd in numbers.values():
            os.set_inheritable(fd, True)
        config = {
            **numbers,
            "main_pidfd": None,
            "main_pid": os.getpid(),
            "worker": "test@rig",
            "owner": self._owner,
            "shipper": SHIPPER,
            "spool_bytes": self.settings.spool_bytes,
            "block": self.settings.overflow == "block",
            "log_format": self.settings.log_format,
            "log_level": self.settings.log_level,
            "orphan_seconds": self.settings.orphan_seconds,
        }
        command = [sys.executable, "-I", "-S", str(KEEPER), json.dumps(config)]
        self._keeper = self._process(command, "keeper", tuple(numbers.values()))
        self.backup.hand_over(self.ctl)

    @property
    def keeper(self) -> Process:
        """The keeper's process."""
        assert self._keeper is not None
        return self._keeper

    def shipper(self) -> psutil.Process | None:
        """The shipper's process, if one runs now."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.keeper.pid).children():
                if "runtail.worker.shipper" in child.cmdline():
                    return child
        return None

    def wait_shipper(self) -> psutil.Process:
        """The shipper's process, as soon as one runs."""
        found = wait_for(self.shipper, 15, self.evidence)
        assert found is not None
        return found

    def kill_shipper(self) -> None:
        """SIGKILL the shipper that runs now."""
        with contextlib.suppress(psutil.Error):
            self.wait_shipper().send_signal(signal.SIGKILL)

    def run(self, body: str, run_id: str | None = None, *, announced: bool = False, **record: Any) -> "Task":
        """Start a task's process that runs ``body``.

        :param announced: its message has the header of a run that Runtail started.
        :param record: more fields of the start record; ``masks=["secret"]`` is announced behind it.
        """
        self._numbers += 1
        key = str(uuid.uuid4())
        run_id = run_id or f"run-{self._numbers}-{key[:8]}"
        headers = header.make("none", run_id, 1, 1)[header.HEADER] if announced else None
        fields = {
            "v": 1, "op": "run", "key": key, "run": run_id, "task": "test.task", "headers": headers, "retries": 0,
            "redelivered": False, "redelivers": False, "requeues": False, "restart": False, "exclusive": False,
            "max_attempts": 3, "kwargs": {}, "args": [], "queue": "celery", "who": None, "nonce": NONCE,
            "worker": "test@rig", "split": False, "tty": False, "masks": [], **record,
        }  # fmt: skip
        os.set_inheritable(self.channel_tx.fileno(), True)
        command = [sys.executable, "-m", "tests.support.task_process"]
        command += [str(self.channel_tx.fileno()), json.dumps(fields), body]
        name = f"task-{self._numbers}"
        process = self._process(command, name, (self.channel_tx.fileno(),))
        self.tasks.append(process)
        return Task(self, run_id, key, process)

    def tell(self, message: dict[str, Any]) -> None:
        """Send through the channel what Celery's main process would send."""
        channel.send(self.channel_tx, message)

    def hear(self, op: str, deadline_seconds: float = 15) -> dict[str, Any]:
        """The next message to Celery's main process of this kind."""

        def take() -> dict[str, Any] | None:
            message = self._heard.popleft() if self._heard else None
            return message if message and message["op"] == op else None

        found = wait_for(take, deadline_seconds, self.evidence)
        assert found is not None
        return found

    def close_ctl(self) -> None:
        """End as Celery's main process would."""
        self._leaving.set()
        self._listener.join()
        self.ctl.close()
        self._ctl_far.close()

    def _listen(self) -> None:
        poller = select.poll()
        poller.register(self.ctl, select.POLLIN)
        while not self._leaving.is_set():
            poller.poll(50)
            try:
                while message := self.backup.receive(self.ctl):
                    self._heard.append(dict(message))
            except EOFError:
                return

    def evidence(self) -> str:
        """What failures show."""
        processes = [p for p in (self._keeper, *self.tasks[-4:]) if p is not None]
        return "\n".join(process.evidence() for process in processes)

    def _process(self, command: list[str], name: str, fds: tuple[int, ...]) -> Process:
        root = str(Path(__file__).resolve().parents[2])
        environment: dict[str, str | None] = {**self.environment, "PYTHONPATH": root}
        return Process(command, self.directory, name=name, environment=environment, pass_fds=fds)

    def __enter__(self) -> Self:
        self.start_keeper()
        self._listener.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shipper = self.shipper()
        for process in (*self.tasks, self._keeper):
            if process is not None:
                process.kill()
        if shipper is not None:
            with contextlib.suppress(psutil.Error):
                shipper.kill()
        self.close_ctl()
        self.backup.close()
        for sock in (self.channel_rx, self.channel_tx):
            sock.close()
        self.store.client.close()


class Task:
    """One task that a rig started."""

    def __init__(self, rig: Rig, run_id: str, key: str, process: Process) -> None:
        self.rig = rig
        self.run_id = run_id
        self.key = key
        self.process = process

    @property
    def record(self) -> Run | None:
        """The run's record, None while there is none."""
        return self.rig.find(self.run_id)

    def wait_state(self, *states: str, deadline_seconds: float = 30) -> Run:
        """The record, as soon as the run is in one of the states."""
        return self.rig.wait([self.run_id], lambda run: str(run.state) in states, deadline_seconds)[0]

    def wait_ended(self, deadline_seconds: float = 30) -> Run:
        """The record, as soon as the run is over."""
        return self.rig.wait_ended(self.run_id, deadline_seconds)

    def report(self, deadline_seconds: float = 30) -> dict[str, Any]:
        """What the task's process reports of the shipper's answers."""
        evidence = self.process.evidence
        wait_for(lambda: not self.process.is_running(), deadline_seconds, evidence)
        return dict(json.loads(self.process.output().splitlines()[-1]))

    def entries(self) -> list[Entry]:
        """The log as it is stored now."""
        return self.rig.entries(self.run_id)

    def output(self) -> bytes:
        """All stored output."""
        return self.rig.output(self.run_id)

    def events(self) -> list[dict[str, Any]]:
        """All stored events."""
        return self.rig.events(self.run_id)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
