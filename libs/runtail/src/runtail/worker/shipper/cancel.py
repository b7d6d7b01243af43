"""A request to end one run: reported once in the run's log, and passed on to the worker."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from runtail.protocol import EVENT
from runtail.protocol import event as events
from runtail.worker import messages
from runtail.worker.shipper.death import name_of

if TYPE_CHECKING:
    from runtail.log.writer import Answer, LogWriter
    from runtail.worker.shipper.context import Context
    from runtail.worker.shipper.run import ShippedRun


class CancelRequest:
    """The state of a request to cancel: what is known of it, and what was done about it."""

    def __init__(self, run: ShippedRun, context: Context) -> None:
        self._run = run
        self._context = context
        #: Who wants the run to end, since when and why; None while nobody does.
        self.request: dict[str, Any] | None = None
        #: The worker's main process was asked to end the process tree, and will report when the tree is gone.
        self._asked = False
        self._told_over = False
        self._told_refusal = False
        self._asked_revoked = False

    def handle(self, writer: LogWriter, answer: Answer) -> bool:
        """Check the store's answer for a request; return True if this call added its event to the log."""
        request = answer.cancel
        if not request or self.request is not None:
            return False
        told = writer.claim.number("cancel_told") == writer.claim.attempt
        if self._run.end and not told:
            return False  # it ended without having heard of it
        self.request = request
        adds = writer.next is None and not told
        if adds:
            fields = {name: request.get(name) for name in ("who", "at_ms", "why")}
            writer.add(EVENT, events.encode(events.CANCEL_REQUESTED, **fields), self._context.now_ms())
        if not self._run.end:
            self.stop_task(request.get("who"), str(request.get("why") or ""))
        return adds

    def stop_task(self, who: Any, why: str) -> None:
        """Ask the worker's main process to end the task and all processes that it started."""
        record = self._run.record
        if self._context.link.lost and self._terminate():
            return
        self._asked = True
        self._context.link.send(
            messages.Cancel(
                op="cancel",
                run=self._run.id,
                key=self._run.key,
                pid=record["pid"],
                who=who,
                why=why,
                grace_seconds=self._context.settings.cancel_grace_seconds,
            )
        )

    def handle_revocation(self, writer: LogWriter) -> None:
        """Treat the run as cancelled: Celery itself signalled the task's process.

        Runtail signals nothing else, so the run's other processes fare as they would without Runtail.
        """
        revoked = self._run.revoked
        if revoked is None or self.request is not None or writer.next is not None:
            return
        number = revoked["signal"]
        how = (name_of(number) or f"signal {number}") if isinstance(number, int) else "a signal"
        self.request = {"who": None, "why": f"revoked through Celery, with {how}", "at_ms": self._context.now_ms()}
        writer.add(EVENT, events.encode(events.CANCEL_REQUESTED, **self.request), self._context.now_ms())

    @property
    def is_no_revocation(self) -> bool:
        """Whether a failed task failed by itself, as far as Celery's main process knows.

        Celery notes that a run is revoked, then signals its process, and reports the revocation last. A task that fails
        at the signal (at ``SoftTimeLimitExceeded``, or in a handler of its own) may be faster than that report; main
        knows of the revocation at once.
        """
        if self._context.main_is_gone or self._context.link.lost:
            return True
        if not self._asked_revoked:
            self._asked_revoked = True
            self._context.link.send(messages.AskRevoked(op="ask-revoked", run=self._run.id, key=self._run.key))
        return self._run.revocation_expected is False

    @property
    def tree_ends(self) -> bool:
        """Whether the worker's main process is still ending the tree.

        The task's process gets its answer afterwards, so that no signal for this run can hit the next one. If the
        task ends by itself, main is told, because it must not wait for that process.
        """
        if not self._asked or self._run.cancelled is not None or self._context.main_is_gone:
            return False
        if self._run.end and not self._told_over:
            self._told_over = True
            self._context.link.send(messages.Over(op="over", key=self._run.key))
        return True

    def tell_refusal(self, writer: LogWriter) -> None:
        """Say in the log why the worker does not cancel (the solo pool cannot)."""
        why = self._run.cancelled["why"] if self._run.cancelled else ""
        if why and not self._told_refusal and writer.next is None:
            self._told_refusal = True
            writer.add(EVENT, events.encode(events.WARNING, text=f"not cancelled: {why}"), self._context.now_ms())

    def _terminate(self) -> bool:
        """End what can be ended without the keeper, which is gone and with it the connection to the main process.

        That is the task's own process, not the processes below it.
        """
        if self._run.pidfd is None:
            return False
        try:
            signal.pidfd_send_signal(self._run.pidfd, signal.SIGTERM)
        except OSError:
            return False
        self._run.cancelled = messages.Cancelled(
            op="cancelled", run=self._run.id, key=self._run.key, signal=int(signal.SIGTERM), pids=1, killed=0, why=""
        )
        return True
