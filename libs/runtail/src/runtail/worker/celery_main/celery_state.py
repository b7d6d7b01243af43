"""What Celery's main process knows of a task whose process is gone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from celery.worker import state


@dataclass(frozen=True, slots=True)
class Status:
    """Why a process ended, parsed from Celery's message."""

    why: str
    signal: int | None = None
    exit_status: int | None = None


def read_status(text: str) -> Status:
    """Parse the text of a ``WorkerLostError``."""
    killed = re.search(r"signal (\d+)(?: \((\w+)\))?", text)
    if killed:
        name = f" ({killed[2]})" if killed[2] else ""
        return Status(f"killed by signal {killed[1]}{name}", signal=int(killed[1]))
    left = re.search(r"exitcode (-?\d+)", text)
    if left:
        code = int(left[1])
        # billiard's own code for "told to stop by signal n".
        if code < -128:
            return Status(f"killed by signal {256 + code}", signal=256 + code)
        return Status(f"the process exited with status {code & 0xFF}", exit_status=code & 0xFF)
    return Status("the task's process is gone: " + text[:200])


def pid_of(task_id: str | None) -> int:
    """Return the pool child that executes a task now, 0 if unknown."""
    request = state.requests.get(task_id)
    return int(getattr(request, "worker_pid", None) or 0)


def is_revoked(task_id: str) -> bool:
    """Return whether somebody revoked a task, by its id or by one of its stamps, as far as this worker has heard."""
    if task_id in state.revoked:
        return True
    if not state.revoked_stamps:
        return False
    request = state.requests.get(task_id)
    if request is None:
        return True  # Celery forgets a request before it reports the revocation
    stamps = request.stamps or {}
    return any(_values(stamps.get(name)) & _values(values) for name, values in state.revoked_stamps.items())


def _values(stamp: str | Iterable[str] | None) -> set[str]:
    """Return the values of a stamp: Celery accepts one value, or several at once."""
    return {stamp} if isinstance(stamp, str) else set(stamp or ())


def executes(pid: int, task_id: str) -> bool:
    """Return False once Celery's main process knows that the pool child has left the task.

    A main process that is busy (reconnecting to its broker, say) has not heard
    yet which child took a task; the child itself reported it, and is believed.
    """
    request = state.requests.get(task_id)
    return request is not None and request.worker_pid in (None, pid)
