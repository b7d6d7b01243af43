"""What a delivered message is, as Celery and kombu describe it: which publication, which step of its task.

Much of it is internal to them, so tests hold it with each version (docs/decisions/0015 says what it is for).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from celery.app.task import Context
from celery.app.trace import TraceInfo, trace_ok_t
from celery.states import FAILURE

from runtail.errors import ExecutionRefused
from runtail.header import MAX_NUMBER, MAX_TEXT_CHARS

#: Kombu's transports that keep a message's ``delivery_tag``, made when it was published, for all of its deliveries.
#: Others count tags per channel (AMQP), or make them anew for each delivery (SQS, Pub/Sub).
_KEEPING_DRIVERS = frozenset({"redis", "memory", "filesystem"})


def has_publications(app: Any) -> bool:
    """Return whether the app's broker knows a message by the same id each time it delivers it."""
    return app.connection_for_read().get_transport_cls().driver_type in _KEEPING_DRIVERS


def joins(task: Any) -> bool:
    """Return True for Celery's own tasks: one is recorded only where it continues a run (``celery.accumulate``)."""
    return str(task.name).startswith("celery.")


def replaces(request: Mapping[str, Any]) -> bool:
    """Return whether the message may take the place of a task that called ``self.replace()``."""
    return number(request.get("replaced_task_nesting")) > 0


def requeues(task: Any, request: Mapping[str, Any]) -> bool:
    """Return whether Celery sends the message again when the task's process dies and the worker lives.

    By itself it does not, also with ``acks_late``: the task fails, and its message is acknowledged.
    """
    if getattr(task, "retry_on_worker_lost", False):  # since Celery 5.7
        return task.max_retries is None or number(request.get("retries")) < task.max_retries
    # (Since 5.7 a message that is not acknowledged on a time limit goes back.)
    return bool(task.acks_late and (task.reject_on_worker_lost or not getattr(task, "acks_on_timeout", True)))


def facts(request: Mapping[str, Any], *, publications: bool) -> dict[str, Any]:
    """Return what the shipper must know of a message; whoever can publish can write anything into it.

    :param request: Celery's dict of a message.
    :param publications: what :func:`has_publications` says.
    """
    info = request.get("delivery_info")
    info = info if isinstance(info, Mapping) else {}
    properties = request.get("properties")
    tag = properties.get("delivery_tag") if publications and isinstance(properties, Mapping) else None
    queue = info.get("routing_key")
    return {
        "publication": tag if _is_uuid(tag) else "",
        "redelivered": bool(info.get("redelivered")),
        "nesting": number(request.get("replaced_task_nesting")),
        "retries": number(request.get("retries")),
        "queue": queue[:MAX_TEXT_CHARS] if isinstance(queue, str) else "",
    }


def successor(signature: Mapping[str, Any]) -> str:
    """Return the name of the task that gets the id when *signature* replaces a task: of several, the last one."""
    while True:
        # A signature, or the plain dict that it was made of.
        parts = signature.get("kwargs") or {}
        if signature.get("subtask_type") == "chord":
            signature = parts["body"]
        elif signature.get("subtask_type") == "chain":
            signature = parts["tasks"][-1]
        else:
            return str(signature["task"])


def fail(task: Any, request: Mapping[str, Any], args: Any, kwargs: Any, why: str) -> trace_ok_t:
    """Let a task that is not executed fail, as if it had raised: result, errbacks, chord, and Celery's log."""
    context = Context(request, args=args, kwargs=kwargs, called_directly=False)
    try:
        raise ExecutionRefused(why)
    except ExecutionRefused as error:
        info = TraceInfo(FAILURE, error)
        return trace_ok_t(info.handle_error_state(task, context), info, 0.0, None)


def number(value: Any) -> int:
    """Return a count as it stands in a message; 0 for what is none."""
    return value if type(value) is int and 0 <= value < MAX_NUMBER else 0


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 36 and bool(uuid.UUID(value))
    except ValueError:
        return False
