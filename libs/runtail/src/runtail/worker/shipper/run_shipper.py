"""One run as the sender sees it: claim, batches, end, and what comes after the end.

``Phase`` says how far the run is, and thus what :meth:`RunShipper.step` does.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runtail.errors import Fenced, RunDeleted
from runtail.log.writer import Answer, LogWriter
from runtail.protocol import EVENT, RunState
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Refused, Unrecorded
from runtail.runs.start import abort
from runtail.worker import messages
from runtail.worker.shipper.after import AfterEnd, Ends
from runtail.worker.shipper.batches import Batches
from runtail.worker.shipper.cancel import CancelRequest
from runtail.worker.shipper.claim_loop import OVERLAPS, ClaimLoop, restore, takeover_event
from runtail.worker.shipper.finish import Finish
from runtail.worker.shipper.run import End, Phase, ShippedRun, failure

if TYPE_CHECKING:
    from runtail.log.claim import Claim
    from runtail.store import Store
    from runtail.worker.shipper.context import Context
    from runtail.worker.shipper.run_outcome import RunOutcome

log = logging.getLogger(__name__)

_WHY_POLL_SECONDS: Final = 0.02


class RunShipper:
    """Brings one run into the store. :meth:`step` is called whenever it is due."""

    def __init__(self, run: ShippedRun, store: Store, context: Context, ends: Ends) -> None:
        self.run = run
        self._store = store
        self._context = context
        self._ends = ends
        self._settings = store.settings
        self._writer: LogWriter | None = None
        self._added_at = time.monotonic()
        self._claim_loop = ClaimLoop(run, store, context.owner, context.worker)
        self._cancel = CancelRequest(run, context)
        self._finisher = Finish(run, context, self._cancel)
        self._batches = Batches(run, context)
        self._earlier_late_bytes = 0
        self._after: AfterEnd | None = None
        self._counted = (0, 0)
        self._told_overlaps = 0

    def step(self, now: float) -> float | None:
        """Do what is due; return when to call next (monotonic), None for never.

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
        """Handle an error that must not happen: drop the output, keep the task running."""
        run = self.run
        if run.waits_to_begin:
            # Its process waits for an answer, and must not wait without end.
            return self._turn_away(failure(run.record), now)
        if self._after is not None:
            self._after.leave_alone()
        else:
            run.phase = Phase.DISCARDING
        return now + 1.0

    def while_away(self, now: float) -> None:
        """Handle a time without the store: a task that nobody announced need not wait for it."""
        run = self.run
        if not run.over and run.phase is not Phase.DISCARDING:
            self._batches.echo.go_ahead()
        waited = now - self._added_at
        if (
            run.phase is Phase.CLAIMING
            and run.headers is None
            and (waited >= self._settings.claim_patience_seconds or self._context.store.known_away)
        ):
            run.go_unclaimed()

    def while_store_refused(self, now: float) -> None:
        """Run a task that nobody announced although the store was refused: its output is only echoed."""
        run = self.run
        if self._writer is not None or run.headers is not None:
            self.while_away(now)
            return
        if run.phase is Phase.CLAIMING:
            run.go_unclaimed()
        self._batches.echo.go_ahead()
        echoed = self._batches.echo.echoed_to - run.processor.consumed
        if echoed > 0:
            run.drop(echoed, exact=True)
        if run.end and not run.backlog_bytes:
            after = self._after or self._over(now)
            if after.lets_go:
                self._close()

    def _step(self, now: float) -> float | None:
        run = self.run
        if not run.over and run.end and run.end.stored:
            # A successor's run, or one that was turned away: only late output is left.
            self._over(now)
            return now
        match run.phase:
            case Phase.CLAIMING | Phase.UNCLAIMED:
                return self._claim(now)
            case Phase.SHIPPING:
                return self._ship_or_finish(self._the_writer, now)
            case Phase.ENDING:
                return self._store_end(self._the_writer, now)
            case Phase.DISCARDING:
                return self._discard(now)
            case Phase.DRAINING | Phase.CLOSED:
                return self._after.step(now) if self._after is not None else None

    @property
    def _is_shipped(self) -> bool:
        """Whether the task is over and all its output has become entries."""
        return self.run.end is not None and self.run.processor.consumed >= self.run.limit

    def _keep_state(self, writer: LogWriter) -> None:
        totals = {"late_bytes": self._earlier_late_bytes + self.run.late_bytes, "overlaps_told": self._told_overlaps}
        if self._cancel.request is not None:
            # A successor must not report it again.
            totals["cancel_told"] = writer.claim.attempt
        self._batches.keep_state(totals)

    @property
    def _the_writer(self) -> LogWriter:
        assert self._writer is not None
        return self._writer

    def _ship_or_finish(self, writer: LogWriter, now: float) -> float:
        run = self.run
        if writer.pending:
            # The store was away in the middle of a batch: first store the same batch again.
            self._handle(writer, self._batches.store(writer, now))
        self._cancel.handle_revocation(writer)
        self._cancel.tell_refusal(writer)
        self._batches.hold_back(now)
        if self._batches.are_due(now):
            self._batches.fill(writer, now)
            # The last batch of a run is stored with its end.
            if not (self._is_shipped and self._finisher.why_is_known(now)):
                self._keep_state(writer)
                self._handle(writer, self._batches.store(writer, now))
        if not self._is_shipped or run.end is None:
            return self._batches.next_at(writer, now)
        if not self._finisher.why_is_known(now):
            return now + _WHY_POLL_SECONDS
        self._finish(writer, run.end)
        return self._store_end(writer, now)

    def _store_end(self, writer: LogWriter, now: float) -> float:
        outcome = self._finisher.decided
        assert outcome is not None
        self._finisher.store(writer, outcome)
        self._count_end(writer, outcome)
        self._over(now)
        return now

    def _discard(self, now: float) -> float:
        if not self.run.end:
            return now + 1.0
        if not self._finisher.tree_is_gone(now):
            return now + _WHY_POLL_SECONDS
        self._over(now)
        return now

    # Claim.

    def _claim(self, now: float) -> float | None:
        answer = self._claim_loop.ask(now)
        if isinstance(answer, Claimed):
            return self._claimed(answer.claim, now)
        if isinstance(answer, Refused):
            return self._refused(answer, now)
        if isinstance(answer, Unrecorded):
            return self._unrecorded(now)
        return now + self._claim_loop.poll_seconds

    def _claimed(self, found: Claim, now: float) -> float:
        run = self.run
        writer = LogWriter(self._store, found, heard_at=self._claim_loop.asked_at)
        self._earlier_late_bytes = found.number("late_bytes")
        with run.lock:
            restore(run, found)
            # (The same object: it is what the task has set so far.)
            writer.labels = run.processor.labels.values
            processor = run.processor
            writer.title = lambda: processor.title
        run.stored_to = run.processor.consumed
        if not found.resumed:
            if "taken_from" in found.record:
                now_ms = self._context.now_ms()
                writer.add(EVENT, takeover_event(found, self._settings, now_ms), now_ms)
            start = {"attempt": found.attempt, "worker": self._context.worker}
            writer.add(EVENT, events.encode(events.START, **start), self._context.now_ms())
        self._writer = writer
        if found.waited_ms is not None:
            self._context.counts.wait_seconds.observe(found.waited_ms / 1000)
        run.go(found.attempt, Phase.SHIPPING)
        self._told_overlaps = found.number("overlaps_told")
        self._handle(writer, Answer(found.cancel, found.number("overlaps")))
        return now

    def _refused(self, refused: Refused, now: float) -> float:
        run = self.run
        self._context.counts.refused += 1
        if refused.awaited:
            abort(self._store, run.id, refused.why)
        if run.waits_to_begin:
            answer = messages.Refuse(op="refuse", reason=refused.reason, message=refused.sentence, fails=refused.alone)
            return self._turn_away(answer, now)
        if run.again and run.end:
            # The end was stored; only its "done" may not have been received.
            self._over(now)
            return now
        self._fence(Fenced(refused.reason))
        return now

    def _unrecorded(self, now: float) -> float:
        """Handle a task that is executed beside another task with its id, which owns the log."""
        run = self.run
        if run.waits_to_begin:
            return self._turn_away(messages.Unrecorded(op="unrecorded", message=OVERLAPS), now)
        log.warning("task %s is not recorded: %s", run.id, OVERLAPS)
        run.phase = Phase.DISCARDING
        return now

    def _turn_away(self, answer: messages.Refuse | messages.Unrecorded, now: float) -> float:
        """Answer a task of which nothing will be recorded: it is executed all the same, or not at all.

        The pipe is kept until the task's process lets go of it: a task that did not wait for the answer writes to it.
        """
        run = self.run
        run.tell_child(answer)
        # The task's process goes on to another task; no successor may think that it is still in this one.
        run.keep_end(End(None, run.spool.position, self._context.now_ms(), stored=True))
        return now

    # Cancel and fence.

    def _handle(self, writer: LogWriter, answer: Answer) -> None:
        if self._cancel.handle(writer, answer):
            self._batches.counters["cancel_told"] = writer.claim.attempt
        if answer.overlaps > self._told_overlaps and writer.next is None and not self.run.end:
            count, self._told_overlaps = answer.overlaps - self._told_overlaps, answer.overlaps
            writer.add(EVENT, events.encode(events.OVERLAP, count=count), self._context.now_ms())
            self._batches.counters["overlaps_told"] = self._told_overlaps

    def _fence(self, error: Exception) -> None:
        """Handle a run of which nothing is accepted any more: stop its task, drop its output."""
        run = self.run
        log.warning("run %s: %s; its task is told to stop", run.id, error)
        self._context.counts.fenced += 1
        run.phase = Phase.DISCARDING
        if not run.end:
            self._cancel.stop_task("runtail", str(error))

    # The end.

    def _finish(self, writer: LogWriter, end: End) -> None:
        """Finish the log when all output has become entries: add what follows it, and decide the end."""
        run = self.run
        outcome = self._finisher.decide(writer)
        written_ms = self._context.now_ms(end.at_ms)
        self._batches.add_rest(writer, written_ms)
        self._keep_state(writer)
        writer.counters.update(self._batches.counters)
        if outcome.event and not outcome.released:
            writer.add(EVENT, events.encode_fields(outcome.event), written_ms)
        run.phase = Phase.ENDING

    def _over(self, now: float) -> AfterEnd:
        """Finish a run whose end is stored, or will never be stored by us."""
        run, outcome = self.run, self._finisher.decided
        if run.end and not run.end.stored:
            state = "" if outcome is None or outcome.released else str(outcome.state)
            end = replace(run.end, stored=True, state=state, late_before=self._earlier_late_bytes)
            run.keep_end(replace(end, execution=self._writer.claim.execution if self._writer is not None else 0))
        run.spool.release(run.limit, now=True)
        writer = None if run.phase is Phase.DISCARDING else self._writer
        run.phase = Phase.DRAINING
        if self._context.link.lost:
            # This must happen before the next run begins, which is in the hands of another shipper.
            self._context.on_closed()
        run.tell_done()
        self._after = AfterEnd(run, self._store, self._context, self._ends, writer, now)
        return self._after

    def _count_end(self, writer: LogWriter, outcome: RunOutcome) -> None:
        assert self.run.end is not None
        took_ms = self._context.now_ms(self.run.end.at_ms) - writer.claim.number("started_ms")
        self._context.counts.run_seconds.observe(max(0, took_ms) / 1000)
        self._context.counts.ended[str(RunState.QUEUED if outcome.released else outcome.state)] += 1

    def _count_repairs(self) -> None:
        writer = self._writer
        if writer is not None:
            repairs, losses = self._counted
            self._context.counts.repairs += writer.repairs - repairs
            self._context.counts.losses += writer.losses - losses
            self._counted = (writer.repairs, writer.losses)

    def _close(self) -> None:
        self.run.phase = Phase.CLOSED
        self._context.on_closed()
