"""Claims a run and finds the position at which its log continues."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Final

from runtail import header, labels, titles
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, Held, Refused, Unrecorded, claim
from runtail.runs.ending import unflushed_ms
from runtail.worker.shipper.run import ShippedRun

if TYPE_CHECKING:
    from runtail.log.claim import Claim
    from runtail.settings import Settings
    from runtail.store import Store

log = logging.getLogger(__name__)

#: A redelivery may come before the end of the first execution is stored; it is not called a duplicate before this.
_DUPLICATE_SECONDS: Final = 2.0
#: A task that starts itself again, under its own id, is over a moment later.
_OTHER_SECONDS: Final = 1.0
#: A message that continues a run waits this much longer than a task waits for a store that is away.
_NEXT_SECONDS: Final = 1.0
#: How soon to ask again for a run that is held; somebody waits for a message that continues a run.
_POLL_SECONDS: Final = {"next": 0.1, "other": 0.25}
_HELD_POLL_SECONDS: Final = 0.5
_MAX_TEXT_CHARS: Final = 255
#: The message for a task that is executed and not recorded.
OVERLAPS: Final = "another task with the same id is running or queued, and the log belongs to that task"


class ClaimLoop:
    """Asks for one run until it is ours or is refused.

    A run that another execution holds is watched: if its beat moves, the holder
    lives, and ours is refused or not recorded (docs/decisions/0015); if the beat
    stands still for a whole lease, we take over.
    """

    def __init__(self, run: ShippedRun, store: Store, owner: str, worker: str) -> None:
        self._run = run
        self._store = store
        self._owner = owner
        self._worker = worker
        self._delivery: Delivery | None = None
        #: Monotonic: since when the run has been held, and since when the holder's beat has stood still.
        self._first_held_at = 0.0
        self._held: tuple[Held, float] | None = None
        #: Monotonic: when the store was last asked.
        self.asked_at = 0.0

    @property
    def poll_seconds(self) -> float:
        """How soon to ask again."""
        return _POLL_SECONDS.get(self._held[0].kind, _HELD_POLL_SECONDS) if self._held else _HELD_POLL_SECONDS

    def ask(self, now: float) -> Claimed | Refused | Unrecorded | None:
        """Ask once; return None to ask again soon.

        :raises StoreUnavailable: ask again later.
        """
        if self._delivery is None:
            self._delivery = delivery_of(self._run, self._worker)
        takeover = None
        if self._held and now - self._held[1] >= self._store.settings.lease_seconds:
            takeover = self._held[0]
        answer = self._claim(takeover=takeover)
        if not isinstance(answer, Held):
            return answer
        if self._held is None:
            self._first_held_at = now
        if self._held is None or self._held[0] != answer:
            self._held = (answer, now)
        if not self._lives(answer.kind, now):
            return None
        if answer.kind == "same":
            return Refused("held")
        answer = self._claim(overlaps=True)
        return None if isinstance(answer, Held) else answer

    def _claim(self, *, takeover: Held | None = None, overlaps: bool = False) -> Claimed | Refused | Unrecorded | Held:
        assert self._delivery is not None
        self.asked_at = time.monotonic()
        return claim(
            self._store,
            self._delivery,
            owner=self._owner,
            token=self._run.key,
            takeover=takeover,
            overlaps=overlaps,
        )

    def _lives(self, kind: str, now: float) -> bool:
        """Whether the holder has been seen alive for as long as this message waits for the holder's end."""
        assert self._held is not None
        waited, moved = now - self._first_held_at, self._held[1] > self._first_held_at
        if kind == "other":
            return waited >= _OTHER_SECONDS
        return moved and waited >= (self._next_seconds if kind == "next" else _DUPLICATE_SECONDS)

    @property
    def _next_seconds(self) -> float:
        settings = self._store.settings
        if self._run.headers is not None:
            return settings.lease_seconds
        # A task that Runtail did not start begins without an answer a little later.
        return min(settings.lease_seconds, settings.claim_patience_seconds + _NEXT_SECONDS)


def delivery_of(run: ShippedRun, worker: str) -> Delivery:
    """Return the delivery from a run's first message, checked: its content was made from somebody's message."""
    record = run.record

    def text(name: str) -> str:
        value = record.get(name)
        return value[:_MAX_TEXT_CHARS] if isinstance(value, str) else ""

    def number(name: str, default: int = 0) -> int:
        value = record.get(name)
        return value if type(value) is int and 0 <= value < header.MAX_NUMBER else default

    kwargs = record.get("kwargs")
    return Delivery(
        run_id=run.id,
        task=text("task"),
        worker=text("worker") or worker,
        publication=text("publication"),
        redelivered=bool(record.get("redelivered")),
        nesting=number("nesting"),
        retries=number("retries"),
        joins=bool(record.get("joins")),
        headers=run.headers,
        kwargs=kwargs if isinstance(kwargs, dict) else None,
        queue=text("queue"),
        parent=text("parent"),
        root=text("root"),
        who=(run.headers or {}).get("who"),
        redelivers=bool(record.get("redelivers")),
        restart=bool(record.get("restart")),
        exclusive=bool(record.get("exclusive")),
        max_attempts=number("max_attempts", 3) or 3,
        labels=run.labels,
        title=titles.cleaned(text("title")),
        hidden=bool(record.get("hidden")),
    )


def takeover_event(found: Claim, settings: Settings, now_ms: int) -> bytes:
    """Return an event for the output that a silent worker had not stored, as when the reaper ends a run."""
    return events.encode(
        events.WORKER_LOST,
        worker=found.record["taken_from"],
        attempt=found.attempt - 1,
        silent_ms=round(settings.lease_seconds * 1000),
        unflushed_ms=unflushed_ms(settings, found.number("taken_beat_ms"), now_ms),
    )


def restore(run: ShippedRun, found: Claim) -> None:
    """Set the processor to the position at which the stored log ends. Call with the lock held."""
    if run.again:
        run.processor = run.new_processor()
    processor = run.processor
    saved = run.journal.value("state", found.number("journal"))
    if saved:
        processor.restore(saved)
        run.journal.go_on_from("state", found.number("journal"))
    else:
        _begin(run, found)
    for kept in run.journal.read("drop")[:1]:
        drop = json.loads(kept)
        if drop["upto"] > processor.consumed:
            processor.skip_lost(drop["upto"] - processor.consumed)
    if run.again:
        processor.drop_outside(run.dropped_outside)


def _begin(run: ShippedRun, found: Claim) -> None:
    """Handle a record without our state: either nothing of this execution was stored, or the store lost it."""
    processor = run.processor
    # These are an earlier attempt's totals; bytes that were dropped before the claim are added.
    dropped, consumed = processor.overflow_bytes, processor.consumed
    names = ("masked", "rewritten_bytes", "overflow_bytes")
    processor.resume({**{name: found.number(name) for name in names}, "consumed": consumed})
    processor.overflow_bytes += dropped
    processor.labels.values = labels.added_in(found.record, run.labels)
    states = run.journal.read("state")
    if run.again and (len(states) > 1 or run.spool.released):
        # The last shipper had stored something, and the store lost it while no
        # shipper ran. The output before that shipper's last state is also gone from
        # the spool, at least in part.
        expected = found.number("consumed") if found.resumed else 0
        if states:
            processor.restore(states[0])
        lost = max(0, processor.consumed - expected)
        log.warning("run %s: the store lost %d bytes while no shipper ran", run.id, lost)
        processor.tell_lost(lost)
