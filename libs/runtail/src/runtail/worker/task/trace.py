"""The hook around a task: ``task.__trace__``, which Celery calls to execute one message.

Everything that a task does for a message happens inside it: custom bases,
callbacks, retries. It is also the only place where an execution can be refused
without Celery calling it a failure. It is internal API, so its shape is checked
when a worker starts (:func:`wrap_tasks`) and by a test.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from celery.app.trace import trace_ok_t
from celery.exceptions import Ignore, Reject, WorkerTerminate

from runtail import author, header, labels, secret, titles
from runtail.contained import contained
from runtail.errors import Unsupported
from runtail.header import HEADER
from runtail.masking.encodings import weakness
from runtail.masking.mask import Masker
from runtail.runid import flaw_of_choice
from runtail.sealing import Seals
from runtail.selection import Selection
from runtail.worker import subreaper
from runtail.worker.celery_versions import terminate_handler_fired
from runtail.worker.task import arguments, delivery, outcome
from runtail.worker.task.call import Call
from runtail.worker.task.connection import StopRequested, Unrecorded
from runtail.worker.task.environment import SecretEnvironment
from runtail.worker.task.execution import (
    Execution,
    Refused,
    TurnedAway,
    format_exception,
    hold_signals,
    new_record,
    open_execution,
    release_signals,
)
from runtail.worker.task.result import kept
from runtail.worker.task.streams import Streams

log = logging.getLogger("celery.runtail")

_MARK = "_runtail_wrapped"
#: The warning is repeated at most this often, not for every task.
_COMPLAIN_SECONDS = 60.0

Send = Callable[[dict[str, Any], list[int]], bool]


def _exit_without_secrets(error: BaseException, masker: Masker) -> SystemExit | None:
    """Return a replacement for a ``sys.exit`` whose text, or whose cause, contains a secret.

    The pool hands it to Celery's main process, which logs it and knows no secret of this run.
    """
    text = format_exception(error) if masker and isinstance(error, SystemExit) else ""
    if masker.whole(text) == text:
        return None
    code = error.code if isinstance(error, SystemExit) else None
    return SystemExit(masker.whole(code) if isinstance(code, str) else code)


def _describe(error: Exception) -> str:
    if isinstance(error, Unrecorded | OSError):
        return str(error)
    return "".join(traceback.format_exception_only(error)).strip()


class Tracer:
    """Captures the runs of one process: a pool child, or the worker itself under ``solo``."""

    def __init__(
        self,
        app: Any,
        send: Send,
        streams: Streams,
        *,
        hostname: str,
        split: bool,
        results: bool,
        patience_seconds: float,
        selection: Selection,
        reaps: bool,
        environment: SecretEnvironment,
        seals: Seals,
    ) -> None:
        """Create the tracer of this process.

        :param send: sends a record and descriptors through the channel.
        :param results: what tasks return is kept in their runs' records.
        :param selection: decides which tasks are recorded, however they were started.
        :param reaps: this process is a subreaper and must collect dead orphans.
        """
        self.app = app
        self.send = send
        self.streams = streams
        self.hostname = hostname
        self.split = split
        self.results = results
        self.patience_seconds = patience_seconds
        self.selection = selection
        self.reaps = reaps
        self.environment = environment
        self.seals = seals
        #: Whether a recorded task's own code is being executed.
        self.in_task = False
        self._complained = 0.0
        #: Whether the broker gives a message one id for all of its deliveries.
        self._has_publications = delivery.has_publications(app)
        #: The id of the last task that called ``self.replace()``, and its replacement.
        self._replaced: tuple[str, str] | None = None

    def wrap_tasks(self) -> None:
        """Wrap every task. Safe to call again after Celery has rebuilt them.

        :raises Unsupported: if this Celery has no ``__trace__`` to wrap.
        """
        for name, task in self.app.tasks.items():
            original = getattr(task, "__trace__", None)
            if not callable(original):
                raise Unsupported(f"task {name} has no __trace__; Runtail does not know this version of Celery")
            if not hasattr(original, _MARK):
                task.__trace__ = self._wrapper(task, original)
            if not hasattr(task.on_replace, _MARK):
                task.on_replace = self._noting_replacement(task, task.on_replace)

    def _joins(self, task: Any) -> bool:
        """Return whether a task is recorded only where it continues a run: Celery's own tasks, and excluded tasks."""
        return delivery.joins(task) or bool(self.selection.why_not(task))

    def _wrapper(self, task: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        joins, left_out = self._joins(task), bool(self.selection.why_not(task))

        def trace(uuid: str, args: Any, kwargs: Any, request: Any = None) -> Any:
            message = request if request is not None else {}
            call = Call(task, original, uuid, args, kwargs, message).opened(self.seals)
            # (A task that Runtail started while it was recorded has a run that waits for its claim, or was cancelled.)
            if joins and not delivery.replaces(message) and not (left_out and header.names(message, uuid)):
                return call()
            return self.run(call)

        setattr(trace, _MARK, True)
        return trace

    def _noting_replacement(self, task: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        def on_replace(signature: Any) -> Any:
            request = task.request
            if request.is_eager:
                return original(signature)
            try:
                result = original(signature)
            except (Ignore, Reject):
                # This is how Celery leaves the task once the other task was published.
                self._replaced = (request.id, delivery.successor(signature))
                raise
            self._replaced = (request.id, delivery.successor(signature))
            return result

        setattr(on_replace, _MARK, True)
        return on_replace

    def run(self, call: Call) -> Any:
        """Execute one message with its output captured.

        Whatever goes wrong here, and not in the task, the task runs.
        """
        mask = hold_signals()
        try:
            try:
                execution, own = self._open(call)
            except Refused as refusal:
                log.info("Runtail: %s[%s] is not executed: %s", call.task.name, call.uuid, refusal)
                if refusal.fails:
                    return delivery.fail(call.task, call.request, call.args, call.kwargs, f"not executed: {refusal}")
                return trace_ok_t(None, None, 0.0, f"not executed: {refusal}")
            except TurnedAway as error:
                if not self._joins(call.task):
                    log.warning("Runtail: %s[%s] is not recorded: %s", call.task.name, call.uuid, error)
            except StopRequested:
                # The signal is delivered below and ends this process; the run
                # was never claimed and stays queued.
                return trace_ok_t(None, None, 0.0, "the worker was told to stop before the task began")
            except Exception as error:  # noqa: BLE001 - see above
                self._complain(error)
            else:
                return self._captured(execution, mask, call, own)
        finally:
            release_signals(mask)
        return call()

    def _open(self, call: Call) -> tuple[Execution, list[bytes]]:
        """Hand the run over; return it with its own secrets."""
        self.streams.prepare()
        flaw = flaw_of_choice(call.uuid)
        if flaw:
            raise Unrecorded(f"{call.task.name} came with the id {call.uuid[:300]!r}, but {flaw}")
        try:
            bound = call.bound()
            own = [text for value in bound.secrets for text in secret.texts_of(value)]
            # Only its own secrets: those of the environment are the same for every run, which saves work.
            secrets = (self.environment.secrets(os.environ), own)
            masker = Masker(secrets[0])
            masker.add(own)
            record = self._record(call, bound, masker)
        except Exception as error:  # noqa: BLE001 - the task's options, say, may be anything
            self._complain(error)
            record = new_record(**self._claimed_by(call), split=False)
            execution = open_execution(record, self.send, self.streams, self.patience_seconds, (), Masker())
            execution.refrain(_describe(error))
            return execution, []
        execution = open_execution(record, self.send, self.streams, self.patience_seconds, secrets, masker)
        return execution, own

    def _captured(self, execution: Execution, mask: Any, call: Call, secrets: list[bytes]) -> Any:
        result: Any = None
        error: BaseException | None = None
        self._replaced = None
        if execution.unrecorded is None:
            self._begin(execution, secrets)
        try:
            try:
                self.in_task = True
                release_signals(mask)
                result = call()
            finally:
                hold_signals()
                self.in_task = False
        except BaseException as caught:  # noqa: BLE001 - raised again below, after the run was ended
            hold_signals()
            error = caught
        self._finish(execution, result, error, call)
        if error is not None:
            said = None
            with contained("an exit may show a secret in the worker's log"):
                said = _exit_without_secrets(error, execution.masker)
            try:
                raise said or error
            finally:
                # Its traceback holds this frame, and this frame holds the traceback.
                error = None
        return result

    def _begin(self, execution: Execution, secrets: list[bytes]) -> None:
        try:
            execution.begin(self._fallback_handler)
            for flaw in sorted({weakness(text) for text in secrets} - {""}):
                author.warning(flaw)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task runs
            self._complain(error)
            execution.refrain(_describe(error))

    def _finish(self, execution: Execution, result: Any, error: BaseException | None, call: Call) -> None:
        """Write what belongs at the end of the run, restore everything, and report."""
        try:
            ended = self._conclude(execution, result, error, call)
        except Exception:
            log.exception("Runtail: how run %s ended could not be described", call.uuid)
            ended = outcome.undescribed(succeeded=error is None and getattr(result, "info", None) is None)
        execution.end()
        execution.report(ended)
        execution.learn()
        execution.close()
        if self.reaps:
            try:
                subreaper.reap()
            except Exception:
                log.exception("Runtail: dead processes were not collected")

    def _conclude(self, execution: Execution, result: Any, error: BaseException | None, call: Call) -> dict[str, Any]:
        """Write the traceback of a failure into the run and return the run's outcome."""
        if isinstance(error, SystemExit):
            if terminate_handler_fired() or isinstance(error, WorkerTerminate):
                return outcome.interrupted("told to stop by a signal")
            # Celery will call this a lost worker; the run knows better.
            if isinstance(error.code, str):
                execution.write(error.code + "\n")
            return outcome.outcome_of_exit(error.code)
        if error is not None:
            execution.write(format_exception(error))
            return outcome.outcome_of_exception(error)
        ended = outcome.outcome_of(result, call.task, call.request)
        if self._replaced is not None and self._replaced[0] == call.uuid:
            ended = outcome.replaced(ended, self._replaced[1])
        if ended["state"] == "succeeded" and self._keeps_result(call.task):
            with contained("the result of a run is not kept"):
                ended["result"] = kept(result.retval, execution.masker)
        # Celery logs the traceback, but its log is kept out of the run.
        if ended["state"] in ("failed", "retry") and getattr(result.retval, "traceback", None):
            execution.write(str(result.retval.traceback).rstrip("\n") + "\n")
        return ended

    def _keeps_result(self, task: Any) -> bool:
        options = getattr(task, "runtail", None) or {}
        return self.results and bool(options.get("result", True))

    def _record(self, call: Call, bound: arguments.Bound, masker: Masker) -> dict[str, Any]:
        options = getattr(call.task, "runtail", None) or {}
        kwargs = arguments.recorded(bound.named, bound.hidden, masker.whole)
        return new_record(
            **self._claimed_by(call),
            max_attempts=int(options.get("max_attempts", 3)),
            labels=labels.declared_by(call.task),
            title=self._title(call.task, kwargs, bound, masker),
            kwargs=kwargs,
            hidden=bool(bound.hidden & bound.named.keys()) or masker.count > 0,
            args=[],
            split=self.split,
        )

    def _title(self, task: Any, kwargs: dict[str, Any], bound: arguments.Bound, masker: Masker) -> str:
        declared = titles.declared_by(task)
        if not titles.names_parameters(declared):
            return titles.cleaned(declared)
        defaults = arguments.recorded(arguments.defaults_of(task.run), bound.hidden, masker.whole)
        return titles.filled(declared, {**defaults, **kwargs})

    def _claimed_by(self, call: Call) -> dict[str, Any]:
        """Return the facts that a claim needs and that are available for every call."""
        task, request = call.task, call.request
        options = getattr(task, "runtail", None)
        options = options if isinstance(options, Mapping) else {}
        headers, flaw = None, ""
        try:
            headers = header.read(request.get(HEADER), call.uuid)
        except header.BadHeader as error:
            flaw = str(error)
        return {
            "run": call.uuid,
            "task": task.name,
            "headers": headers,
            "header_flaw": flaw,
            "joins": delivery.joins(task) or (headers is None and self._joins(task)),
            **delivery.facts(request, publications=self._has_publications),
            "redelivers": bool(task.acks_late),
            "requeues": delivery.requeues(task, request),
            "restart": bool(options.get("restart", False)),
            "exclusive": bool(options.get("exclusive", False)),
            "worker": self.hostname,
        }

    def _fallback_handler(self) -> logging.Handler:
        """Return a handler for workers whose own logging goes to a file."""
        from celery.app.log import TaskFormatter

        handler = logging.StreamHandler(self.streams.kept[2])
        handler.setFormatter(TaskFormatter(self.app.conf.worker_task_log_format, use_color=False))
        return handler

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if not self._complained or now - self._complained > _COMPLAIN_SECONDS:
            self._complained = now
            known = isinstance(error, Unrecorded | OSError)
            log.warning("Runtail: tasks run without being recorded: %s", _describe(error), exc_info=not known)
