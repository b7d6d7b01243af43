"""Mending a log after the store lost a part of it (a failover to a lagging replica, an emptied server).

If what the store still has is in the writer's retained tail, the rest is
appended again byte for byte in the same epoch: nobody sees a difference.
Otherwise history is lost: the epoch rises, an event says which lines are
missing, and what is retained follows it. Line numbers are never used twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtail.errors import Fenced, RunDeleted
from runtail.log.claim import Point
from runtail.log.ending import Tally, read_cut
from runtail.protocol import EVENT, Entry, EntryId
from runtail.protocol import event as events

if TYPE_CHECKING:
    from runtail.log.writer import LogWriter


@dataclass(frozen=True, slots=True)
class Found:
    """Where the store says the log ends, when that is not where the writer believed."""

    epoch: int
    point: Point
    attempt: int
    #: What the quota has cut of it.
    cut: dict[str, int] | None

    @classmethod
    def read(cls, reply: Sequence[bytes]) -> Found:
        """Read the ``mismatch`` reply of ``append.lua``."""
        _, epoch, last, line, chain, attempt, bytes_, *cut = reply
        point = Point(EntryId.parse(last), int(line), chain, int(bytes_))
        return cls(int(epoch), point, int(attempt), read_cut(cut))


def after_mismatch(writer: LogWriter, found: Found) -> None:
    """Make the writer's next call fit what the store has.

    :raises Fenced: the store is ahead of everything this writer ever wrote.
    """
    kept = [*(entry for _, entry in writer.retained), *writer.pending]
    point = found.point
    known = _known(writer, kept, point)
    writer.mending = {"reclaim": writer.claim.reclaim_fields()}
    if known is not None:
        # The store may have forgotten that an epoch was raised; a number must not come back.
        if found.epoch < writer.epoch:
            writer.mending["raise"] = writer.epoch
        lost_reply = not writer.retained or point.last >= writer.retained[-1][1].id
        if found.attempt < writer.claim.attempt or not lost_reply:
            writer.repairs += 1
        writer.epoch = found.epoch
        writer.requeue(kept[known:], point, kept=min(known, len(writer.retained)))
        return
    if point.last > EntryId(writer.claim.attempt, writer.seq):
        raise Fenced("superseded")
    writer.cut = found.cut
    _lose(writer, kept, point, found.epoch, "rolled back")


def after_emptying(writer: LogWriter, store_uuid: str, *, deleted: bool) -> None:
    """The record is gone: somebody deleted the run, the store was emptied, or it went back to before the run.

    :param store_uuid: the uuid the store has now, empty if none was made yet.
    :raises RunDeleted: somebody deleted it.
    """
    if deleted:
        raise RunDeleted(f"run {writer.claim.run_id} was deleted")
    reason = "rolled back" if store_uuid == writer.claim.store_uuid else "emptied"
    kept = [*(entry for _, entry in writer.retained), *writer.pending]
    writer.mending = {"reclaim": writer.claim.reclaim_fields()}
    writer.cut = None
    _lose(writer, kept, Point(), 0, reason)
    writer.mending["create"] = writer.claim.create_fields()


def _known(writer: LogWriter, kept: Sequence[Entry], point: Point) -> int | None:
    """Return how many of *kept* the store has if the writer has everything behind *point*, else None."""
    for index, entry in enumerate(kept):
        if (entry.id, entry.chain) == (point.last, point.chain):
            return index + 1
    if (point.last, point.chain) == (writer.stored.last, writer.stored.chain):
        return len(writer.retained)
    start = writer.claim.start
    # Nothing kept does not mean that nothing was written.
    complete = bool(kept) and kept[0].id == EntryId(writer.claim.attempt, _first_seq(writer))
    if complete and (point.last, point.chain) == (start.last, start.chain):
        return 0
    return None


def _first_seq(writer: LogWriter) -> int:
    start = writer.claim.start
    return start.last.seq + 1 if start.last.attempt == writer.claim.attempt else 1


def _lose(writer: LogWriter, kept: list[Entry], point: Point, epoch: int, reason: str) -> None:
    """Begin a new epoch behind *point*: say what is missing, then what was kept, under new ids."""
    if kept and _tells_of_loss(kept[0]):
        kept = kept[1:]  # its lines are part of what is missing now
    first_line = kept[0].from_line if kept else writer.line
    base_line = max(point.line, first_line)
    kept_bytes = sum(events.output_bytes(entry) for entry in kept)
    lost_bytes = max(0, writer.total_bytes - kept_bytes - point.total_bytes)
    seq = itertools.count(writer.seq + 1)
    chain = point.chain
    made: list[Entry] = []

    def add(type_: str, from_line: int, t_ms: int, payload: bytes, continues: bool) -> None:
        nonlocal chain
        entry = Entry.make(
            EntryId(writer.claim.attempt, next(seq)), "o" if type_ == "o" else "e", from_line, t_ms, payload, chain,
            continues=continues,
        )  # fmt: skip
        chain = entry.chain
        made.append(entry)

    # Also when no line is missing: ids jump here, and this entry is why.
    t_ms = kept[0].t_ms if kept else writer.store.now_ms()
    lost = {"from": point.line, "to": base_line - 1, "bytes": lost_bytes, "reason": reason}
    add(EVENT, base_line, t_ms, events.encode(events.STORE_LOST, **lost), False)
    total = point.total_bytes + lost_bytes + kept_bytes
    for entry in kept:
        line = entry.from_line - first_line + base_line
        payload = entry.payload
        if writer.ending is not None and entry is kept[-1]:
            payload = writer.ending.payload(Tally(line, chain, total, writer.cut, writer.counters))
        add(entry.type, line, entry.t_ms, payload, entry.continues)
    writer.mending["raise"] = max(epoch, writer.epoch)
    writer.epoch = epoch
    writer.total_bytes = total
    writer.losses += 1
    writer.requeue(made, point)


def _tells_of_loss(entry: Entry) -> bool:
    return entry.type == EVENT and events.decode(entry)["kind"] == events.STORE_LOST
