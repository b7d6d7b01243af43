"""Child processes of tests: in a session of their own, with output in a file."""

import os
import signal
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psutil

from tests.support.waiting import DeadlineExceeded, wait_for

#: How much of a process's output a failure shows, in characters.
SHOWN_OUTPUT_CHARS = 8_000

#: Every process object that is still referenced, for the report of a failed test.
known: "weakref.WeakSet[Process]" = weakref.WeakSet()


class Process:
    """A running command. As a context manager it is killed at the end.

    :param command: program and arguments.
    :param directory: where the output file ``<name>.log`` is written, and the
        working directory unless ``cwd`` names another.
    :param name: what failures call it; the program's name by default.
    :param environment: added to the environment of the tests. ``None`` as a value
        removes a variable. PYTHONUNBUFFERED is never passed on unless it is named
        here: it would hide what buffering does.
    :param pass_fds: inheritable descriptors that it gets under the same numbers.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        directory: Path,
        *,
        name: str | None = None,
        environment: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.command = [str(part) for part in command]
        self.name = name or Path(self.command[0]).name
        self.log_path = directory / f"{self.name}.log"
        changes: dict[str, str | None] = {"PYTHONUNBUFFERED": None, **(environment or {})}
        merged = {**os.environ, **{k: v for k, v in changes.items() if v is not None}}
        for removed in (key for key, value in changes.items() if value is None):
            merged.pop(removed, None)
        # Appending, so that a restarted process keeps the output of the first.
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd or directory,
                env=merged,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        known.add(self)

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its session and process group."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, minus the number of the signal that ended it, or None."""
        return self._popen.poll()

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def output(self) -> str:
        """All it has written so far to stdout and stderr."""
        return self.log_path.read_text(errors="replace")

    def evidence(self) -> str:
        """One paragraph for failures: its state and the end of its output."""
        code = self.returncode
        state = "running" if code is None else f"ended with {code}"
        try:
            tail = self.output()[-SHOWN_OUTPUT_CHARS:]
        except FileNotFoundError:
            tail = "(its log went with the test's folder)"
        return f"--- {self.name} (pid {self.pid}, {state}) wrote:\n{tail}\n---"

    def wait(self, deadline_seconds: float) -> int:
        """Waits for its end and returns the exit status.

        :raises DeadlineExceeded: it still runs; it is left running.
        """
        try:
            return self._popen.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            raise DeadlineExceeded(f"{self.name} did not end within {deadline_seconds} s\n{self.evidence()}") from None

    def wait_for_log(self, text: str, deadline_seconds: float, *, since_chars: int = 0) -> str:
        """Waits until its output contains ``text``; returns the line with it.

        :param since_chars: look only behind so many characters of the output.
        :raises DeadlineExceeded: the text did not come in time.
        :raises AssertionError: the process ended without having written it.
        """

        def line_with_text() -> str | None:
            # In this order: what it wrote just before its end must be seen.
            running = self.is_running()
            for line in self.output()[since_chars:].splitlines():
                if text in line:
                    return line
            if not running:
                raise AssertionError(f"{self.name} ended without {text!r}\n{self.evidence()}")
            return None

        found = wait_for(line_with_text, deadline_seconds, lambda: f"no {text!r}\n{self.evidence()}")
        assert found is not None
        return found

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to this process alone, not to its children."""
        self._popen.send_signal(number)

    def session_pids(self) -> list[int]:
        """The living processes of its session, itself included, zombies excluded.

        A child that made a session of its own is not among them.
        """
        pids = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    pids.append(process.pid)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return pids

    def terminate(self, deadline_seconds: float = 15.0) -> int:
        """Asks it to end (SIGTERM) and returns the exit status.

        :raises DeadlineExceeded: it did not end in time; it was killed then.
        """
        self._popen.terminate()
        try:
            return self.wait(deadline_seconds)
        except DeadlineExceeded:
            self.kill()
            raise

    def kill(self) -> int:
        """Kills it and its process group (SIGKILL); returns the exit status."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # Nothing is left of the group.
        return self._popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()


class StartProcess(Protocol):
    """What the fixture ``start_process`` gives: a process in the test's own folder."""

    def __call__(
        self,
        *command: str | Path,
        name: str | None = None,
        environment: dict[str, str | None] | None = None,
    ) -> Process: ...
