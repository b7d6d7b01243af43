"""All runs that are over while some process still holds their pipes (``late.py`` handles one of them)."""

from __future__ import annotations

import logging
import resource
from collections.abc import Mapping
from typing import Final, Protocol

from runtail.settings import Settings
from runtail.worker.shipper.output.echo import Echo
from runtail.worker.shipper.run import Phase, ShippedRun
from runtail.worker.shipper.served import Served

log = logging.getLogger(__name__)

#: The pipes of at most this many finished runs are held.
_MOST: Final = 128
#: A run takes four descriptors in three processes. One of these is the worker's own, which must not run out of them.
_DESCRIPTORS_PER_RUN: Final = 16


class Late(Protocol):
    """The output that came to a run's pipe after the run (``late.py``)."""

    spoke: bool
    came_at: float

    def keep_secrets(self) -> None:
        """Keep the secrets of the run: a process that knows them lives on."""


class Source(Protocol):
    """One run as the reader sees it (``source.py``)."""

    run: ShippedRun
    died_at: float

    @property
    def late(self) -> Late:
        """Return the object that takes the output after the end of the run."""

    def take_waiting(self) -> None:
        """Take the output that waits in the pipe."""

    def end_nap(self) -> None:
        """Read the pipe again at once."""


class Holders:
    """Knows which run a task's process executes now, and which secrets of earlier runs must not be shown."""

    def __init__(self, sources: Mapping[str, Source], echo: Echo, settings: Settings) -> None:
        self._sources = sources
        self._echo = echo
        #: By process: the run that it executes, or executed last.
        self._newest: dict[int, Source] = {}
        self.served = Served()
        #: Task processes with a left-behind process that has written since.
        self.speaking: set[int] = set()
        self.late_seconds = settings.late_seconds
        #: Late bytes that went to no other run.
        self.late_bytes = 0
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(8, min(_MOST, soft // _DESCRIPTORS_PER_RUN))

    def begin(self, source: Source) -> None:
        """Note that a task's process begins this run."""
        if not source.run.end:
            self._newest[source.run.pid] = source

    def executing(self, run: ShippedRun) -> Source | None:
        """Return the run that the task's process of an ended run executes now."""
        newest = self._newest.get(run.pid)
        if not run.pid or newest is None or newest.died_at:
            return None
        other = newest.run
        executes = other.phase in (Phase.UNCLAIMED, Phase.SHIPPING) or (other.again and other.phase is Phase.CLAIMING)
        return newest if executes and other.nonce and not other.end else None

    def gather(self, pid: int) -> None:
        """Learn the secrets that the runs of a process have announced so far."""
        for source in self._sources.values():
            if source.run.pid == pid:
                self.served.add(pid, source.run.secrets)

    def take_late(self, run: ShippedRun) -> None:
        """Note the end of a run: everything that processes of earlier runs have written so far belongs to it."""
        for source in self._sources.values():
            if source.run.pid == run.pid and source.run.end:
                source.take_waiting()

    def echo(self, size_bytes: int, text: bytes) -> None:
        """Echo output that belongs to no run to the worker's own output."""
        self.late_bytes += size_bytes
        self._echo.write(text)

    def forget(self, source: Source) -> None:
        """Note that the pipe of a run is closed; processes of other runs may still know its secrets."""
        run = source.run
        if self._newest.get(run.pid) is source:
            del self._newest[run.pid]
        if not any(other.late.spoke for other in self._sources.values() if other.run.pid == run.pid):
            self.speaking.discard(run.pid)
        if self.served.add(run.pid, run.secrets):
            for other in self._sources.values():
                if other.run.pid == run.pid:
                    other.late.keep_secrets()

    def to_let_go(self, *, abandoned: bool) -> list[ShippedRun]:
        """Return the runs that are over and held, and that should no longer be held here.

        If there are too many, these are the runs that have been silent longest.

        :param abandoned: the keeper is gone. The next keeper's shipper continues all runs whose task's process executes
            nothing here.
        """
        held = [i for i in self._sources.values() if i.run.phase is Phase.DRAINING and not i.run.let_go]
        if abandoned:
            found = [source.run for source in held if self.executing(source.run) is None]
        else:
            by_age = sorted(held, key=lambda source: source.late.came_at)
            found = [source.run for source in by_age[: max(0, len(held) - self._most)]]
        for run in found:
            run.let_go = True
            if not abandoned:
                log.warning("run %s is over, as are %d others whose pipes are held by processes that they left behind: "
                            "its pipe is closed, and a process that writes to it gets SIGPIPE",
                            run.id, self._most)  # fmt: skip
        return found
