"""Ending or releasing a run from outside its writer: a cancel while queued, the reaper, a failed start."""

from __future__ import annotations

from typing import Any, Literal

from runtail.errors import Fenced, RunNotFound
from runtail.log.claim import LogEnd
from runtail.log.ending import COUNTERS, Ending, Tally
from runtail.log.writer import append
from runtail.protocol import EVENT, Awaits, Entry, EntryId
from runtail.runs.record import Run
from runtail.settings import Settings
from runtail.store import Store, store_errors

#: Who writes: ``queued`` only while the run is queued, ``reaper`` only while its writer's beat does not change.
Actor = Literal["queued", "reaper"]


def unflushed_ms(settings: Settings, beat_ms: int, now_ms: int) -> int | None:
    """Return the span of a lost writer's output that may be missing: since its last beat, plus what it buffered then.

    The time of the beat is stored with the log: a failover that rolls back entries rolls back the time as well.

    :param beat_ms: the writer's last renewal by the store's clock; 0 if unknown.
    :param now_ms: the store's clock now.
    """
    if not beat_ms:
        return None
    return max(0, now_ms - beat_ms) + round(settings.flush_seconds * 1000) + 100


def write_events(
    store: Store,
    run: Run,
    actor: Actor,
    payloads: list[bytes],
    *,
    ending: Ending | None = None,
    release: str | None = None,
    awaits: Awaits | None = None,
    forget_idempotency: bool = False,
) -> None:
    """Append events to a run without holding its lease; end or release the run in the same call.

    :param run: the record as just read; its attempt and beat must not have changed since.
    :param ending: end the run this way.
    :param release: put the run back to ``queued`` for this reason.
    :param awaits: the message that the run waits for then; None for one that Runtail publishes.
    :param forget_idempotency: free the key that the run was started with.
    :raises Fenced: the run changed in the meantime: nothing was written.
    :raises RunNotFound: the run is gone.
    :raises StoreUnavailable: the server did not answer; calling again is safe.
    """
    now_ms = store.now_ms()
    start = run.point
    point, entries = start, list[Entry]()

    def add(payload: bytes) -> None:
        nonlocal point
        seq = point.last.seq + 1 if point.last.attempt == run.number("attempt") else 1
        id_ = EntryId(run.number("attempt"), seq)
        entries.append(Entry.make(id_, EVENT, point.line, now_ms, payload, point.chain))
        point = point.after(entries[-1])

    for payload in payloads:
        add(payload)
    ask: dict[str, Any] = {"as": actor, "attempt": run.number("attempt"), "beat": run.number("beat")}
    if ending is not None:
        counters = {name: run.number(name) for name in COUNTERS}
        add(ending.payload(Tally(point.line, point.chain, point.total_bytes, run.cut, counters)))
        key = run.text("idempotency") if forget_idempotency else None
        ask["next"] = ending.next(store.settings.log_ttl_seconds, forget_idempotency=key or None)
    elif release is not None:
        ask["next"] = {"fields": {"state": "queued", "why": release, "owner": "", "token": "", "awaits": awaits or ""}}
    _append(store, run, ask, start, entries)


def _append(store: Store, run: Run, ask: dict[str, Any], start: LogEnd, entries: list[Entry]) -> None:
    settings = store.settings
    ask = {
        **ask,
        "epoch": run.number("epoch"),
        "last": str(start.last),
        "line": start.line,
        "quota": settings.quota_bytes,
        "head": settings.head_bytes,
        "live": False,
        "next": ask.get("next", False),
    }
    with store_errors():
        reply = append(store, run.id, ask, start.chain, entries)
    if reply[0] == b"ok":
        return
    if reply[0] == b"gone":
        raise RunNotFound(run.id)
    raise Fenced(reply[1].decode() if reply[0] == b"fenced" else "moved")
