"""Repairing a log after the store lost a part of it (a failover to a lagging replica, an emptied server).

If the end of the stored log is in the writer's retained tail, the writer appends
the rest again, byte for byte and in the same epoch: readers see no difference.
Otherwise history is lost: the epoch rises, an event says which lines are
missing, and the retained entries follow it. Line numbers are never used twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from runtail.errors import Fenced, RunDeleted
from runtail.log.claim import LogEnd
from runtail.log.ending import Tally
from runtail.log.tail import Mismatch, Plan, Tail
from runtail.protocol import EVENT, Entry, EntryId
from runtail.protocol import event as events


def plan(tail: Tail, found: Mismatch, now_ms: Callable[[], int]) -> Plan:
    """Return how the log continues after what the store has.

    :param now_ms: the store's clock; read only if no entry is left to take the time from.
    :raises Fenced: the store is ahead of everything that this writer ever wrote.
    """
    kept = [*tail.retained, *tail.pending]
    end = found.end
    known = _known(tail, kept, end)
    repair_fields: dict[str, Any] = {"reclaim": tail.claim.reclaim_fields()}
    if known is not None:
        # The store may have forgotten that an epoch was raised; an epoch must never be used again.
        if found.epoch < tail.epoch:
            repair_fields["raise"] = tail.epoch
        lost_reply = not tail.retained or end.last >= tail.retained[-1].id
        return Plan(
            entries=kept[known:],
            stored=end,
            kept=min(known, len(tail.retained)),
            epoch=found.epoch,
            total_bytes=tail.total_bytes,
            cut=tail.cut,
            repair_fields=repair_fields,
            repaired=found.attempt < tail.claim.attempt or not lost_reply,
        )
    if end.last > EntryId(tail.claim.attempt, tail.seq):
        raise Fenced("superseded")
    return _lose(tail, end, found.cut, found.epoch, "rolled back", repair_fields, now_ms)


def plan_after_emptying(tail: Tail, store_uuid: str, *, deleted: bool, now_ms: Callable[[], int]) -> Plan:
    """Handle a missing record: the run was deleted, or the store was emptied or rolled back to before the run.

    :param store_uuid: the uuid that the store has now, empty if none was made yet.
    :param now_ms: as for :func:`plan`.
    :raises RunDeleted: somebody deleted the run.
    """
    if deleted:
        raise RunDeleted(f"run {tail.claim.run_id} was deleted")
    reason = "rolled back" if store_uuid == tail.claim.store_uuid else "emptied"
    fields = {"reclaim": tail.claim.reclaim_fields(), "create": tail.claim.create_fields()}
    return _lose(tail, LogEnd(), None, 0, reason, fields, now_ms)


def _known(tail: Tail, kept: Sequence[Entry], end: LogEnd) -> int | None:
    """Return how many entries of *kept* the store has if the writer has everything after *end*, else None."""
    for index, entry in enumerate(kept):
        if (entry.id, entry.chain) == (end.last, end.chain):
            return index + 1
    if (end.last, end.chain) == (tail.stored.last, tail.stored.chain):
        return len(tail.retained)
    start = tail.claim.start
    first_seq = start.last.seq + 1 if start.last.attempt == tail.claim.attempt else 1
    # An empty list of kept entries does not mean that nothing was written.
    complete = bool(kept) and kept[0].id == EntryId(tail.claim.attempt, first_seq)
    if complete and (end.last, end.chain) == (start.last, start.chain):
        return 0
    return None


def _lose(
    tail: Tail,
    end: LogEnd,
    cut: dict[str, int] | None,
    epoch: int,
    reason: str,
    repair_fields: dict[str, Any],
    now_ms: Callable[[], int],
) -> Plan:
    """Begin a new epoch after *end*: an event says what is missing, and the kept entries follow under new ids."""
    kept = [*tail.retained, *tail.pending]
    if kept and _tells_of_loss(kept[0]):
        kept = kept[1:]  # its lines now belong to the missing ones
    first_line = kept[0].from_line if kept else tail.line
    base_line = max(end.line, first_line)
    kept_bytes = sum(events.output_bytes(entry) for entry in kept)
    lost_bytes = max(0, tail.total_bytes - kept_bytes - end.total_bytes)
    seq = itertools.count(tail.seq + 1)
    chain = end.chain
    made: list[Entry] = []

    def add(type_: str, from_line: int, t_ms: int, payload: bytes, continues: bool) -> None:
        nonlocal chain
        entry = Entry.make(
            EntryId(tail.claim.attempt, next(seq)), "o" if type_ == "o" else "e", from_line, t_ms, payload, chain,
            continues=continues,
        )  # fmt: skip
        chain = entry.chain
        made.append(entry)

    # Add the event even if no line is missing: ids jump here, and this entry explains the jump.
    t_ms = kept[0].t_ms if kept else now_ms()
    lost = {"from": end.line, "to": base_line - 1, "bytes": lost_bytes, "reason": reason}
    add(EVENT, base_line, t_ms, events.encode(events.STORE_LOST, **lost), False)
    total = end.total_bytes + lost_bytes + kept_bytes
    for entry in kept:
        line = entry.from_line - first_line + base_line
        payload = entry.payload
        if tail.ending is not None and entry is kept[-1]:
            payload = tail.ending.payload(Tally(line, chain, total, cut, tail.counters))
        add(entry.type, line, entry.t_ms, payload, entry.continues)
    repair_fields["raise"] = max(epoch, tail.epoch)
    return Plan(
        entries=made,
        stored=end,
        kept=0,
        epoch=epoch,
        total_bytes=total,
        cut=cut,
        repair_fields=repair_fields,
        lost=True,
    )


def _tells_of_loss(entry: Entry) -> bool:
    return entry.type == EVENT and events.decode(entry)["kind"] == events.STORE_LOST
