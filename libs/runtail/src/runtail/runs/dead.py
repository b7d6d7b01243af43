"""Messages that workers refused: kept for a look, as they were, and the runs that waited for them end."""

from __future__ import annotations

from typing import Final

from runtail.errors import Fenced, RunNotFound
from runtail.log.ending import Ending
from runtail.protocol import RunState
from runtail.runs.ending import write_events
from runtail.runs.record import read_run
from runtail.store import Store, store_errors

#: As many are kept, the newest first.
MOST: Final = 100


def keep(store: Store, letter: str) -> None:
    """Keep a refused message.

    :param letter: a JSON object: when, which worker, why, headers, properties and body.
    :raises StoreUnavailable: if the server did not answer.
    """
    key = store.keys.dead()
    with store_errors(), store.client.pipeline(transaction=True) as pipeline:
        pipeline.lpush(key, letter)
        pipeline.ltrim(key, 0, MOST - 1)
        pipeline.expire(key, store.settings.log_ttl_seconds)
        pipeline.execute()


def end_run(store: Store, run_id: str, *, attempt: int, execution: int, why: str) -> None:
    """End the run that waits for a message that was refused; change nothing if it does not wait for this one.

    :param attempt: the attempt that the message was for.
    :param why: the end of a sentence.
    :raises StoreUnavailable: if the server did not answer.
    """
    try:
        run = read_run(store, run_id)
        waits = run.state is RunState.QUEUED and run.number("announced") and run.execution == execution
        if waits and run.number("attempt") == attempt - 1:
            write_events(store, run, "queued", [], ending=Ending(RunState.FAILED, f"not executed: {why}"))
    except (RunNotFound, Fenced):
        return  # nobody announced it, or it was claimed or ended a moment ago
