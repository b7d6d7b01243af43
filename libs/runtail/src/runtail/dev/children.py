"""All processes of one ``runtail dev``: started, shown, watched and ended in one loop."""

from __future__ import annotations

import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from runtail.dev import watchdog
from runtail.dev.plan import Part
from runtail.dev.processes import Child
from runtail.dev.terminal import Terminal
from runtail.errors import RuntailError
from runtail.worker import subreaper

if TYPE_CHECKING:
    import psutil

#: Keeper and shipper may take this long after the worker's end to store the last output.
SHIPPER_SECONDS: Final = 5.0
#: A process that is told to hurry gets this much longer.
HURRY_SECONDS: Final = 3.0
#: How often to check states while something starts or ends.
POLL_SECONDS: Final = 0.02
#: The name of the store, whose own output is only shown if it fails.
STORE: Final = "store"


class Ended(RuntailError):
    """A part ended by itself, or never became ready."""


class Interrupted(RuntailError):
    """Somebody asked ``runtail dev`` to end."""


class Children:
    """The running processes, in the order in which they are ended; the store is last.

    :param cookie: how :mod:`runtail.dev.watchdog` recognises our processes.
    :param folder: for temporary files; the watchdog removes it.
    """

    def __init__(self, cookie: str, folder: Path, terminal: Terminal) -> None:
        self._cookie, self._terminal = cookie, terminal
        self._selector = selectors.DefaultSelector()
        self._services: list[tuple[Child, Part]] = []
        self._store: Child | None = None
        self._signals = 0
        # A process that outlives its parent becomes our child, so that we can find it.
        self._adopts = subreaper.become_subreaper()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, cookie, str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Request the end; a second signal during the end requests a quick one."""
        self._signals += 1

    # Starting and watching.

    def start_store(self, command: tuple[str, ...], environment: Mapping[str, str]) -> None:
        """Start our own store.

        :raises Ended: if it cannot be started.
        """
        self._store = self._spawn(STORE, command, environment)

    def start(self, part: Part, environment: Mapping[str, str]) -> None:
        """Start one of our processes.

        :raises Ended: if it cannot be started.
        """
        self._services.append((self._spawn(part.name, part.command, environment), part))

    def wait(self, seconds: float, condition: Callable[[], bool], interval_seconds: float = POLL_SECONDS) -> bool:
        """Show output until *condition* holds (return True) or the time is over (return False).

        :raises Ended: a child ended.
        :raises Interrupted: a signal came.
        """

        def checked() -> bool:
            if self._signals or self._terminal.gone:
                raise Interrupted
            self._reap()
            for child in self._all():
                if child.ended:
                    raise Ended(f"The {child.name} {child.end()}, so everything stops.{self.last_lines(child.name)}")
            return condition()

        return self._look(seconds, checked, interval_seconds)

    def last_lines(self, name: str) -> str:
        """Return a child's last output, as the end of a sentence."""
        child = next(child for child in self._all() if child.name == name)
        # The output written just before its end may not have been read yet.
        while child.fd is not None and (lines := child.lines()):
            if name != STORE:
                self._terminal.lines(name, lines)
        if not child.tail:
            return " It wrote nothing."
        return " It wrote last:\n" + "\n".join(f"    {line}" for line in child.tail)

    # Ending.

    def stop(self) -> None:
        """End everything, so that nothing is left. Never raises."""
        self._signals = 0
        for child, _part in self._services:
            child.signal(signal.SIGTERM)
        self._end_services(time.monotonic())
        self._end_others()
        # Last, because keeper and shipper store the last output.
        if self._store is not None:
            self._store.signal(signal.SIGTERM)
        # The watchdog does the rest, so that this path is exercised every time.
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        self._look(30.0, lambda: self._watchdog.poll() is not None)
        for child in self._all():
            child.close()
        self._selector.close()

    def _end_services(self, began: float) -> None:
        hurried: set[str] = set()

        def all_ended() -> bool:
            waited = time.monotonic() - began
            for child, part in self._services:
                if child.ended:
                    continue
                if part.hurry and part.name not in hurried and waited > part.grace_seconds:
                    hurried.add(part.name)
                    child.signal(part.hurry)
                limit_seconds = part.grace_seconds + (HURRY_SECONDS if part.hurry else 0.0)
                if self._signals or waited > limit_seconds:
                    child.kill()
            return all(child.ended for child, _part in self._services)

        self._look(60.0, all_ended)

    def _end_others(self) -> None:
        """End the remaining descendants: keeper and shipper, and processes that tasks started."""
        # Keeper and shipper ignore TERM and end when the last output is stored.
        watchdog.send(signal.SIGTERM, self._others())
        if not self._look(SHIPPER_SECONDS, lambda: bool(self._signals) or not self._others()) or self._signals:
            watchdog.send(signal.SIGKILL, self._others())
            self._look(HURRY_SECONDS, lambda: not self._others())

    def _others(self) -> list[int]:
        """Return all processes that descend from us, however they changed, except store and watchdog."""
        import psutil

        self._reap()
        below = psutil.Process().children(recursive=True)
        found = {process.pid for process in below if _is_alive(process)} | set(watchdog.carriers(self._cookie))
        known = {self._watchdog.pid} | ({self._store.pid} if self._store is not None else set())
        return sorted(found - known)

    def _reap(self) -> None:
        if self._adopts:
            subreaper.reap()

    # The loop.

    def _all(self) -> list[Child]:
        services = [child for child, _part in self._services]
        return services if self._store is None else [*services, self._store]

    def _spawn(self, name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> Child:
        try:
            child = Child(name, command, {**environment, watchdog.VARIABLE: self._cookie})
        except OSError as error:
            raise Ended(f"The {name} could not be started: {error}") from error
        assert child.fd is not None
        self._selector.register(child.fd, selectors.EVENT_READ, child)
        return child

    def _look(self, seconds: float, condition: Callable[[], bool], interval_seconds: float = POLL_SECONDS) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                return False
            self._show(interval_seconds)
        return True

    def _show(self, timeout_seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_seconds)
            return
        for key, _events in self._selector.select(timeout_seconds):
            child: Child = key.data
            lines = child.lines()
            if child.fd is None:
                self._selector.unregister(key.fd)
            if child.name != STORE:
                self._terminal.lines(child.name, lines)


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
