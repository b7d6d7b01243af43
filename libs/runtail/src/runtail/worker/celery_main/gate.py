"""Looks at each message before Celery does: who cannot prove that it may be executed, is refused here.

It runs in Celery's main process, which has the body as it was sent; a task's process gets it decoded. What is refused
is taken from the broker, counted, and handed to the shipper, which keeps it for a look and ends the run that waits for
it.

kombu gives up on a line of a Redis list that is not a message, and Celery's worker ends with it. So the function of
kombu's that reads a line is wrapped, too.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty
from typing import Any, Final

from runtail import header
from runtail.contained import contained
from runtail.errors import ExecutionRefused
from runtail.header import HEADER
from runtail.settings import Settings
from runtail.signature import QUEUE, SIGNATURE, is_valid, read_keys

log = logging.getLogger("celery.runtail")

#: Of a refused message's headers, properties and body, this much each is kept.
KEPT_CHARS: Final = 8000
_WRAPPED: Final = "_runtail_gate"

#: ``(reason, why, run, attempt, execution, letter)``: tells the shipper. ``run`` is empty if no run waits for it.
Tell = Callable[[str, str, str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is not executed.

    :param reason: one of :data:`runtail.metric_table.REJECTIONS`.
    :param why: the end of a sentence.
    """

    reason: str
    why: str


