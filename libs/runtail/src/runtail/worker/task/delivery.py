"""Facts about a delivered message, as Celery and kombu describe it: its publication, and its task's step.

Much of this is internal to them, so tests check it with each version (docs/decisions/0015 explains its use).
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

#: Kombu's transports that keep a message's ``delivery_tag``, created when it was published, for all its deliveries.
#: Others count tags per channel (AMQP), or create new ones for each delivery (SQS, Pub/Sub).
_KEEPING_DRIVERS = frozenset({"redis", "memory", "filesystem"})


def has_publications(app: Any) -> bool:
    """Return whether the app's broker identifies a message by the same id each time it delivers it."""
    return app.connection_for_read().get_transport_cls().driver_type in _KEEPING_DRIVERS


def joins(task: Any) -> bool:
    """Return True for Celery's own tasks: they are recorded only where they continue a run (``celery.accumulate``)."""
    return str(task.name).startswith("celery.")


def replaces(request: Mapping[str, Any]) -> bool:
    """Return whether the message may take the place of a task that called ``self.replace()``."""
    return number(request.get("replaced_task_nesting")) > 0


def requeues(task: Any, request: Mapping[str, Any]) -> bool:
    """Return whether Celery sends the message again when the task's process dies and the worker lives.

    By default it does not, even with ``acks_late``: the task fails, and its message is acknowledged.
    """
    if getattr(task, "retry_on_worker_lost", False):  # since Celery 5.7
        return task.max_retries is None or number(request.get("retries")) < task.max_retries
    # (Since 5.7, a message that is not acknowledged on a time limit goes back.)
    return bool(task.acks_late and (task.reject_on_worker_lost or not getattr(task, "acks_on_timeout", True)))


def facts(request: Mapping[str, Any], *, publications: bool) -> dict[str, Any]:
    """Return the facts that the shipper needs about a message; every publisher can write anything into it.

    :param request: Celery's dict of a message.
    :param publications: the result of :func:`has_publications`.
    """
    info = request.get("delivery_info")
    info = info if isinstance(info, Mapping) else {}
    properties = request.get("properties")
    tag = properties.get("delivery_tag") if publications and isinstance(properties, Mapping) else None
    queue = info.get("routing_key")
    parent, root = request.get("parent_id"), request.get("root_id")
    return {
        "publication": tag if _is_uuid(tag) else "",
        "redelivered": bool(info.get("redelivered")),
        "nesting": number(request.get("replaced_task_nesting")),
        "retries": number(request.get("retries")),
        "queue": queue[:MAX_TEXT_CHARS] if isinstance(queue, str) else "",
        # Longer ones are the ids of no run.
        "parent": parent[:MAX_TEXT_CHARS] if isinstance(parent, str) else "",
        "root": root[:MAX_TEXT_CHARS] if isinstance(root, str) else "",
    }


def successor(signature: Mapping[str, Any]) -> str:
    """Return the name of the task that gets the id when *signature* replaces a task: of several, the last one."""
    while True:
        # A signature, or the plain dict from which it was made.
        parts = signature.get("kwargs") or {}
        if signature.get("subtask_type") == "chord":
            signature = parts["body"]
        elif signature.get("subtask_type") == "chain":
            signature = parts["tasks"][-1]
        else:
            return str(signature["task"])


def fail(task: Any, request: Mapping[str, Any], args: Any, kwargs: Any, why: str) -> trace_ok_t:
    """Fail a task that is not executed, as if it had raised: result, errbacks, chord, and Celery's log."""
    context = Context(request, args=args, kwargs=kwargs, called_directly=False)
    try:
        raise ExecutionRefused(why)
    except ExecutionRefused as error:
        info = TraceInfo(FAILURE, error)
        return trace_ok_t(info.handle_error_state(task, context), info, 0.0, None)


def number(value: Any) -> int:
    """Return a count from a message; 0 if the value is not a count."""
    return value if type(value) is int and 0 <= value < MAX_NUMBER else 0


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 36 and bool(uuid.UUID(value))
    except ValueError:
        return False
