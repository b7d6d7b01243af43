"""Cancelling: a queued run ends at once, a running one is asked to end."""

from __future__ import annotations

import orjson

from runtail.errors import Fenced, RunEnded, RunNotFound, StoreUnavailable
from runtail.log.ending import Ending
from runtail.protocol import RunState
from runtail.protocol import event as events
from runtail.runs.ending import write_events
from runtail.runs.record import Run, read_run
from runtail.runs.start import mark
from runtail.store import Store


def cancel(store: Store, run_id: str, *, who: str | None = None, why: str = "") -> Run:
    """Ask for a run's end and return the run as it is after that.

    A running one ends when its worker has ended the process tree; asking
    again changes nothing.

    :raises RunNotFound: if there is no such run.
    :raises RunEnded: if the run is over.
    :raises StoreUnavailable: if the server did not answer.
    """
    for _ in range(20):
        run = read_run(store, run_id)
        request = {"who": who, "why": why, "at_ms": store.now_ms()}
        if run.state.terminal:
            raise RunEnded(run_id, run.state)
        if run.state is RunState.RUNNING:
            fields = {"cancel": orjson.dumps(request).decode()}
            if mark(store, run_id, RunState.RUNNING, fields, execution=run.execution, once=True, changed=True):
                return read_run(store, run_id)
            continue
        sentence = f"cancelled by {who} before it began" if who else "cancelled before it began"
        if _end_queued(store, run, sentence, who=who, why=why):
            return read_run(store, run_id)
    raise StoreUnavailable(f"run {run_id} changes too fast to be cancelled; try again")


def end_discarded(store: Store, run_id: str, *, expired: bool) -> None:
    """End a run whose message Celery discarded, if the run waits for that message; otherwise change nothing.

    :param expired: True if the message expired; otherwise it was revoked.
    :raises StoreUnavailable: if the server did not answer.
    """
    why = "expired in Celery" if expired else "revoked through Celery"
    try:
        run = read_run(store, run_id)
        if run.state is RunState.QUEUED:
            _end_queued(store, run, f"cancelled before it began: {why}", who=None, why=why)
    except RunNotFound:
        return  # nobody announced it


def _end_queued(store: Store, run: Run, sentence: str, *, who: str | None, why: str) -> bool:
    """End a queued run; return False if it was claimed or ended a moment ago."""
    payload = events.encode(events.CANCEL, who=who, why=why, signal=None)
    try:
        write_events(store, run, "queued", [payload], ending=Ending(RunState.CANCELLED, sentence))
    except Fenced:
        return False
    return True
