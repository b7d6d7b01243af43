"""Claiming a run for one delivered message, before the task's body runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from runtail import labels, titles
from runtail.log.claim import Claim
from runtail.protocol import RunState
from runtail.runs import family
from runtail.runs.record import Run
from runtail.store import Store, store_errors

EXCLUSIVE: Final = "Task is already running"


@dataclass(frozen=True, slots=True)
class Claimed:
    """The run belongs to this execution."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Refused:
    """The message must not be run.

    :param reason: ``ended``, ``deleted``, ``exclusive``, ``duplicate`` (its attempt was claimed before), ``held``
        (another delivery of it is being executed), ``superseded`` (its attempt was released).
    :param detail: the state it ended in, or the run that holds the task.
    :param alone: no other message will store a result for this task id.
    :param awaited: the run waited for this message and cannot go on without it.
    """

    reason: str
    detail: str = ""
    alone: bool = False
    awaited: bool = False

    @property
    def sentence(self) -> str:
        """Return the reason in words, for the message's sender and the worker's log."""
        if self.reason == "exclusive":
            return f"{EXCLUSIVE}: run {self.detail} holds it"
        detail = f" ({self.detail})" if self.detail else ""
        return {
            "duplicate": "its message was executed before",
            "held": "it is being executed",
        }.get(self.reason, f"the run is {self.reason}{detail}")

    @property
    def why(self) -> str:
        """Return the reason in words for the run's record: some of its readers may not see the other run."""
        return EXCLUSIVE if self.reason == "exclusive" else self.sentence


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """The message must be run, but unrecorded: the run's log belongs to another execution."""


@dataclass(frozen=True, slots=True)
class Held:
    """Another execution holds the run. If (attempt, beat) stays the same for a lease, claim with it as *takeover*.

    :param kind: how the message relates to that execution (docs/decisions/0015): the ``same`` message again, the
        ``next`` of its run, an ``other`` use of the id, or in ``doubt``.
    """

    attempt: int
    beat: int
    kind: str = field(default="same", compare=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known about a delivered message.

    :param headers: the message's ``runtail`` header, None for a plain ``.delay()``.
    :param publication: the id that the message has at the broker on every delivery; empty if it has none.
    :param redelivered: the broker says that it has delivered the message before.
    :param nesting: how often ``self.replace()`` was called before this message.
    :param parent: the run that called it, or came before it in a chain; empty if there is none.
    :param root: the run with which that began.
    :param joins: a task of Celery's own, recorded only if a run waits for it.
    :param redelivers: the broker delivers the message again if the worker dies (``acks_late`` and similar settings).
    """

    run_id: str
    task: str
    worker: str
    publication: str = ""
    redelivered: bool = False
    nesting: int = 0
    retries: int = 0
    joins: bool = False
    headers: Mapping[str, Any] | None = None
    kwargs: Mapping[str, Any] | None = None
    queue: str = ""
    parent: str = ""
    root: str = ""
    who: str | None = None
    redelivers: bool = False
    restart: bool = False
    exclusive: bool = False
    max_attempts: int = 3
    #: The labels that the task declares.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: The title that the task declares, with the values of its parameters.
    title: str = ""
    #: True if secrets were removed from *kwargs*.
    hidden: bool = False


def claim(
    store: Store, delivery: Delivery, *, owner: str, token: str, takeover: Held | None = None, overlaps: bool = False
) -> Claimed | Refused | Held | Unrecorded:
    """Claim the run for a delivered message.

    :param owner: the worker; survives its shipper.
    :param token: the execution; the same token always gets the same answer.
    :param takeover: what an earlier call returned, if it has not changed for ``lease_seconds``.
    :param overlaps: the message cannot wait any longer for a live execution: unless it is that execution's own
        message, it is run unrecorded.
    :raises StoreUnavailable: if the server did not answer; call again.
    """
    store_uuid = store.uuid()
    headers = delivery.headers or {}
    create = {
        "v": "1",
        "state": str(RunState.QUEUED),
        "task": delivery.task,
        "kwargs": orjson.dumps(delivery.kwargs or {}, default=repr).decode(),
        "hidden": "1" if delivery.hidden else "0",
        "who": delivery.who or "",
        "queue": delivery.queue,
        "announced": "1" if delivery.headers else "0",
        "published": "1",
        "restart": "1" if delivery.restart else "0",
        "max_attempts": str(delivery.max_attempts),
    }
    declared = labels.fields_of(delivery.labels, {}) | titles.fields_of(delivery.title)
    declared |= family.fields_of(delivery.run_id, delivery.parent, delivery.root)
    ask = {
        "owner": owner,
        "token": token,
        "worker": delivery.worker,
        "message": delivery.publication or f"={token}",
        "redelivered": delivery.redelivered,
        "nesting": delivery.nesting,
        "retries": delivery.retries,
        "redelivers": "1" if delivery.redelivers else "0",
        "announced": delivery.headers is not None,
        "attempt": headers.get("attempt", 1),
        "execution": headers.get("execution", 1),
        "store": headers.get("store", False),
        "joins": delivery.joins,
        "overlaps": overlaps,
        "takeover": {"attempt": takeover.attempt, "beat": takeover.beat} if takeover else False,
        "create": create | declared,
        "declared": declared,
        "hold": store.keys.exclusive(delivery.task) if delivery.exclusive else False,
        "record_prefix": store.keys.run(""),
    }
    with store_errors():
        reply = store.scripts.call("claim", delivery.run_id, ask)
    if reply[0] == b"refused":
        reason, detail, lone = (part.decode() for part in reply[1:])
        return Refused(reason, detail, lone in ("1", "2"), lone == "2")
    if reply[0] == b"unrecorded":
        return Unrecorded()
    if reply[0] == b"held":
        return Held(int(reply[1]), int(reply[2]), reply[3].decode())
    return Claimed(_claim(delivery.run_id, token, store_uuid, reply))


def _claim(run_id: str, token: str, store_uuid: str, reply: Sequence[Any]) -> Claim:
    flat: list[bytes] = reply[3]
    run = Run.from_hash(run_id, dict(zip(flat[::2], flat[1::2], strict=True)))
    assert run is not None
    return Claim(
        run_id=run_id,
        attempt=int(reply[1]),
        token=token,
        epoch=run.number("epoch"),
        start=run.point,
        store_uuid=store_uuid,
        record=dict(run.fields),
        resumed=reply[2] == b"running" and run.point.last.attempt == int(reply[1]),
        cancel=run.json("cancel"),
        waited_ms=None if int(reply[4]) < 0 else int(reply[4]),
    )
