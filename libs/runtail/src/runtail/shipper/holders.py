"""Runs that are over while somebody still holds their pipes, seen together (``late.py`` is one of them)."""

from __future__ import annotations

import logging
import resource
from typing import TYPE_CHECKING, Final

from runtail.settings import Settings
from runtail.shipper.echo import Echo
from runtail.shipper.served import Served

if TYPE_CHECKING:
    from runtail.shipper.intake import Intake
    from runtail.shipper.run import Run

log = logging.getLogger(__name__)

#: Of how many runs that are over pipes are held at most.
_MOST: Final = 128
#: A run takes four descriptors in three processes, one of which is the worker's own: it must not run out of them.
_DESCRIPTORS_PER_RUN: Final = 16


class Holders:
    """Knows which run a task's process executes now, and what its earlier ones must not show."""

    def __init__(self, intakes: dict[str, Intake], echo: Echo, settings: Settings) -> None:
        self._intakes = intakes
        self._echo = echo
        #: By process: what it executes, or executed last.
        self._newest: dict[int, Intake] = {}
        self.served = Served()
        #: Processes of which one that a run left behind has written since.
        self.speaking: set[int] = set()
        self.late_seconds = settings.late_seconds
        #: Bytes that came late and went to no other run.
        self.late_bytes = 0
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(8, min(_MOST, soft // _DESCRIPTORS_PER_RUN))

    def begin(self, intake: Intake) -> None:
        """A task's process begins with this run."""
        if not intake.run.end:
            self._newest[intake.run.pid] = intake

    def executing(self, run: Run) -> Intake | None:
        """Return what the task's process of an ended run executes now."""
        newest = self._newest.get(run.pid)
        if not run.pid or newest is None or newest.died_at:
            return None
        other = newest.run
        begun = other.went or other.again
        return newest if begun and other.nonce and not (other.end or other.fenced or other.closed) else None

    def gather(self, pid: int) -> None:
        """Learn the secrets that runs of a process have announced by now."""
        for intake in self._intakes.values():
            if intake.run.pid == pid:
                self.served.add(pid, intake.run.secrets)

    def take_late(self, run: Run) -> None:
        """A run ends: what processes of earlier ones have written until now is a part of it."""
        for intake in self._intakes.values():
            if intake.run.pid == run.pid and intake.run.end:
                intake.take_waiting()

    def echo(self, size_bytes: int, text: bytes) -> None:
        """Output that belongs to no run goes to the worker's own."""
        self.late_bytes += size_bytes
        self._echo.write(text)

    def forget(self, intake: Intake) -> None:
        """The pipe of a run is closed; its secrets may still be known to processes of others."""
        run = intake.run
        if self._newest.get(run.pid) is intake:
            del self._newest[run.pid]
        if not any(other.late.spoke for other in self._intakes.values() if other.run.pid == run.pid):
            self.speaking.discard(run.pid)
        if self.served.add(run.pid, run.secrets):
            for other in self._intakes.values():
                if other.run.pid == run.pid:
                    other.late.keep_secrets()

    def to_let_go(self, *, abandoned: bool) -> list[Run]:
        """Return the runs that are over, held, and not to be held here any longer.

        If there are too many, the ones that have been silent for the longest time.

        :param abandoned: the keeper is gone. The shipper of the next one goes on with all whose task's process
            executes nothing here.
        """
        held = [i for i in self._intakes.values() if i.run.over and not i.run.closed and not i.run.let_go]
        if abandoned:
            found = [intake.run for intake in held if self.executing(intake.run) is None]
        else:
            by_age = sorted(held, key=lambda intake: intake.late.came_at)
            found = [intake.run for intake in by_age[: max(0, len(held) - self._most)]]
        for run in found:
            run.let_go = True
            if not abandoned:
                log.warning("run %s is over, as are %d others whose pipes are held by processes that they left behind: "
                            "its pipe is closed, and a process that writes to it gets SIGPIPE",
                            run.id, self._most)  # fmt: skip
        return found
