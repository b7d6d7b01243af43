"""The hook around a task: ``task.__trace__``, what Celery calls to execute one message.

Everything a task does for a message happens inside it: custom bases, callbacks,
retries. And it is the only place where an execution can be refused without
Celery calling it a failure. It is internal API, so its shape is checked when a
worker starts (:func:`wrap_tasks`) and by a test.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billiard.common import terminate_handler_fired
from celery.app.trace import trace_ok_t

from runtail import author, secret
from runtail.capture import arguments, child, orphans, outcome
from runtail.capture.environment import SecretEnvironment
from runtail.capture.streams import Streams
from runtail.errors import Unsupported
from runtail.runid import flaw_of
from runtail.shipper.encodings import weakness
from runtail.shipper.mask import Masker

log = logging.getLogger("celery.runtail")

#: The message header in which run, attempt and starter travel.
HEADER = "runtail"
_MARK = "_runtail_wrapped"
#: A larger header is not from Runtail.
MAX_HEADER_BYTES = 4 * 1024
#: Said again at most this often, not for every task.
_COMPLAIN_SECONDS = 60.0

Send = Callable[[dict[str, Any], list[int]], bool]


@dataclass(frozen=True, slots=True)
class Call:
    """One message: what Celery gives to ``task.__trace__``, and the original of that."""

    task: Any
    original: Callable[..., Any]
    uuid: str
    args: Any
    kwargs: Any
    request: Any

    def __call__(self) -> Any:
        """Do what Celery would have done."""
        return self.original(self.uuid, self.args, self.kwargs, self.request)


def _exit_without_secrets(error: BaseException, masker: Masker) -> SystemExit | None:
    """Return what leaves the process instead of a ``sys.exit`` whose text, or what it came of, has a secret in it.

    The pool hands it to Celery's main process, which logs it, and knows no secret of this run.
    """
    text = child.format_exception(error) if masker and isinstance(error, SystemExit) else ""
    if masker.whole(text) == text:
        return None
    code = error.code if isinstance(error, SystemExit) else None
    return SystemExit(masker.whole(code) if isinstance(code, str) else code)


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
        patience_seconds: float,
        reaps: bool,
        environment: SecretEnvironment,
    ) -> None:
        """Make the tracer of this process.

        :param send: puts a record and descriptors through the door.
        :param reaps: this process is a subreaper and must collect dead orphans.
        """
        self.app = app
        self.send = send
        self.streams = streams
        self.hostname = hostname
        self.split = split
        self.patience_seconds = patience_seconds
        self.reaps = reaps
        self.environment = environment
        self._complained = 0.0

    def wrap_tasks(self) -> None:
        """Wrap every task but Celery's own. Safe to call again after Celery rebuilt them.

        :raises Unsupported: if this Celery has no ``__trace__`` to wrap.
        """
        for name, task in self.app.tasks.items():
            if name.startswith("celery."):
                continue
            original = getattr(task, "__trace__", None)
            if not callable(original):
                raise Unsupported(f"task {name} has no __trace__; Runtail does not know this version of Celery")
            if not hasattr(original, _MARK):
                task.__trace__ = self._wrapper(task, original)

    def _wrapper(self, task: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        def trace(uuid: str, args: Any, kwargs: Any, request: Any = None) -> Any:
            return self.run(Call(task, original, uuid, args, kwargs, request if request is not None else {}))

        setattr(trace, _MARK, True)
        return trace

    def run(self, call: Call) -> Any:
        """Execute one message with its output captured."""
        mask = child.hold_signals()
        try:
            try:
                flaw = flaw_of(call.uuid)
                if flaw:
                    raise child.Unrecorded(f"{call.task.name} came with the id {call.uuid[:300]!r}, but {flaw}")
                names = secret.names_of(call.task)
                bound = arguments.bind(call.task.run, call.args or (), call.kwargs or {}, names)
                own = [text for value in bound.secrets for text in secret.texts_of(value)]
                # Of its own: those of the environment are the same for every run, which saves work.
                secrets = (self.environment.secrets(os.environ), own)
                masker = Masker(secrets[0])
                masker.add(own)
                record = self._record(call, bound, masker)
                execution = child.open_execution(
                    record, self.send, self.streams, self.patience_seconds, secrets, masker
                )
            except child.Refused as refusal:
                log.info("Runtail: %s[%s] is not executed: %s", call.task.name, call.uuid, refusal)
                return trace_ok_t(None, None, 0.0, f"not executed: {refusal}")
            except (child.Unrecorded, OSError) as error:
                self._complain(error)
                execution = None
            except child.StopRequested:
                # The signal is delivered below and ends this process; the run
                # was never claimed and stays queued.
                return trace_ok_t(None, None, 0.0, "the worker was told to stop before the task began")
            if execution is not None:
                return self._captured(execution, mask, call, own)
        finally:
            child.release_signals(mask)
        return call()

    def _captured(self, execution: child.Execution, mask: Any, call: Call, secrets: list[bytes]) -> Any:
        result: Any = None
        error: BaseException | None = None
        try:
            execution.begin(self._fallback_handler)
            for flaw in sorted({weakness(text) for text in secrets} - {""}):
                author.warning(flaw)
        except OSError as failure:
            self._complain(failure)
        try:
            try:
                child.release_signals(mask)
                result = call()
            finally:
                child.hold_signals()
        except BaseException as caught:  # noqa: BLE001 - raised again below, after the run was ended
            child.hold_signals()
            error = caught
        try:
            ended = self._conclude(execution, result, error, call)
        finally:
            execution.end()
        execution.report(ended)
        execution.close()
        if self.reaps:
            orphans.reap()
        if error is not None:
            said = _exit_without_secrets(error, execution.masker)
            try:
                raise said or error
            finally:
                # Its traceback holds this frame, and this frame holds it.
                error = None
        return result

    def _conclude(
        self, execution: child.Execution, result: Any, error: BaseException | None, call: Call
    ) -> dict[str, Any]:
        """Write the traceback of a failure into the run and return the run's outcome."""
        if isinstance(error, SystemExit):
            if terminate_handler_fired():
                return outcome.interrupted("told to stop by a signal")
            # Celery goes on to call this a lost worker; the run knows better.
            if isinstance(error.code, str):
                execution.write(error.code + "\n")
            return outcome.outcome_of_exit(error.code)
        if error is not None:
            execution.write(child.format_exception(error))
            return outcome.outcome_of_exception(error)
        ended = outcome.outcome_of(result, call.task, call.request)
        # Celery logs the traceback, and its log is kept out of the run.
        if ended["state"] in ("failed", "retry") and getattr(result.retval, "traceback", None):
            execution.write(str(result.retval.traceback).rstrip("\n") + "\n")
        return ended

    def _record(self, call: Call, bound: arguments.Bound, masker: Masker) -> dict[str, Any]:
        task, request = call.task, call.request
        options = getattr(task, "runtail", None) or {}
        header = request.get(HEADER)
        if not isinstance(header, dict) or len(json.dumps(header)) > MAX_HEADER_BYTES:
            header = None
        delivery = request.get("delivery_info") or {}
        kwargs = arguments.recorded(bound.named, bound.hidden, masker.whole)
        return child.new_record(
            run=call.uuid,
            task=task.name,
            headers=header,
            who=(header or {}).get("who"),
            retries=int(request.get("retries") or 0),
            redelivered=bool(delivery.get("redelivered")),
            redelivers=bool(task.acks_late),
            restart=bool(options.get("restart", False)),
            exclusive=bool(options.get("exclusive", False)),
            max_attempts=int(options.get("max_attempts", 3)),
            kwargs=kwargs,
            hidden=bool(bound.hidden & bound.named.keys()) or masker.count > 0,
            args=[],
            queue=delivery.get("routing_key"),
            worker=self.hostname,
            split=self.split,
        )

    def _fallback_handler(self) -> logging.Handler:
        """Return a handler for workers whose own logging goes to a file."""
        from celery.app.log import TaskFormatter

        handler = logging.StreamHandler(self.streams.err)
        handler.setFormatter(TaskFormatter(self.app.conf.worker_task_log_format, use_color=False))
        return handler

    def _complain(self, error: BaseException) -> None:
        now = time.monotonic()
        if not self._complained or now - self._complained > _COMPLAIN_SECONDS:
            self._complained = now
            log.warning("Runtail: tasks run without being recorded: %s", error)
