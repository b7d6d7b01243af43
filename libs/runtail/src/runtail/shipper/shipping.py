"""One run as the sender sees it: claim, batches, end, and what comes after it.

Exactly once across the death of this process rests on one rule: one batch at a
time. A batch is some entries, the state of the processor behind them (kept in
the run's journal under a generation), and one append that stores the entries
together with that generation. Whatever the store has says which state is the
right one to go on with.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runtail.errors import Fenced, RunDeleted
from runtail.log.writer import Answer, LogWriter
from runtail.protocol import EVENT, OUTPUT, RunState
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Refused, Unrecorded
from runtail.runs.start import abort
from runtail.shipper.after import AfterEnd
from runtail.shipper.ahead import EchoAhead
from runtail.shipper.cancelling import Cancelling
from runtail.shipper.claiming import OVERLAPS, Claiming, restore, takeover_event
from runtail.shipper.ending import Ending, encode
from runtail.shipper.live import HeldRows, LiveLine
from runtail.shipper.processor import Event, Output
from runtail.shipper.run import End, Run

if TYPE_CHECKING:
    from runtail.log.claim import Claim
    from runtail.shipper.sender import Sender
    from runtail.shipper.verdict import Verdict
    from runtail.store import Store

log = logging.getLogger(__name__)

#: Raw bytes per batch. All of a batch must fit into one call to the store.
_BATCH_BYTES: Final = 512 << 10
_WHY_POLL_SECONDS: Final = 0.02
#: How long the end of a run waits for room in a full store before the rest of its output is dropped.
_FULL_SECONDS: Final = 2.0
#: How often a run whose output is not stored is looked at.
_FULL_POLL_SECONDS: Final = 0.1


class Shipping:
    """Brings one run into the store. :meth:`step` is called whenever it is due."""

    def __init__(self, run: Run, store: Store, sender: Sender) -> None:
        self.run = run
        self._store = store
        self._sender = sender
        self._settings = store.settings
        self._writer: LogWriter | None = None
        self._added_at = time.monotonic()
        self._claiming = Claiming(run, store, sender.owner, sender.worker)
        self._cancelling = Cancelling(run, sender)
        self._ending = Ending(run, sender, self._cancelling)
        self._called_at = 0.0
        self._flushed_to = 0
        self._counters: dict[str, int] = {}
        self._earlier_late_bytes = 0
        self._echo = EchoAhead(run, sender.echo)
        self._live = LiveLine(run, store.settings)
        self._held_rows = HeldRows(run)
        self._after: AfterEnd | None = None
        self._counted = (0, 0)
        self._told_overlaps = 0
        #: The store is full: output stays in the spool.
        self._held = False

    def step(self, now: float) -> float | None:
        """Do what is due; answer when to be called next (monotonic), None when never.

        :raises StoreUnavailable: nothing is lost, call again.
        """
        try:
            return self._guarded_step(now)
        finally:
            self._count_repairs()

    def _guarded_step(self, now: float) -> float | None:
        try:
            return self._step(now)
        except (Fenced, RunDeleted) as error:
            if self._after is not None:
                self._after.leave_alone()
            else:
                self._fence(error)
            return now

    def give_up(self, now: float) -> float | None:
        """Something that must not happen happened: drop the output, keep the task running."""
        run = self.run
        if self._writer is None and not run.went and not run.again:
            # Its process waits for an answer, and must not wait for ever.
            op = "unrecorded" if run.headers is None else "refuse"
            return self._turn_away({"op": op, "message": "Runtail failed; see what its shipper logged"}, now)
        run.fenced = True
        if self._after is not None:
            self._after.leave_alone()
        return now + 1.0

    def while_away(self, now: float) -> None:
        """The store is away: a task that nobody announced need not wait for it."""
        run = self.run
        if not run.over and not run.fenced:
            self._echo.go_ahead()
        waited = now - self._added_at
        if (
            self._writer is None
            and not run.went
            and run.headers is None
            and (waited >= self._settings.claim_patience_seconds or self._sender.known_away)
        ):
            run.go_unclaimed()

    def while_barred(self, now: float) -> None:
        """The store was refused: a task that nobody announced runs, and its output is echoed only."""
        run = self.run
        if self._writer is not None or run.headers is not None:
            self.while_away(now)
            return
        if not run.went:
            run.go_unclaimed()
        self._echo.go_ahead()
        echoed = self._echo.echoed_to - run.processor.consumed
        if echoed > 0:
            run.drop(echoed, exact=True)
        if run.end and not run.backlog_bytes:
            after = self._after or self._over(now)
            if after.lets_go:
                self._close()

    def _step(self, now: float) -> float | None:
        run = self.run
        if self._after is not None:
            return self._after.step(now)
        if run.closed:
            return None
        if run.end and run.end.stored:
            # A successor: only what is late is left.
            self._over(now)
            return now
        if run.fenced:
            if not run.end:
                return now + 1.0
            if not self._ending.tree_is_gone(now):
                return now + _WHY_POLL_SECONDS
            self._over(now)
            return now
        if self._writer is None:
            return self._claim(now)
        if self._writer.pending:
            # The store was away in the middle of a batch: first the same again.
            self._call(self._writer, now)
        self._cancelling.heed_revocation(self._writer)
        self._cancelling.tell_refusal(self._writer)
        self._hold_back(now)
        if self._ending.verdict is None and self._is_due(now):
            self._ship(self._writer, now)
        if run.end and run.processor.consumed >= run.limit and self._ending.verdict is None:
            if not self._ending.why_is_known(now):
                return now + _WHY_POLL_SECONDS
            self._finish(self._writer, run.end)
        if self._ending.verdict is not None:
            self._ending.store(self._writer, self._ending.verdict)
            self._count_end(self._writer, self._ending.verdict)
            self._over(now)
            return now
        return self._due(now)

    # Claim.

    def _claim(self, now: float) -> float | None:
        answer = self._claiming.ask(now)
        if isinstance(answer, Claimed):
            return self._claimed(answer.claim, now)
        if isinstance(answer, Refused):
            return self._refused(answer, now)
        if isinstance(answer, Unrecorded):
            return self._unrecorded(now)
        return now + self._claiming.poll_seconds

    def _claimed(self, found: Claim, now: float) -> float:
        run = self.run
        writer = LogWriter(self._store, found, heard_at=self._claiming.asked_at)
        self._earlier_late_bytes = found.number("late_bytes")
        with run.lock:
            restore(run, found)
        run.stored_to = run.processor.consumed
        if not found.resumed:
            if "taken_from" in found.record:
                now_ms = self._sender.now_ms()
                writer.add(EVENT, takeover_event(found, self._settings, now_ms), now_ms)
            start = {"attempt": found.attempt, "worker": self._sender.worker}
            writer.add(EVENT, events.encode(events.START, **start), self._sender.now_ms())
        self._writer = writer
        if found.waited_ms is not None:
            self._sender.durations.wait.observe(found.waited_ms / 1000)
        run.go(found.attempt)
        self._told_overlaps = found.number("overlaps_told")
        self._heed(writer, Answer(found.cancel, found.number("overlaps")))
        return now

    def _refused(self, refused: Refused, now: float) -> float:
        run = self.run
        self._sender.refused += 1
        if refused.awaited:
            abort(self._store, run.id, refused.sentence)
        if not run.went and not run.again:
            answer = {"op": "refuse", "reason": refused.reason, "message": refused.sentence, "fails": refused.alone}
            return self._turn_away(answer, now)
        if run.again and run.end:
            # The end was stored; only its "done" may not have been heard.
            self._over(now)
            return now
        self._fence(Fenced(refused.reason))
        return now

    def _unrecorded(self, now: float) -> float:
        """The task is executed, beside another one with its id whose log this is."""
        run = self.run
        if not run.went and not run.again:
            return self._turn_away({"op": "unrecorded", "message": OVERLAPS}, now)
        log.warning("task %s is not recorded: %s", run.id, OVERLAPS)
        run.fenced = True
        return now

    def _turn_away(self, answer: dict[str, object], now: float) -> float:
        """Nothing of this execution will be recorded: it is executed all the same, or not at all.

        The pipe is kept until the task's process has let go of it: one that did not wait for this answer writes to it.
        """
        run = self.run
        run.tell_child(answer)
        # The task's process goes on to another task; no successor may think that it is still in this one.
        run.keep_end(End(None, run.spool.position, self._sender.now_ms(), stored=True))
        return now

    # Output.

    def _hold_back(self, now: float) -> None:
        """While the store is full output waits, but not for ever: an end comes in time."""
        run = self.run
        self._held = self._ending.verdict is None and run.backlog_bytes > 0 and not self._sender.has_room()
        if not self._held:
            return
        self._echo.go_ahead()
        if run.end and now - run.end_seen >= _FULL_SECONDS and self._echo.echoed_to >= run.limit:
            self._sender.unstored_bytes += run.drop(run.backlog_bytes)
            self._held = False

    def _is_due(self, now: float) -> bool:
        backlog, settings = 0 if self._held else self.run.backlog_bytes, self._settings
        since = now - self._called_at
        if backlog:
            full = self.run.end is not None or backlog >= settings.flush_bytes
            return full or since >= settings.flush_seconds
        return min(self._live.due(now), self._held_rows.due(now)) <= now or since >= settings.beat_seconds

    def _due(self, now: float) -> float:
        backlog, settings = self.run.backlog_bytes, self._settings
        if self._held:
            return now + (_FULL_POLL_SECONDS if self._echo.echoed_to >= self.run.limit else 0.0)
        pending = self._writer is not None and self._writer.pending
        if pending or self.run.end or backlog >= settings.flush_bytes:
            return now
        if backlog:
            return self._called_at + settings.flush_seconds
        return min(self._live.due(now), self._held_rows.due(now), self._called_at + settings.beat_seconds)

    def _ship(self, writer: LogWriter, now: float) -> None:
        """One batch; the last one of a run is left to :meth:`_finish`."""
        run, processor = self.run, self.run.processor
        size = 0
        with run.lock:
            while size < _BATCH_BYTES and not self._held:
                offset = processor.consumed
                stop = min(run.limit, self._echo.next_stop(offset))
                data = run.spool.read(offset, min(self._settings.flush_bytes, stop - offset))
                if not data:
                    break
                written = self._sender.now_ms(run.written_ms(offset))
                self._add(writer, processor.feed(data), written)
                size += len(data)
            if self._held_rows.due(now) <= now:
                self._add(writer, processor.settle(), self._sender.now_ms())
            if run.end and processor.consumed >= run.limit and self._ending.why_is_known(now):
                return
            self._keep_state()
        self._call(writer, now)

    def _add(self, writer: LogWriter, items: list[Output | Event], written_ms: int) -> None:
        for item in items:
            if isinstance(item, Event):
                fields = item.fields
                if item.lines_before:
                    fields = {**fields, "from": writer.line - item.lines_before, "to": writer.line - 1}
                writer.add(EVENT, encode(fields), written_ms)
                continue
            chunk = item.chunk
            entry = writer.add(OUTPUT, chunk.payload, written_ms, continues=chunk.continues)
            self._sender.entries += 1
            self._sender.output_bytes += len(chunk.payload)
            self._echo.write(chunk.payload)
            for index, fields in item.events:
                event = encode({**fields, "line": entry.from_line + index})
                writer.add(EVENT, event, written_ms)

    def _keep_state(self) -> None:
        processor = self.run.processor
        generation = self.run.journal.write("state", processor.save())
        self._counters = {**processor.counters(), "journal": generation}
        self._counters["late_bytes"] = self._earlier_late_bytes + self.run.late_bytes
        if self._cancelling.wish is not None and self._writer is not None:
            # A successor must not say it again.
            self._counters["cancel_told"] = self._writer.claim.attempt
        self._counters["overlaps_told"] = self._told_overlaps
        self._flushed_to = processor.consumed
        self._echo.settle()

    def _call(self, writer: LogWriter, now: float) -> None:
        run = self.run
        flushed_to = self._flushed_to
        live = self._live.take(writer.line, now)
        asked_at = time.monotonic()
        answer = writer.flush(live=live, counters=self._counters)
        self._called_at = time.monotonic()
        self._sender.durations.store.observe(self._called_at - asked_at)
        run.stored_to = flushed_to
        run.spool.release(flushed_to)
        self._heed(writer, answer)

    # Cancel and fence.

    def _heed(self, writer: LogWriter, answer: Answer) -> None:
        if self._cancelling.heed(writer, answer):
            self._counters["cancel_told"] = writer.claim.attempt
        if answer.overlaps > self._told_overlaps and writer.next is None and not self.run.end:
            count, self._told_overlaps = answer.overlaps - self._told_overlaps, answer.overlaps
            writer.add(EVENT, events.encode(events.OVERLAP, count=count), self._sender.now_ms())
            self._counters["overlaps_told"] = self._told_overlaps

    def _fence(self, error: Exception) -> None:
        """Nothing of this run is accepted any more: stop its task, drop its output."""
        run = self.run
        log.warning("run %s: %s; its task is told to stop", run.id, error)
        self._sender.fenced += 1
        run.fenced = True
        if not run.end:
            self._cancelling.stop_task("runtail", str(error))

    # The end.

    def _finish(self, writer: LogWriter, end: End) -> None:
        """Everything is an entry: add what the log says behind it, and decide the end."""
        run = self.run
        verdict = self._ending.judge(writer)
        with run.lock:
            written_ms = self._sender.now_ms(end.at_ms)
            self._add(writer, run.processor.finish(), written_ms)
            self._keep_state()
        writer.counters.update(self._counters)
        if verdict.event and not verdict.released:
            writer.add(EVENT, encode(verdict.event), written_ms)

    def _over(self, now: float) -> AfterEnd:
        """The store has the end, or this run will never have one from us."""
        run, verdict = self.run, self._ending.verdict
        if run.end and not run.end.stored:
            state = "" if verdict is None or verdict.released else str(verdict.state)
            end = replace(run.end, stored=True, state=state, late_before=self._earlier_late_bytes)
            run.keep_end(replace(end, execution=self._writer.claim.execution if self._writer is not None else 0))
        run.spool.release(run.limit, now=True)
        run.over = True
        if self._sender.link.lost:
            # Before the next run begins, in the hands of another shipper.
            self._sender.on_closed()
        run.tell_done()
        self._after = AfterEnd(run, self._store, self._sender, None if run.fenced else self._writer, now)
        return self._after

    def _count_end(self, writer: LogWriter, verdict: Verdict) -> None:
        assert self.run.end is not None
        took_ms = self._sender.now_ms(self.run.end.at_ms) - writer.claim.number("started_ms")
        self._sender.durations.run.observe(max(0, took_ms) / 1000)
        self._sender.ended[str(RunState.QUEUED if verdict.released else verdict.state)] += 1

    def _count_repairs(self) -> None:
        writer = self._writer
        if writer is not None:
            repairs, losses = self._counted
            self._sender.repairs += writer.repairs - repairs
            self._sender.losses += writer.losses - losses
            self._counted = (writer.repairs, writer.losses)

    def _close(self) -> None:
        self.run.closed = True
        self._sender.on_closed()
