"""How one run ends: waiting for whoever knows why, the verdict, and its way into the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from runtail.capture.door import MAX_REASON_CHARS
from runtail.protocol import event as events
from runtail.shipper.verdict import Facts, Verdict, judge

if TYPE_CHECKING:
    from runtail.log.writer import LogWriter
    from runtail.shipper.cancelling import Cancelling
    from runtail.shipper.mask import Masker
    from runtail.shipper.run import Run
    from runtail.shipper.sender import Sender

#: How long the end waits for somebody who knows why the process died.
_WHY_SECONDS: Final = 1.0
#: How much longer than its grace the end of a cancelled tree may take to be reported.
_TREE_SECONDS: Final = 5.0
#: How often a task that waits for its end to be stored is told to wait on.
_WAIT_SECONDS: Final = 1.0
#: What is shown of a reason.
_SHOWN_CHARS: Final = 500
#: A worker that dies itself is noticed a little after its children.
_DEATH_SECONDS: Final = 0.25


class Ending:
    """Decides how a run ended and writes it."""

    def __init__(self, run: Run, sender: Sender, cancelling: Cancelling) -> None:
        self._run = run
        self._sender = sender
        self._cancelling = cancelling
        self._told_wait = 0.0
        #: None until everything else is an entry.
        self.verdict: Verdict | None = None

    def why_is_known(self, now: float) -> bool:
        """Whether the end may be written, or somebody may still tell more about it."""
        run = self._run
        waited = now - run.end_seen
        if not self.tree_is_gone(now):
            return False
        if waited >= _WHY_SECONDS:
            return True
        outcome, death = run.end.outcome if run.end else None, run.death
        cancelled = self._cancelling.wish is not None
        if cancelled and (outcome is not None or run.cancelled is not None):
            return True
        if outcome is not None:
            # A hard time limit and a revocation are told by the worker, a little later; a shutdown was told before.
            known = (death is not None and bool(death.why)) or (self._sender.draining and waited >= _DEATH_SECONDS)
            return outcome["state"] != "interrupted" or known
        if death is None or (death.revoked and not cancelled):
            return False
        known = death.signal is not None or death.exit_status is not None
        # Whether the worker died as well decides what becomes of a message that it had not acknowledged.
        told = bool(death.why) and not run.record.get("redelivers")
        return known and (told or waited >= _DEATH_SECONDS)

    def tree_is_gone(self, now: float) -> bool:
        """Whether the task's process may be told that its run is over; until then it is told to wait."""
        run = self._run
        patience = self._sender.settings.cancel_grace_seconds + _TREE_SECONDS
        if not self._cancelling.tree_ends or now - run.end_seen >= patience:
            return True
        if now - self._told_wait >= _WAIT_SECONDS:
            self._told_wait = now
            run.tell_child({"op": "wait"})
        return False

    def judge(self, writer: LogWriter) -> Verdict:
        """Decide, from all that is known by now."""
        run, record = self._run, self._run.record
        assert run.end is not None
        verdict = judge(
            Facts(
                run.end.outcome,
                run.death,
                cancel=self._cancelling.wish,
                cancelled=run.cancelled,
                worker_gone=self._sender.main_is_gone,
                redelivers=bool(record.get("redelivers")),
                requeues=bool(record.get("requeues")),
                # Only what Runtail started can be published again.
                restart=bool(record.get("restart")) and run.headers is not None,
                hidden=writer.claim.record.get("hidden") == "1",
                attempt=writer.claim.attempt,
                max_attempts=int(record.get("max_attempts") or 3),
            )
        )
        event = verdict.event
        with run.lock:
            if event and event.get("reason"):
                event = {**event, "reason": short(str(event["reason"]), run.processor.masker)}
            self.verdict = replace(verdict, why=short(verdict.why, run.processor.masker), event=event)
        return self.verdict

    def store(self, writer: LogWriter, verdict: Verdict) -> None:
        """Write the end, or release the claim for the next attempt.

        :raises StoreUnavailable: call again.
        """
        assert self._run.end is not None
        t_ms = self._sender.now_ms(self._run.end.at_ms)
        if verdict.released:
            event = verdict.event or {"kind": "interrupted", "reason": verdict.why}
            writer.release(verdict.why, encode(event), t_ms=t_ms, eta_ms=verdict.eta_ms, awaits=verdict.awaits)
            return
        writer.end(
            verdict.state,
            verdict.why,
            t_ms=t_ms,
            exit_status=verdict.exit_status,
            signal=verdict.signal,
        )


def short(reason: str, masker: Masker) -> str:
    """Return a reason as it may be stored: masked first (exceptions quote what they were given), and then cut."""
    text = masker.whole(reason, cut=len(reason) >= MAX_REASON_CHARS)
    text = text.split("\n", 1)[0] if len(text) > _SHOWN_CHARS else text
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"


def encode(fields: dict[str, Any]) -> bytes:
    """An event as it stands in an entry, from its fields, ``kind`` among them."""
    rest = {name: value for name, value in fields.items() if name != "kind"}
    return events.encode(str(fields["kind"]), **rest)
