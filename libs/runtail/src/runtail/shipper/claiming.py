"""Getting hold of a run, and finding the place where its log goes on."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

from runtail.runs.claim import Claimed, Delivery, Held, Refused, claim
from runtail.shipper.run import Run

if TYPE_CHECKING:
    from runtail.log.claim import Claim
    from runtail.store import Store

log = logging.getLogger(__name__)


class Claiming:
    """Asks for one run until it is ours, or refused.

    A run that another execution holds is watched: if its beat moves, that one
    lives and ours is refused; if it stands still for a whole lease, we take over.
    """

    def __init__(self, run: Run, store: Store, owner: str, worker: str) -> None:
        record = run.record
        self._run = run
        self._store = store
        self._owner = owner
        self._held: tuple[Held, float] | None = None
        #: Monotonic: when the store was asked last.
        self.asked_at = 0.0
        self._delivery = Delivery(
            run_id=run.id,
            task=str(record["task"]),
            worker=str(record.get("worker") or worker),
            retries=int(record.get("retries") or 0),
            headers=record.get("headers"),
            kwargs=record.get("kwargs"),
            queue=str(record.get("queue") or ""),
            who=record.get("who"),
            redelivers=bool(record.get("redelivers")),
            restart=bool(record.get("restart")),
            exclusive=bool(record.get("exclusive")),
            max_attempts=int(record.get("max_attempts") or 3),
            hidden=bool(record.get("hidden")),
        )

    def ask(self, now: float) -> Claimed | Refused | None:
        """Ask once; None means: ask again soon.

        :raises StoreUnavailable: ask again later.
        """
        takeover = None
        if self._held and now - self._held[1] >= self._store.settings.lease_seconds:
            takeover = self._held[0]
        self.asked_at = time.monotonic()
        answer = claim(self._store, self._delivery, owner=self._owner, token=self._run.key, takeover=takeover)
        if not isinstance(answer, Held):
            return answer
        if self._held is None:
            self._held = (answer, now)
        if self._held[0] == answer:
            return None
        return Refused("held")


def restore(run: Run, found: Claim) -> None:
    """Bring the processor to where the stored log ends. Call with the lock held."""
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


def _begin(run: Run, found: Claim) -> None:
    """The record names no state of ours: nothing of this execution is stored, or not any more."""
    processor = run.processor
    # An earlier attempt's totals; what was dropped before the claim adds up.
    dropped, consumed = processor.overflow_bytes, processor.consumed
    names = ("masked", "rewritten_bytes", "overflow_bytes")
    processor.resume({**{name: found.number(name) for name in names}, "consumed": consumed})
    processor.overflow_bytes += dropped
    states = run.journal.read("state")
    if run.again and (len(states) > 1 or run.spool.released):
        # The last shipper had stored something, and the store lost it while
        # none ran. What stands before its last state is gone from the spool
        # too, at least in part.
        expected = found.number("consumed") if found.resumed else 0
        if states:
            processor.restore(states[0])
        lost = max(0, processor.consumed - expected)
        log.warning("run %s: the store lost %d bytes while no shipper ran", run.id, lost)
        processor.tell_lost(lost)
