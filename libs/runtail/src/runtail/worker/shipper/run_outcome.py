"""How a run ends, decided from what is known about its task. Pure.

Either the run is over (``release`` is None), or it goes back to the queue to be
run again.
"""

from dataclasses import dataclass
from typing import Any

from runtail.protocol import Awaits, RunState
from runtail.protocol import event as events
from runtail.secret import NOT_KEPT
from runtail.worker.messages import Cancelled
from runtail.worker.shipper.death import name_of
from runtail.worker.shipper.run import Death


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that are known when a task is over."""

    #: The outcome that its process sent, None if it died without sending one.
    outcome: dict[str, Any] | None
    death: Death | None = None
    #: The request that was passed on to the worker, and what the worker did about it.
    cancel: dict[str, Any] | None = None
    cancelled: Cancelled | None = None
    #: The worker's main process is gone.
    worker_gone: bool = False
    #: The broker delivers the message again when the worker is gone.
    redelivers: bool = False
    #: The worker gives the message back when the task's process dies.
    requeues: bool = False
    #: The task's rule says that it may be run again.
    restart: bool = False
    #: The record lacks the values of secret parameters, so the run cannot be published again.
    hidden: bool = False
    attempt: int = 1
    max_attempts: int = 3


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What to write: an event before the end, and the end or the release."""

    state: RunState
    why: str
    exit_status: int | None = None
    signal: int | None = None
    #: An event before the terminal entry, or the release's own event.
    event: dict[str, Any] | None = None
    eta_ms: int | None = None
    #: The message that a released run waits for; None: a message that Runtail publishes.
    awaits: Awaits | None = None
    #: What the task returned, as JSON; empty: nothing.
    result: str = ""

    @property
    def released(self) -> bool:
        """Whether the run goes back to the queue."""
        return self.state is RunState.QUEUED


def decide(facts: Facts) -> RunOutcome:
    """Decide from all that is known."""
    outcome = facts.outcome
    state = outcome["state"] if outcome else "died"
    if facts.cancel is not None and state in ("died", "interrupted", "failed"):
        return _cancelled(facts)
    if state == "died":
        return _died(facts)
    assert outcome is not None
    why = str(outcome.get("why") or "")
    exit_status = outcome.get("exit_status")
    if state == "succeeded":
        return RunOutcome(RunState.SUCCEEDED, why, exit_status)
    if state == "ignored":
        return RunOutcome(RunState.SUCCEEDED, why or "the task ignored its result", exit_status)
    if state == "retry":
        retry = dict(outcome.get("retry") or {})
        event = {"kind": events.RETRY, **retry}
        return RunOutcome(RunState.QUEUED, why, event=event, eta_ms=retry.get("eta_ms"), awaits="retry")
    if state == "replaced":
        event = {"kind": events.REPLACED, "task": outcome.get("replaced_by")}
        return RunOutcome(RunState.QUEUED, why, event=event, awaits="replacement")
    if state == "rejected":
        if outcome.get("requeue"):
            event = {"kind": events.INTERRUPTED, "reason": why or "rejected"}
            return RunOutcome(RunState.QUEUED, f"{why or 'rejected'}, requeued", event=event, awaits="redelivery")
        return RunOutcome(RunState.FAILED, why or "rejected", exit_status)
    if state == "interrupted":
        return _interrupted(facts, why or "interrupted by shutdown")
    return RunOutcome(RunState.FAILED, why or "failed", exit_status)


def _cancelled(facts: Facts) -> RunOutcome:
    cancel, done = facts.cancel or {}, facts.cancelled
    who, reason = cancel.get("who"), cancel.get("why")
    signal = (done["signal"] if done else None) or (facts.death.signal if facts.death else None)
    why = f"cancelled by {who}" if who else "cancelled"
    why = f"{why}: {reason}" if reason else why
    event = {"kind": events.CANCEL, "who": who, "signal": signal}
    if done:
        event |= {"pids": done["pids"], "killed": done["killed"]}
    exit_status = facts.death.exit_status if facts.death else None
    return RunOutcome(RunState.CANCELLED, why, exit_status, signal, event)


def _died(facts: Facts) -> RunOutcome:
    death = facts.death or Death()
    if facts.redelivers if facts.worker_gone else facts.requeues and not death.timed_out:
        how = _how(death)
        event = {"kind": events.INTERRUPTED, "reason": f"{how}; redelivery expected"}
        return RunOutcome(RunState.QUEUED, "redelivery expected", event=event, awaits="redelivery")
    if facts.worker_gone:
        return _again_or_lost(facts, "the worker's process ended", death)
    return RunOutcome(RunState.FAILED, _how(death), death.exit_status, death.signal)


def _interrupted(facts: Facts, why: str) -> RunOutcome:
    death = facts.death
    if death is not None and death.timed_out:
        # The worker reports this before it sends TERM. Its later reports say how the process then exited.
        return RunOutcome(RunState.FAILED, death.why, death.exit_status, death.signal)
    if facts.redelivers:
        event = {"kind": events.INTERRUPTED, "reason": f"{why}; redelivery expected"}
        return RunOutcome(RunState.QUEUED, "redelivery expected", event=event, awaits="redelivery")
    return _again_or_lost(facts, why, death)


def _again_or_lost(facts: Facts, why: str, death: Death | None) -> RunOutcome:
    event = {"kind": events.INTERRUPTED, "reason": why}
    if facts.restart and facts.attempt < facts.max_attempts:
        if not facts.hidden:
            return RunOutcome(RunState.QUEUED, why, event=event)
        why = f"{why}; not restarted: {NOT_KEPT}"
    signal = death.signal if death else None
    return RunOutcome(RunState.LOST, why, None, signal, event)


def _how(death: Death) -> str:
    if death.signal:
        name = name_of(death.signal)
        how = f"signal {death.signal} ({name})" if name else f"signal {death.signal}"
        return f"{death.why}; {how}" if death.why and "signal" not in death.why else how
    if death.why:
        return death.why
    if death.exit_status is not None:
        return f"the process exited with status {death.exit_status}"
    return "the process died, status unknown"
