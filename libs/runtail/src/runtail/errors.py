"""Every error Runtail raises on purpose.

RuntailError
├── ConfigError            a setting is wrong; nothing was started
│   └── PolicyError        a policy, which says who may do what, cannot be used
├── Unsupported            this pool, platform or store does not support the request
├── MissingExtra           a part of Runtail was not installed
├── ProtocolError          bytes or messages from elsewhere violate the protocol
├── SealBroken             a sealed value cannot be opened here
├── StoreUnavailable       Redis did not answer; nothing is lost, ask again later
├── Fenced                 this writer may no longer write to the run
├── RunDeleted             the run was deleted while it was being written
└── StartError             a run could not be started
    ├── TaskUnknown
    ├── TaskNotRecorded
    ├── ExclusiveHeld
    ├── IdempotencyConflict
    └── PublishFailed
NotLoggedIn                (RuntailError) what a client showed does not say who it is
ProxyRefused               (RuntailError) headers about a login that cannot be believed
ExecutionRefused           (RuntailError) the result of a task that a worker did not execute
RunNotFound, RunEnded      (RuntailError) about a run that was named
"""

from __future__ import annotations

from collections.abc import Sequence


class RuntailError(Exception):
    """Base of all errors of this library."""


class ConfigError(RuntailError):
    """A setting has a value that cannot be used."""


class PolicyError(ConfigError):
    """A policy cannot be used; the message is a sentence without the name of its file."""


class Unsupported(RuntailError):
    """The request cannot work here; the message says why, and what would work."""


class MissingExtra(RuntailError):
    """A part of Runtail needs packages that ``pip install runtail`` leaves out.

    :param extra: the extra's name.
    :param modules: what cannot be imported.
    """

    def __init__(self, extra: str, modules: Sequence[str]) -> None:
        super().__init__(f"no {' or '.join(modules)} here. Install runtail[{extra}]: pip install 'runtail[{extra}]'")
        self.extra = extra


class NotLoggedIn(RuntailError):
    """A client showed nothing that says who it is, or something that is not valid; the message says what to do."""


class ProxyRefused(RuntailError):
    """A request has headers about a login that cannot be believed; the message names the header and says why."""


class ProtocolError(RuntailError):
    """The other side sent something the protocol does not allow.

    :param code: a short stable word a program can act on, e.g. ``version``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SealBroken(RuntailError):
    """A sealed value cannot be opened with the keys of this process; the message names the setting and no value."""


class StoreUnavailable(RuntailError):
    """Redis or Valkey did not answer, or refuses writes; the caller may try again.

    :param retry_after_seconds: a sensible time to wait before the next try.
    """

    def __init__(self, message: str, retry_after_seconds: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreLoginRefused(StoreUnavailable):
    """The store answers but refuses user or password. Somebody may be changing them, so the caller may try again."""


class StoreForbids(StoreUnavailable):
    """The store's access list forbids a command or a key. Somebody may be changing it, so the caller may try again."""


class StoreEvicts(StoreUnavailable):
    """The store may delete keys by itself, so Runtail starts nothing new on it; the message says what to change."""


class ExecutionRefused(RuntailError):
    """A worker did not execute a task, because it is exclusive and another run holds it.

    Celery stores this error as the task's result, so it must be possible to rebuild it from its text alone.
    """


class Fenced(RuntailError):
    """The run has ended or belongs to another writer: nothing more is accepted.

    :param reason: ``ended``, ``superseded`` or ``owner``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"this writer is fenced off: {reason}")
        self.reason = reason


class RunDeleted(RuntailError):
    """The run's record is gone although the store was not emptied: somebody deleted the run."""


class RunNotFound(RuntailError):
    """No run has this id (never started, expired, or deleted)."""

    def __init__(self, run_id: str, *, deleted: bool = False) -> None:
        super().__init__(f"run {run_id!r} was deleted" if deleted else f"there is no run {run_id!r}")
        self.run_id = run_id
        #: True if the run is known to have existed: somebody deleted it, or it had to make room.
        self.deleted = deleted


class RunEnded(RuntailError):
    """The run is already over, so the request no longer has a meaning."""

    def __init__(self, run_id: str, state: str) -> None:
        super().__init__(f"run {run_id!r} is already over: {state}")
        self.run_id = run_id
        self.state = state


class StartError(RuntailError):
    """A run could not be started; nothing of it is left."""


class TaskUnknown(StartError):
    """No worker has ever published a task of this name."""

    def __init__(self, task: str) -> None:
        super().__init__(f"no worker has published a task named {task!r}")
        self.task = task


class TaskNotRecorded(StartError):
    """Workers have the task but do not record it: Runtail would never hear of its run.

    :param why: the end of a sentence.
    """

    def __init__(self, task: str, why: str) -> None:
        super().__init__(f"task {task!r} is not recorded: {why}")
        self.task = task
        self.why = why


class ExclusiveHeld(StartError):
    """The task allows one run at a time, and another run holds it.

    :param holder: that run's id; empty for somebody who may not know it.
    """

    def __init__(self, task: str, holder: str = "") -> None:
        super().__init__("Task is already running")
        self.task = task
        self.holder = holder


class IdempotencyConflict(StartError):
    """The idempotency key was used before for a different request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the idempotency key {key!r} was used for another request")
        self.key = key


class PublishFailed(StartError):
    """The broker did not take the message; the run was closed again."""
