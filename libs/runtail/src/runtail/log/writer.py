"""Writing a log: entries get their id, line and digest here; one script call stores them.

A writer can always repeat an append: ids are explicit, so the store recognises
entries that it already has. After a failover that rolled the store back, the
writer repairs the log from the entries it retained (:mod:`runtail.log.repair`).
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runtail.errors import Fenced, RuntailError, StoreUnavailable
from runtail.labels import fields_of
from runtail.log import repair
from runtail.log.claim import Claim
from runtail.log.ending import COUNTERS, Ending, Tally, read_cut
from runtail.log.tail import Mismatch, Plan, Tail
from runtail.protocol import EVENT, Awaits, Entry, EntryId, EntryType, RunState
from runtail.store import Store, store_errors
from runtail.titles import fields_of as fields_of_title

#: A store that rolls back again during a repair is repaired again, but only this often in one call.
_MAX_REPAIRS = 8

#: The fields of the record that show whether a writer's last entry is still stored: ``append.lua`` compares them too.
STANDING = ("state", "last", "chain")

#: One call carries at most this much; Redis is single-threaded, so other clients wait.
MAX_CALL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """The store's answer to an append or a renewal."""

    #: ``{"who", "at_ms", "why"}`` if somebody has asked for the run's end.
    cancel: dict[str, Any] | None = None
    #: How many unrecorded executions with the same id have begun beside this one.
    overlaps: int = 0


