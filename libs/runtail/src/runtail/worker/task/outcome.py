"""What Celery's result means for the run."""

from __future__ import annotations

import datetime
import time
from typing import Any

from celery import states

from runtail.worker.channel import MAX_REASON_CHARS
from runtail.worker.task.delivery import number


def outcome_of(result: Any, task: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Return the outcome for the ``end`` message from the result of the traced call.

    :param result: Celery's ``trace_ok_t``; its ``info`` is None on success.
    """
    info = getattr(result, "info", None)
    if info is None:
        return _outcome("succeeded", "")
    if info.state == states.RETRY:
        return _retry(info.retval, task, request)
    if info.state == states.REJECTED:
        requeue = bool(getattr(info.retval, "requeue", False))
        return {**_outcome("rejected", f"rejected: {_text(info.retval)}"), "requeue": requeue}
    if info.state == states.IGNORED:
        return _outcome("ignored", "the task ignored its result")
    return _outcome("failed", _describe(info.retval))


def replaced(ended: dict[str, Any], task: str) -> dict[str, Any]:
    """Return the outcome of a task that called ``self.replace()``: its run continues with *task*.

    If Celery keeps the task's own outcome as the result, that outcome stays: the task went on after being replaced.
    """
    if ended["state"] not in ("ignored", "rejected") or ended["requeue"]:
        return ended
    return {**_outcome("replaced", f"replaced by {task}, which has not begun"), "replaced_by": task}


def outcome_of_exit(code: Any) -> dict[str, Any]:
    """Return the outcome of a task that called ``sys.exit(code)``."""
    if code is None or code == 0:
        return {**_outcome("succeeded", "the task called sys.exit(0)"), "exit_status": 0}
    status = code if isinstance(code, int) else 1
    why = f"the task called sys.exit({status})" if isinstance(code, int) else _text(code)
    return {**_outcome("failed", why), "exit_status": status & 0xFF}


def outcome_of_exception(error: BaseException) -> dict[str, Any]:
    """Return the outcome for an exception that left the traced call."""
    return _outcome("failed", _describe(error))


def undescribed(*, succeeded: bool) -> dict[str, Any]:
    """Return the outcome of a run of which nothing more is known."""
    return _outcome("succeeded", "") if succeeded else _outcome("failed", "failed; the worker's log has more")


def interrupted(why: str) -> dict[str, Any]:
    """Return the outcome of a run that a signal told to stop."""
    return _outcome("interrupted", why)


def _outcome(state: str, why: str) -> dict[str, Any]:
    return {"state": state, "why": why, "exit_status": None, "retry": None, "requeue": False}


def _retry(retry: Any, task: Any, request: dict[str, Any]) -> dict[str, Any]:
    retries = number(request.get("retries")) + 1
    reason = _describe(retry.exc) if getattr(retry, "exc", None) is not None else _text(getattr(retry, "message", ""))
    fields = {"retries": retries, "max": task.max_retries, "eta_ms": _eta_ms(getattr(retry, "when", None)),
              "reason": reason}  # fmt: skip
    most = f" of {task.max_retries}" if task.max_retries is not None else ""
    return {**_outcome("retry", f"retry {retries}{most}: {reason}"), "retry": fields}


def _eta_ms(when: Any) -> int | None:
    if isinstance(when, datetime.datetime):
        aware = when if when.tzinfo is not None else when.replace(tzinfo=datetime.UTC)
        return int(aware.timestamp() * 1000)
    if isinstance(when, int | float):
        return int((time.time() + when) * 1000)
    return None


def _describe(error: Any) -> str:
    if not isinstance(error, BaseException):
        return _text(error)
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(value: Any) -> str:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - somebody's __str__ may raise anything
        text = f"<{type(value).__name__}>"
    # The shipper masks it first, and then cuts it further.
    return text.strip()[:MAX_REASON_CHARS].encode("utf-8", "backslashreplace").decode("utf-8")
