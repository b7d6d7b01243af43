"""Brings a run of the past into the store, as a shipper would have done at that time: with digests that verify."""

from __future__ import annotations

import json
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runtail import titles
from runtail.log.writer import LogWriter
from runtail.protocol import EVENT, RunState
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.start import mark
from runtail.store import Store, store_errors
from runtail.worker.shipper.batches import add_item
from runtail.worker.shipper.output.processor import Processor
from runtail_worker.examples.past import SCRIPTS, Past
from runtail_worker.examples.stage import NONCE, Cut, Recording

#: From the start request to the first line, and between two attempts.
_WAIT_MS: Final = 400
_RETRY_MS: Final = 30_000
#: So much of a script is performed by a run that was cut off, and by the attempt before a retry.
_CUT_SHARE: Final = 0.6
_RETRY_SHARE: Final = 0.4
#: Where the sources would lie in an image.
_SOURCES: Final = f"{Path(__file__).parents[2]}/"


def write(store: Store, past: Past, entry: Mapping[str, Any], now_ms: int) -> str:
    """Write a run that is over, and return its id.

    :param entry: the task's entry in the catalogue.
    :param now_ms: by the store's clock.
    :raises RuntimeError: if somebody else has the run, whose id is new.
    :raises StoreUnavailable: if the server did not answer.
    """
    run_id = str(uuid.uuid4())
    title = titles.filled(str(entry.get("title") or ""), past.kwargs)
    created_ms = now_ms - round(past.minutes_ago * 60_000)
    first_ms = began_ms = created_ms + _WAIT_MS
    ends_ms = first_ms + round(past.seconds * 1000)
    writer = _claim(store, past, run_id, title, began_ms)
    if past.retried:
        middle_ms = (first_ms + ends_ms - _RETRY_MS) // 2
        began_ms = middle_ms + _RETRY_MS
        _perform(writer, past, first_ms, middle_ms, _RETRY_SHARE)
        retry = events.encode(events.RETRY, retries=1, max=3, eta_ms=began_ms, reason=past.retried)
        writer.release(f"retry 1 of 3: {past.retried}", retry, t_ms=middle_ms, awaits="retry")
        writer = _claim(store, past, run_id, title, began_ms, retries=1)
    _end(writer, past, began_ms, ends_ms)
    times = {
        "created_ms": created_ms,
        "first_started_ms": first_ms,
        "started_ms": began_ms,
        "finished_ms": ends_ms,
        "since_ms": ends_ms,
    }
    _date_back(store, run_id, past.state, times)
    return run_id


def _claim(store: Store, past: Past, run_id: str, title: str, began_ms: int, retries: int = 0) -> LogWriter:
    delivery = Delivery(
        run_id=run_id,
        task=past.task,
        worker=past.worker,
        publication=str(uuid.uuid4()),
        retries=retries,
        kwargs=past.kwargs,
        queue=past.queue,
        who=past.who,
        title=title,
    )
    claimed = claim(store, delivery, owner="examples", token=uuid.uuid4().hex)
    if not isinstance(claimed, Claimed):
        raise RuntimeError(f"the new run {run_id} is not to be had: {claimed}")
    writer = LogWriter(store, claimed.claim)
    start = events.encode(events.START, attempt=claimed.claim.attempt, worker=past.worker)
    writer.add(EVENT, start, began_ms)
    return writer


def _end(writer: LogWriter, past: Past, began_ms: int, ends_ms: int) -> None:
    """Perform the last attempt and write its end."""
    ended = past.state in (RunState.SUCCEEDED, RunState.FAILED)
    result, failure = _perform(writer, past, began_ms, ends_ms, 1.0 if ended else _CUT_SHARE)
    why, signal = "", None
    if failure is not None:
        why = f"{type(failure).__name__}: {failure}"
    elif past.state is RunState.CANCELLED:
        why, signal = f"cancelled by {past.by}", 15
        asked = events.encode(events.CANCEL_REQUESTED, who=past.by, at_ms=ends_ms, why="")
        writer.add(EVENT, asked, ends_ms)
        writer.add(EVENT, events.encode(events.CANCEL, who=past.by, signal=signal, pids=1, killed=0), ends_ms)
    elif past.state is RunState.LOST:
        why = f"{past.worker} was silent for 31 s; how it ended is not known"
        lost = events.encode(
            events.WORKER_LOST,
            worker=past.worker,
            silent_ms=31_000,
            attempt=writer.claim.attempt,
            unflushed_ms=31_150,
        )
        writer.add(EVENT, lost, ends_ms)
    kept = json.dumps({"value": result, "cut": False}) if result is not None else ""
    writer.end(past.state, why, t_ms=ends_ms, signal=signal, result=kept)


def _perform(
    writer: LogWriter, past: Past, began_ms: int, ends_ms: int, share: float
) -> tuple[dict[str, Any] | None, Exception | None]:
    """Add what the script writes between two times; return its result, or how it failed, or neither if it was cut."""
    recording, result, failure = _record(past)
    if share < 1:
        recording, result, failure = _record(past, recording.seconds * share)
    processor = Processor(NONCE, recording.secrets)
    processor.resume(writer.counters)
    scale = (ends_ms - began_ms) / max(recording.seconds, 0.001)
    for seconds, data in recording.parts:
        for item in processor.feed(data):
            add_item(writer, item, began_ms + round(seconds * scale))
    trace = "".join(traceback.format_exception(failure)).replace(_SOURCES, "/app/") if failure else ""
    for item in processor.feed(trace.encode()) + processor.finish():
        add_item(writer, item, ends_ms)
    writer.labels = processor.labels.values
    writer.counters.update(processor.counters())
    return result, failure


def _record(past: Past, cut_seconds: float = float("inf")) -> tuple[Recording, dict[str, Any] | None, Exception | None]:
    recording = Recording(cut_seconds)
    try:
        return recording, SCRIPTS[past.task](recording, **past.kwargs), None
    except Cut:
        return recording, None, None
    except Exception as failure:  # noqa: BLE001 - the run fails by it
        # (The first frame is this one.)
        return recording, None, failure.with_traceback(failure.__traceback__ and failure.__traceback__.tb_next)


def _date_back(store: Store, run_id: str, state: RunState, times: Mapping[str, int]) -> None:
    """Set the times of a run that has just ended to those of the past; scripts take the store's clock."""
    with store_errors():
        store.client.zadd(store.keys.runs(), {run_id: times["created_ms"]}, xx=True)
        store.client.zadd(store.keys.finished(), {run_id: times["finished_ms"]}, xx=True)
    mark(store, run_id, state, {name: str(time_ms) for name, time_ms in times.items()}, changed=True)