class LogWriter:
    """The one writer of one attempt.

    :meth:`add` never does I/O; :meth:`flush`, :meth:`end`, :meth:`release`
    and :meth:`reassert` do. After :class:`StoreUnavailable` you can simply call
    them again. Not thread-safe.

    :param clock: monotonic seconds.
    :param heard_at: when the claim was requested, by that clock; by default now.
    """

    def __init__(
        self,
        store: Store,
        claim: Claim,
        *,
        clock: Callable[[], float] = time.monotonic,
        heard_at: float | None = None,
    ) -> None:
        self.store = store
        self.claim = claim
        self._clock = clock
        #: When the last call that the store answered with "ok" was sent: the lease started then at the earliest.
        self._heard_at = clock() if heard_at is None else heard_at
        #: The next line's number, the digest of all entries added, the output bytes of the run.
        self.line = claim.start.line
        self.chain = claim.start.chain
        self.total_bytes = claim.start.total_bytes
        self.last = claim.start.last
        self.epoch = claim.epoch
        self.seq = claim.start.last.seq if claim.start.last.attempt == claim.attempt else 0
        #: Entries added but not stored yet, oldest first.
        self.pending: deque[Entry] = deque()
        #: Where the stored log ended at the store's last answer.
        self.stored = claim.start
        #: Entries stored recently, kept to repair a store that rolled back: (seconds, entry).
        self.retained: deque[tuple[float, Entry]] = deque()
        self._retained_bytes = 0
        #: The totals in the record, by field.
        self.counters: dict[str, int] = {}
        self.counters.update({name: claim.number(name) for name in COUNTERS if name in claim.record})
        #: The labels that the task has set while it runs; sent again each time, like the totals.
        self.labels: Mapping[str, str] = {}
        #: Returns the title that the task has set while it runs, or nothing.
        self.title: Callable[[], str] = str
        #: The part that the quota has cut so far.
        self.cut: dict[str, int] | None = claim.cut
        self.ending: Ending | None = None
        self.next: dict[str, Any] | None = None
        #: Additional fields of the next call, to repair the record; empty if nothing is wrong.
        self.repair_fields: dict[str, Any] = {}
        self.cancel = claim.cancel
        #: How often history was repaired, and how often it was lost; for metrics.
        self.repairs = 0
        self.losses = 0

    def add(self, type_: EntryType, payload: bytes, t_ms: int, *, continues: bool = False) -> Entry:
        """Queue one entry and return it.

        :param t_ms: when it was written, in milliseconds since 1970 by the store's clock.
        :param continues: True if the last line continues in the next entry.
        :raises RuntailError: after :meth:`end` or :meth:`release`.
        """
        if self.next is not None:
            raise RuntailError("nothing can be added behind the end")
        self.seq += 1
        entry = Entry.make(
            EntryId(self.claim.attempt, self.seq), type_, self.line, t_ms, payload, self.chain, continues=continues
        )
        self.pending.append(entry)
        self.last, self.line, self.chain = entry.id, entry.next_line, entry.chain
        if entry.type != EVENT:
            self.total_bytes += len(entry.payload)
        return entry

    def flush(self, *, live: Mapping[str, Any] | None = None, counters: Mapping[str, int] | None = None) -> Answer:
        """Store the pending entries and renew the lease; if nothing is pending, only renew.

        :param live: the unfinished line: ``{"rev", "line", "text", "progress"}``.
        :param counters: totals to set in the record, such as ``masked``; they are kept and sent again after a repair.
        :raises StoreUnavailable: nothing is lost, call again.
        :raises Fenced: the run has ended or another writer has it.
        :raises RunDeleted: somebody deleted the run.
        """
        if counters:
            self.counters.update(counters)
        for _ in range(_MAX_REPAIRS):
            while True:
                batch = self._batch()
                whole = len(batch) == len(self.pending)
                sent_at = self._clock()
                reply = self._call(batch, live, whole=whole, sent_at=sent_at)
                if reply[0] != b"ok":
                    break
                self._heard_at = sent_at
                self._settle(batch, reply)
                if whole:
                    return self._answer(reply[1], int(reply[7]))
            if reply[0] == b"fenced":
                raise Fenced(reply[1].decode())
            if reply[0] == b"gone":
                now_ms, deleted = self.store.now_ms, bool(reply[2])
                self._apply(repair.plan_after_emptying(self._tail(), reply[1].decode(), deleted=deleted, now_ms=now_ms))
            else:
                self._apply(repair.plan(self._tail(), Mismatch.read(reply), self.store.now_ms))
        raise StoreUnavailable("the store changes faster than its log can be repaired")

    def end(
        self,
        state: RunState,
        why: str,
        *,
        t_ms: int,
        exit_status: int | None = None,
        signal: int | None = None,
        result: str = "",
        why_line: int | None = None,
    ) -> Answer:
        """Write the terminal entry and finish the run, in one call together with the pending entries.

        :param why: one honest sentence, such as ``signal 9``.
        :param t_ms: now, by the store's clock.
        :param result: what the task returned, as JSON for the record.
        :param why_line: the number of the line that says why; None if it is not known.
        :raises: as :meth:`flush`.
        """
        if self.ending is None:
            if self.pending:
                self.flush()  # the quota may cut; the terminal entry must say how much
            self.ending = Ending(state, why, exit_status, signal, result, why_line)
            self.add(EVENT, self.ending.payload(self.tally()), t_ms)
            self.next = self.ending.next(self.store.settings.log_ttl_seconds)
        return self.flush()

    def newest(self) -> Iterator[Entry]:
        """Yield the entries that are at hand, the newest first: those of the last seconds at least."""
        yield from reversed(self.pending)
        yield from (entry for _, entry in reversed(self.retained))

    def tally(self) -> Tally:
        """Return the current totals."""
        return Tally(self.line, self.chain, self.total_bytes, self.cut, self.counters)

    def release(
        self, why: str, event: bytes, *, t_ms: int, eta_ms: int | None = None, awaits: Awaits | None = None
    ) -> Answer:
        """Write an event and put the run back to ``queued``: a retry, a requeue, an interruption, a replacement.

        :param event: payload made by :func:`runtail.protocol.event.encode`.
        :param eta_ms: when it will be tried again, if known.
        :param awaits: the message that the run waits for; None for one that Runtail publishes.
        :raises: as :meth:`flush`.
        """
        if self.next is None:
            self.add(EVENT, event, t_ms)
            fields = {"state": str(RunState.QUEUED), "why": why, "owner": "", "token": "", "awaits": awaits or ""}
            if eta_ms is not None:
                fields["eta_ms"] = str(eta_ms)
            self.next = {"fields": fields}
        return self.flush()

    def stands(self, found: Sequence[bytes | None], asked_at: float) -> bool:
        """Tell whether the store still has the end or the release, from the record's :data:`STANDING` fields.

        This is cheaper than :meth:`reassert`, which you must call if the answer is False.

        :param found: the values of these fields.
        :param asked_at: when the store was asked, by the writer's clock.
        """
        if self.next is None or self.pending:
            return False
        wanted = [self.next["fields"]["state"].encode(), str(self.stored.last).encode(), self.stored.chain]
        if list(found) != wanted:
            return False
        self._heard_at = asked_at
        return True

    def reassert(self) -> Answer:
        """Check after the end that the store still has it, and repair the log if the store was rolled back.

        :raises Fenced: in the ordinary case of a released run that another worker has claimed.
        """
        return self.flush()

    def _batch(self) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        for entry in self.pending:
            if batch and size + len(entry.payload) > MAX_CALL_BYTES:
                break
            batch.append(entry)
            size += len(entry.payload)
        return batch

    def _call(
        self, batch: Sequence[Entry], live: Mapping[str, Any] | None, *, whole: bool, sent_at: float
    ) -> list[bytes]:
        claim, settings = self.claim, self.store.settings
        ask = {
            "as": "writer",
            "attempt": claim.attempt,
            "execution": claim.execution,
            "store": claim.store_uuid,
            "token": claim.token,
            "claims": claim.number("claims"),
            "epoch": self.epoch,
            "last": str(self.stored.last),
            "line": self.stored.line,
            # After a whole lease somebody else may have written, and a failover may have undone that.
            "silent": sent_at - self._heard_at >= settings.lease_seconds,
            "quota": settings.quota_bytes,
            "head": settings.head_bytes,
            # These fields cover all pending entries: with only some of them, a successor would trust the fields and
            # lose the rest.
            "counters": self.counters if whole else {},
            "named": {**fields_of({}, self.labels), **fields_of_title(self.title())} if whole else {},
            "live": orjson.dumps(live).decode() if live is not None and whole else False,
            "next": (whole and self.next) or False,
            # Sent again each time: a rollback may take the request and leave the log as it was.
            "cancel": orjson.dumps(self.cancel).decode() if self.cancel is not None else False,
            **self.repair_fields,
        }
        with store_errors():
            return append(self.store, claim.run_id, ask, self.stored.chain, batch)

    def _settle(self, batch: Sequence[Entry], reply: Sequence[bytes]) -> None:
        """Keep a stored batch for repairs for a while."""
        now, settings = self._clock(), self.store.settings
        self.epoch, self.repair_fields = int(reply[2]), {}
        self.cut = read_cut(reply[3:7])
        for entry in batch:
            self.pending.popleft()
            self.retained.append((now, entry))
            self._retained_bytes += len(entry.payload)
            self.stored = self.stored.after(entry)
        # (The last entry stays, however little may be retained: without it a repair would end a run without an end.)
        while len(self.retained) > (1 if self.next else 0) and (
            self._retained_bytes > settings.retained_bytes or self.retained[0][0] < now - settings.retained_seconds
        ):
            self._retained_bytes -= len(self.retained.popleft()[1].payload)

    def _tail(self) -> Tail:
        return Tail(
            self.claim,
            [entry for _, entry in self.retained],
            self.pending,
            self.stored,
            self.epoch,
            self.seq,
            self.line,
            self.total_bytes,
            self.cut,
            self.counters,
            self.ending,
        )

    def _apply(self, plan: Plan) -> None:
        """Set the pending entries and the end of the stored log to what the plan says."""
        entries = plan.entries
        self.pending = deque(entries)
        self.retained = deque(itertools.islice(self.retained, plan.kept))
        self._retained_bytes = sum(len(entry.payload) for _, entry in self.retained)
        self.stored, self.epoch, self.cut = plan.stored, plan.epoch, plan.cut
        self.total_bytes = plan.total_bytes
        self.repair_fields = plan.repair_fields
        self.repairs += plan.repaired
        self.losses += plan.lost
        if entries:
            self.last, self.line, self.chain = entries[-1].id, entries[-1].next_line, entries[-1].chain
            self.seq = max(self.seq, entries[-1].id.seq)

    def _answer(self, cancel: bytes, overlaps: int) -> Answer:
        if cancel:
            self.cancel = orjson.loads(cancel)
        return Answer(self.cancel, overlaps)


def append(store: Store, run_id: str, ask: Mapping[str, Any], chain: bytes, entries: Sequence[Entry]) -> list[bytes]:
    """Call the append script once; see ``append.lua`` for *ask* and the reply."""
    arguments: list[bytes | str | int] = [chain]
    for entry in entries:
        arguments += [str(entry.id), entry.header(), entry.payload, entry.chain, entry.n]
    return store.scripts.call("append", run_id, ask, arguments)
