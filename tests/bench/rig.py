"""Processes on chosen cores, what they use, and how the bench speaks with them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import orjson

ROOT = Path(__file__).parents[2]

#: What starting a server, a load or a client may take.
START_SECONDS = 60.0


#: The kind of clock that counts to the nanosecond.
_CPUCLOCK_SCHED = 2


class Failed(Exception):
    """A subject did not do what the workload asks; the message says what."""


class Unfit(Exception):
    """The bench cannot run here; the message is one sentence."""


@cache
def cores() -> tuple[int, int]:
    """Return the core for what is measured, and the one for load, clients and Redis; the same at every call.

    :raises Unfit: there are not two.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Unfit("The bench needs two cores: one for what is measured, one for load and clients.")
    return usable[0], usable[1]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes and threads started inside run on one core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Partner:
    """A process that is told and answers lines of JSON. Killed at the end of the ``with``.

    :param log: what it writes to stderr goes there.
    """

    def __init__(
        self, command: Sequence[str], core: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(command[-1]).name
        self._log = log
        with log.open("ab") as errors, on_core(core):
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
            )

    @classmethod
    def module(cls, name: str, core: int, folder: Path, *arguments: str) -> Self:
        """Start a module of the bench."""
        return cls([sys.executable, "-m", f"tests.bench.{name}", *arguments], core, folder / f"{name}.log")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def tell(self, value: dict[str, Any] | None) -> None:
        """Send a line; None is the empty one.

        :raises Failed: it is gone.
        """
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write((orjson.dumps(value) if value is not None else b"") + b"\n")
            self._popen.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"{self.name} ended: {self.last_words()}") from None

    def hear(self) -> dict[str, Any]:
        """Wait for its answer.

        :raises Failed: it ended instead.
        """
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise Failed(f"{self.name} ended: {self.last_words()}")
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    def hear_ready(self) -> None:
        """Wait for the line ``ready``.

        :raises Failed: it ended instead.
        """
        assert self._popen.stdout is not None
        if not self._popen.stdout.readline():
            raise Failed(f"{self.name} did not start: {self.last_words()}")

    def last_words(self) -> str:
        """Return the last line it wrote to stderr."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "without a word"

    def is_running(self) -> bool:
        """It has not ended."""
        return self._popen.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._popen.kill()
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        self._popen.wait()


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time that processes have used, user and system.

    From their clocks (as clock_getcpuclockid(3) makes their ids): /proc counts in hundredths of a second, which is
    a tenth of what some use in a window.

    :raises Failed: one of them has ended.
    """
    try:
        return sum(time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED) for pid in pids)
    except OSError:
        raise Failed("a process that is measured has ended") from None


def sleep_until(moment: float) -> None:
    """Sleep until a time (seconds since 1970)."""
    time.sleep(max(0.0, moment - time.time()))
