"""A run that the store has the end of: whether it keeps it, and how much comes late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runtail.protocol import RunState
from runtail.runs.start import mark

if TYPE_CHECKING:
    from runtail.log.writer import LogWriter
    from runtail.shipper.run import Run
    from runtail.shipper.sender import Sender
    from runtail.store import Store

_REASSERT_SECONDS: Final = 2.0
#: How often it is looked whether more came late.
_LATE_SECONDS: Final = 1.0


class AfterEnd:
    """Until the pipe of the run is let go, and the end cannot be lost any more."""

    def __init__(self, run: Run, store: Store, sender: Sender, writer: LogWriter | None, now: float) -> None:
        """The run is over.

        :param writer: writes the end again if a failover took it back; None if there is no end of ours.
        """
        self._run = run
        self._store = store
        self._sender = sender
        self._writer = writer
        self._began_at = now
        self._asserted_at = now
        #: None: what the store says is not known.
        self._told_late: int | None = None

    def step(self, now: float) -> float | None:
        """Do what is due; answer when to be called next (monotonic), None when never.

        :raises StoreUnavailable: call again.
        :raises Fenced: somebody took the run, which had been given back.
        :raises RunDeleted: somebody deleted it.
        """
        run = self._run
        self._tell_late()
        if not run.closed and self.lets_go:
            run.closed = True
            self._sender.on_closed()
        if not self._retains(now):
            # What was retained to repair the end takes memory.
            self._writer = None
        if self._writer is None:
            return None if run.closed else now + _LATE_SECONDS
        if now - self._asserted_at >= _REASSERT_SECONDS:
            self._writer.reassert()
            self._asserted_at = now
        return now + (_REASSERT_SECONDS if run.closed else _LATE_SECONDS / 2)

    def leave_alone(self) -> None:
        """The run is not ours any more. Whoever holds its pipe still is not to find it broken."""
        self._writer = None

    @property
    def lets_go(self) -> bool:
        """Whether the pipe may be closed. While anybody holds it, and the worker lives, it is read."""
        return self._run.silent or self._sender.main_is_gone or self._run.let_go

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
