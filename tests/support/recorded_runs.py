"""Runs as the store has them: their records, waited for, and their logs, checked entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from runtail.log import reader
from runtail.protocol import Entry, RunState
from runtail.protocol.event import decode
from runtail.runs.record import Run, read_runs
from runtail.store import Store
from tests.support.waiting import wait_for

#: For what ends a run, and the start of a worker on a busy machine.
DEADLINE_SECONDS = 60.0


class RecordedRuns:
    """What installations of all sizes say of their runs."""

    store: Store

    def evidence(self) -> str:
        """What failures show beside the records: the output of the processes."""
        raise NotImplementedError

    def find(self, run_id: str) -> Run | None:
        """The run's record, if there is one."""
        return next(iter(read_runs(self.store, [run_id])), None)

    def wait(
        self, run_ids: Sequence[str], condition: Callable[[Run], object], deadline_seconds: float = DEADLINE_SECONDS
    ) -> list[Run]:
        """Return the records once the condition holds for all of them."""

        def look() -> list[Run] | None:
            runs = {run.id: run for run in read_runs(self.store, list(run_ids))}
            good = len(runs) == len(run_ids) and all(condition(run) for run in runs.values())
            return [runs[run_id] for run_id in run_ids] if good else None

        def evidence() -> str:
            records = "\n".join(f"{run.id}: {run.fields}" for run in read_runs(self.store, list(run_ids)))
            return f"{records or 'no record'}\n{self.evidence()}"

        found = wait_for(look, deadline_seconds, evidence)
        assert found is not None
        return found

    def wait_for_state(self, run_id: str, *states: RunState, deadline_seconds: float = DEADLINE_SECONDS) -> Run:
        """Return the record once the run is in one of the states."""
        return self.wait([run_id], lambda run: run.state in states, deadline_seconds)[0]

    @overload
    def wait_running(self, run_ids: str, deadline_seconds: float = ...) -> Run: ...
    @overload
    def wait_running(self, run_ids: list[str], deadline_seconds: float = ...) -> list[Run]: ...
    def wait_running(self, run_ids: str | list[str], deadline_seconds: float = DEADLINE_SECONDS) -> Run | list[Run]:
        """Return the record of a run, or those of several, once they are being executed."""
        return self._wait_each(run_ids, lambda run: run.state == "running", deadline_seconds)

    @overload
    def wait_ended(self, run_ids: str, deadline_seconds: float = ...) -> Run: ...
    @overload
    def wait_ended(self, run_ids: list[str], deadline_seconds: float = ...) -> list[Run]: ...
    def wait_ended(self, run_ids: str | list[str], deadline_seconds: float = DEADLINE_SECONDS) -> Run | list[Run]:
        """Return the record of a run, or those of several, once they are over."""
        return self._wait_each(run_ids, lambda run: run.state.terminal, deadline_seconds)

    def _wait_each(
        self, run_ids: str | list[str], condition: Callable[[Run], object], deadline_seconds: float
    ) -> Run | list[Run]:
        if isinstance(run_ids, str):
            return self.wait([run_ids], condition, deadline_seconds)[0]
        return self.wait(run_ids, condition, deadline_seconds)

    def entries(self, run_id: str) -> list[Entry]:
        """The stored log; cuts are left out."""
        if self.find(run_id) is None:
            return []
        return [item for item in reader.entries(self.store, run_id) if isinstance(item, Entry)]

    def output(self, run_id: str) -> bytes:
        """The stored output."""
        return b"".join(entry.payload for entry in self.entries(run_id) if entry.type == "o")

    def events(self, run_id: str, kind: str = "") -> list[dict[str, Any]]:
        """The stored events, those of one kind if it is given."""
        return [event for _entry, event in self.event_entries(run_id, kind)]

    def event_entries(self, run_id: str, kind: str = "") -> list[tuple[Entry, dict[str, Any]]]:
        """The stored events, each behind its entry."""
        found = [(entry, dict(decode(entry))) for entry in self.entries(run_id) if entry.type == "e"]
        return [(entry, event) for entry, event in found if kind in ("", event["kind"])]