class Gate:
    """The check of one worker's messages.

    :param tell: called with each message that is refused.
    """

    def __init__(self, settings: Settings, hostname: str, tell: Tell) -> None:
        self._keys = read_keys(settings.message_keys)
        self._only_signed = settings.messages == "signed"
        self._max_bytes = settings.max_message_bytes
        self._hostname, self._tell = hostname, tell

    @property
    def guards(self) -> bool:
        """True if messages must be checked: without the check, the worker must not run."""
        return bool(self._keys)

    def attach(self, consumer: Any) -> None:
        """Stand between the broker and a consumer of Celery's that is about to consume. Safe to call again."""
        self._wrap_reading(consumer)
        if not hasattr(consumer.on_decode_error, _WRAPPED):
            consumer.on_decode_error = self._counting(consumer.on_decode_error, "content", 0)
        consumer.task_consumer.on_decode_error = consumer.on_decode_error
        if hasattr(consumer.create_task_handler, _WRAPPED):
            return
        for name, reason in (
            ("on_unknown_message", "format"),
            ("on_unknown_task", "task"),
            ("on_invalid_task", "content"),
        ):
            setattr(consumer, name, self._counting(getattr(consumer, name), reason, 1))
        consumer.create_task_handler = self._checking(consumer, consumer.create_task_handler)

    def _checking(self, consumer: Any, create: Callable[..., Any]) -> Callable[..., Any]:
        def create_task_handler(*args: Any, **options: Any) -> Callable[[Any], Any]:
            handle = create(*args, **options)

            def on_task_received(message: Any) -> Any:
                refusal = self.check(message, lambda queue: _takes(consumer, queue))
                if refusal is not None:
                    self._refuse(consumer, message, refusal)
                    return None
                try:
                    return handle(message)
                except Exception as error:
                    if not _is_about_message(error, consumer):
                        raise
                    self._refuse(consumer, message, Refusal("format", f"Celery cannot read it: {error!r:.200}"))
                    return None

            return on_task_received

        setattr(create_task_handler, _WRAPPED, True)
        return create_task_handler

    def check(self, message: Any, takes: Callable[[str], bool]) -> Refusal | None:
        """Return why a message is refused, or None. What nobody proved is taken out of its header.

        :param message: kombu's.
        :param takes: tells whether this worker takes from a queue.
        """
        body = message.body
        data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body or b"")
        if len(data) > self._max_bytes:
            return Refusal("size", f"its message has {len(data)} bytes (RUNTAIL_MAX_MESSAGE_BYTES={self._max_bytes})")
        headers = message.headers if isinstance(message.headers, dict) else {}
        if "task" in headers and not (isinstance(headers["task"], str) and isinstance(headers.get("id"), str)):
            return Refusal("format", "the name or the id of its task is not text")
        if not self._keys:
            return None
        ours = headers.get(HEADER)
        if not isinstance(ours, Mapping) or SIGNATURE not in ours:
            if self._only_signed:
                return Refusal("unsigned", "its message is not signed (RUNTAIL_MESSAGES=signed)")
            if isinstance(ours, Mapping):
                # Who sent it is only what it says.
                headers[HEADER] = {name: value for name, value in ours.items() if name != "who"}
            return None
        proven = is_valid(
            self._keys,
            ours,
            task=headers.get("task"),
            task_id=headers.get("id"),
            content_type=message.content_type,
            body=data,
        )
        if not proven:
            return Refusal("signature", "the signature of its message is wrong: see RUNTAIL_MESSAGE_KEYS")
        queue = ours.get(QUEUE)
        if not isinstance(queue, str) or not takes(queue):
            return Refusal(
                "queue", f"its message was sent to the queue {queue!r:.100}, which this worker does not take"
            )
        return None

    def _refuse(self, consumer: Any, message: Any, refusal: Refusal) -> None:
        headers = message.headers if isinstance(message.headers, dict) else {}
        log.warning("Runtail: %.200s[%.300s] is not executed: %s", headers.get("task"), headers.get("id"), refusal.why)
        if not message.acknowledged:
            message.reject_log_error(log, consumer.connection_errors)
        self._report(message, refusal)
        if refusal.reason == "unsigned" and isinstance(headers.get("id"), str) and not headers.get("ignore_result"):
            # Its sender, who may wait, most likely does not know that it must sign. (Not its errbacks: they are tasks.)
            with contained("the result of a refused task was not stored"):
                _fail(consumer.app.backend, headers["id"], refusal.why)

    def _report(self, message: Any, refusal: Refusal) -> None:
        headers = message.headers if isinstance(message.headers, dict) else {}
        run_id, attempt, execution = "", 0, 0
        try:
            announced = header.read(headers.get(HEADER), str(headers.get("id")))
        except header.BadHeader:
            announced = None
        if announced is not None:
            run_id, attempt, execution = announced["run"], announced["attempt"], announced["execution"]
        body = message.body
        text = body if isinstance(body, str) else bytes(body or b"").decode("utf-8", "backslashreplace")
        letter = self._letter(refusal, headers=headers, properties=message.properties, body=text)
        self._tell(refusal.reason, refusal.why, run_id, attempt, execution, letter)

    def _letter(self, refusal: Refusal, **parts: Any) -> str:
        told = {"t_ms": int(time.time() * 1000), "worker": self._hostname, "why": refusal.why}
        return json.dumps({**told, **{name: _cut(value) for name, value in parts.items()}})

    def _counting(self, original: Callable[..., Any], reason: str, place: int) -> Callable[..., Any]:
        def refused(*args: Any, **options: Any) -> Any:
            with contained("a refused message was not counted"):
                message = options["message"] if "message" in options else args[place]
                self._report(message, Refusal(reason, "Celery refuses it: see the worker's log"))
            return original(*args, **options)

        setattr(refused, _WRAPPED, True)
        return refused

    def _wrap_reading(self, consumer: Any) -> None:
        channel = getattr(consumer.task_consumer, "channel", None)
        handlers: Any = getattr(channel, "handlers", None)
        read = handlers.get("BRPOP") if isinstance(handlers, dict) else None
        if read is None or hasattr(read, _WRAPPED):
            return

        def read_line(*args: Any, **options: Any) -> Any:
            try:
                return read(*args, **options)
            except Exception as error:
                if not _is_about_message(error, consumer):
                    raise
                # The line is gone from its list, and can be no task.
                refusal = Refusal("format", f"a line of a queue is not a message: {error!r:.200}")
                log.error("Runtail: %s", refusal.why)
                self._tell(refusal.reason, refusal.why, "", 0, 0, self._letter(refusal, body=getattr(error, "doc", "")))
                return True

        setattr(read_line, _WRAPPED, True)
        handlers["BRPOP"] = read_line


def _is_about_message(error: Exception, consumer: Any) -> bool:
    """Tell whether an error is a message's fault, and not the connection's."""
    # (For kombu, a KeyError is the connection's.)
    if isinstance(error, ValueError | TypeError | LookupError | AttributeError | RecursionError):
        return True
    return not isinstance(error, (Empty, OSError, MemoryError, *consumer.connection_errors, *consumer.channel_errors))


def _takes(consumer: Any, queue: str) -> bool:
    """Tell whether a consumer takes messages that were sent to a queue, by its name or by a routing key."""
    for one in consumer.task_consumer.queues:
        exchange = getattr(one, "exchange", None)
        if queue in (one.name, one.routing_key):
            return True
        # The keys of other exchanges are patterns, or mean nothing.
        if exchange is not None and exchange.name and exchange.type != "direct":
            return True
    return False


def _fail(backend: Any, task_id: str, why: str) -> None:
    # Nobody who only sends messages shall change the result of a task that is over.
    if backend.get_state(task_id) not in backend.READY_STATES:
        backend.mark_as_failure(task_id, ExecutionRefused(f"not executed: {why}"), call_errbacks=False)


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    return value if len(text) <= KEPT_CHARS else f"{text[:KEPT_CHARS]}…"
