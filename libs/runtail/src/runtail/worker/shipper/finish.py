"""How one run ends: wait for the reason, decide the outcome, and write it to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from runtail.protocol import RunState
from runtail.protocol import event as events
from runtail.runs.sealed import keeps_parameters
from runtail.secret import SHORTENED, masked
from runtail.worker import messages
from runtail.worker.channel import MAX_REASON_CHARS
from runtail.worker.shipper.run_outcome import Facts, RunOutcome, decide
from runtail.worker.shipper.why_line import why_line

if TYPE_CHECKING:
    from runtail.log.writer import LogWriter
    from runtail.masking.mask import Masker
    from runtail.worker.shipper.cancel import CancelRequest
    from runtail.worker.shipper.context import Context
    from runtail.worker.shipper.run import ShippedRun

#: How long the end waits for somebody who knows why the process died.
_WHY_SECONDS: Final = 1.0
#: The end of a cancelled tree may be reported this much later than its grace period.
_TREE_SECONDS: Final = 5.0
#: How often a task that waits for its end to be stored is told to keep waiting.
_WAIT_SECONDS: Final = 1.0
#: The most characters of a reason that are shown.
_SHOWN_CHARS: Final = 500
#: When the worker itself dies, this is noticed a little after its children's deaths.
_DEATH_SECONDS: Final = 0.25


class Finish:
    """Decides how a run ended and writes it."""

    def __init__(self, run: ShippedRun, context: Context, cancelling: CancelRequest) -> None:
        self._run = run
        self._context = context
        self._cancel = cancelling
        self._told_wait = 0.0
        #: None until all other output has become entries.
        self.decided: RunOutcome | None = None

    def why_is_known(self, now: float) -> bool:
        """Whether the end may be written; False while somebody may still tell more about it."""
        run = self._run
        waited = now - run.end_seen
        if not self.tree_is_gone(now):
            return False
        if waited >= _WHY_SECONDS:
            return True
        outcome, death = run.end.outcome if run.end else None, run.death
        cancelled = self._cancel.request is not None
        if cancelled and (outcome is not None or run.cancelled is not None):
            return True
        if outcome is not None:
            # The worker reports a hard time limit and a revocation a little later; it has reported a shutdown before.
            known = (death is not None and bool(death.why)) or (self._context.draining and waited >= _DEATH_SECONDS)
            if outcome["state"] == "failed":
                return self._cancel.is_no_revocation
            return outcome["state"] != "interrupted" or known
        if death is None or (death.revoked and not cancelled):
            return False
        known = death.signal is not None or death.exit_status is not None
        # If the worker died as well, that decides the fate of a message that it had not acknowledged.
        told = bool(death.why) and not run.record.get("redelivers")
        return known and (told or waited >= _DEATH_SECONDS)

    def tree_is_gone(self, now: float) -> bool:
        """Whether the task's process may be told that its run is over; until then, tell it to wait."""
        run = self._run
        patience = self._context.settings.cancel_grace_seconds + _TREE_SECONDS
        if not self._cancel.tree_ends or now - run.end_seen >= patience:
            return True
        if now - self._told_wait >= _WAIT_SECONDS:
            self._told_wait = now
            run.tell_child(messages.Wait(op="wait"))
        return False

    def decide(self, writer: LogWriter) -> RunOutcome:
        """Decide from all that is known by now."""
        run, record = self._run, self._run.record
        assert run.end is not None
        ended = decide(
            Facts(
                run.end.outcome,
                run.death,
                cancel=self._cancel.request,
                cancelled=run.cancelled,
                worker_gone=self._context.main_is_gone,
                redelivers=bool(record.get("redelivers")),
                requeues=bool(record.get("requeues")),
                # Only tasks that Runtail started can be published again.
                restart=bool(record.get("restart")) and run.headers is not None,
                hidden=not keeps_parameters(writer.claim.record),
                attempt=writer.claim.attempt,
                max_attempts=int(record.get("max_attempts") or 3),
            )
        )
        event = ended.event
        with run.lock:
            if event and event.get("reason"):
                event = {**event, "reason": short(str(event["reason"]), run.processor.masker)}
            why = short(ended.why, run.processor.masker)
            result = "" if ended.released else kept_result(run.end.outcome, run.processor.masker)
            self.decided = replace(ended, why=why, event=event, result=result)
        return self.decided

    def store(self, writer: LogWriter, ended: RunOutcome) -> None:
        """Write the end, or release the claim for the next attempt.

        :raises StoreUnavailable: call again.
        """
        assert self._run.end is not None
        t_ms = self._context.now_ms(self._run.end.at_ms)
        if ended.released:
            event = ended.event or {"kind": events.INTERRUPTED, "reason": ended.why}
            writer.release(ended.why, events.encode_fields(event), t_ms=t_ms, eta_ms=ended.eta_ms, awaits=ended.awaits)
            return
        writer.end(
            ended.state,
            ended.why,
            t_ms=t_ms,
            exit_status=ended.exit_status,
            signal=ended.signal,
            result=ended.result,
            why_line=why_line(writer.newest(), ended.why) if ended.state is RunState.FAILED else None,
        )


def kept_result(outcome: Mapping[str, Any] | None, masker: Masker) -> str:
    """Return what a task returned as JSON for the record; empty if it returned nothing.

    Its process has masked it by the secrets that it knows; others are announced to us alone.
    """
    result = (outcome or {}).get("result")
    if not isinstance(result, dict) or "value" not in result:
        return ""

    def mask(text: str) -> str:
        kept = text.removesuffix(SHORTENED)
        return masker.whole(kept, cut=kept != text) + text[len(kept) :]

    return orjson.dumps({"value": masked(result["value"], mask), "cut": bool(result.get("cut"))}).decode()


def short(reason: str, masker: Masker) -> str:
    """Return a reason fit for storing: masked first (exceptions quote the values that they were given), then cut."""
    text = masker.whole(reason, cut=len(reason) >= MAX_REASON_CHARS)
    text = text.split("\n", 1)[0] if len(text) > _SHOWN_CHARS else text
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
