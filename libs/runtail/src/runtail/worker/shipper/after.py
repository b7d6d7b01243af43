"""Runs whose end is stored: checks that the store still has it, and how much output comes late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from runtail.log.writer import STANDING
from runtail.protocol import RunState
from runtail.runs.start import mark
from runtail.store import store_errors
from runtail.worker.shipper.run import Phase, ShippedRun

if TYPE_CHECKING:
    from runtail.log.writer import LogWriter
    from runtail.store import Store
    from runtail.worker.shipper.context import Context

_REASSERT_SECONDS: Final = 2.0
#: How often to check whether more output came late.
_LATE_SECONDS: Final = 1.0
#: This many runs are checked in one round trip.
_ROUND_RUNS: Final = 250


class Ends:
    """Checks whether the store still has the ends of recent runs, for all runs of the worker together.

    A failover may take an end back. With short tasks there are a thousand such runs; one call for each of them would be
    a third of the cost of recording.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        #: By the run's key.
        self._writers: dict[str, LogWriter] = {}
        #: Runs whose end was missing from the store at the last check.
        self._fallen: set[str] = set()
        #: Monotonic: when each end was last checked, or was stored.
        self._looked_at: dict[str, float] = {}

    def add(self, key: str, writer: LogWriter, now: float) -> None:
        """Start to check the end of a run, which was stored just now."""
        self._writers[key], self._looked_at[key] = writer, now

    def remove(self, key: str) -> None:
        """Stop checking the end of a run."""
        self._writers.pop(key, None)
        self._looked_at.pop(key, None)
        self._fallen.discard(key)

    def keep(self, key: str, now: float) -> float:
        """Repair the end of a run if the store lost it; return when to check again.

        :raises StoreUnavailable: call again.
        :raises Fenced: somebody took the run, which had been released.
        :raises RunDeleted: somebody deleted it.
        """
        if now - self._looked_at[key] >= _REASSERT_SECONDS:
            self._look(now)
        if key in self._fallen:
            self._writers[key].reassert()
            self._fallen.discard(key)
        return self._looked_at[key] + _REASSERT_SECONDS

    def _look(self, now: float) -> None:
        """Check all ends at once, so that the runs whose turn is next need not ask."""
        known = list(self._writers)
        for start in range(0, len(known), _ROUND_RUNS):
            keys = known[start : start + _ROUND_RUNS]
            asked_at = time.monotonic()
            with store_errors(), self._store.client.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.hmget(self._store.keys.run(self._writers[key].claim.run_id), *STANDING)
                answers: list[Any] = pipeline.execute()
            for key, found in zip(keys, answers, strict=True):
                self._looked_at[key] = now
                if not self._writers[key].stands(found, asked_at):
                    self._fallen.add(key)


class AfterEnd:
    """Looks after a run until its pipe is let go and its end cannot be lost any more."""

    def __init__(
        self, run: ShippedRun, store: Store, context: Context, ends: Ends, writer: LogWriter | None, now: float
    ) -> None:
        """Note that the run is over.

        :param writer: writes the end again if a failover took it back; None if we stored no end.
        """
        self._run = run
        self._store = store
        self._context = context
        self._ends = ends
        self._writer = writer
        self._began_at = now
        if writer is not None:
            ends.add(run.key, writer, now)
        #: None: the number that the store has is not known.
        self._told_late: int | None = None

    def step(self, now: float) -> float | None:
        """Do what is due; return when to call next (monotonic), None for never.

        :raises StoreUnavailable: call again.
        :raises Fenced: somebody took the run, which had been released.
        :raises RunDeleted: somebody deleted it.
        """
        run = self._run
        self._tell_late()
        closed = run.phase is Phase.CLOSED
        if not closed and self.lets_go:
            closed, run.phase = True, Phase.CLOSED
            self._context.on_closed()
        if not self._retains(now):
            # The data that was retained to repair the end takes memory.
            self.leave_alone()
        if self._writer is None:
            return None if closed else now + _LATE_SECONDS
        due = self._ends.keep(run.key, now)
        return due if closed else min(due, now + _LATE_SECONDS / 2)

    def leave_alone(self) -> None:
        """Give up a run that is not ours any more, without breaking its pipe for the processes that still hold it."""
        self._writer = None
        self._ends.remove(self._run.key)

    @property
    def lets_go(self) -> bool:
        """Whether the pipe may be closed. It is read as long as anybody holds it and the worker lives."""
        return self._run.silent or self._context.main_is_gone or self._run.let_go

    def _retains(self, now: float) -> bool:
        return now - self._began_at < self._store.settings.retained_seconds

    def _tell_late(self) -> None:
        end = self._run.end
        if end is None or not end.state:
            return
        late = end.late_before + self._run.late_bytes
        if late not in (0, self._told_late):
            fields = {"late_bytes": str(late)}
            mark(self._store, self._run.id, RunState(end.state), fields, execution=end.execution or None)
            self._told_late = late
