"""Claiming a run for one delivered message, before the task's body runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runtail.log.claim import Claim
from runtail.protocol import RunState
from runtail.runs.record import Run
from runtail.store import Store, store_errors


@dataclass(frozen=True, slots=True)
class Claimed:
    """The run is ours."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Refused:
    """The message must not be run.

    :param reason: ``ended``, ``deleted``, ``exclusive``, ``superseded`` (its attempt was given back).
    :param detail: the state it ended in, or the run that holds the task.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Another execution holds it. If (attempt, beat) stands still for a whole lease, claim with it as *takeover*."""

    attempt: int
    beat: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of a delivered message.

    :param headers: the message's ``runtail`` header, None for a plain ``.delay()``.
    :param redelivers: the broker delivers it again if the worker dies (``acks_late`` and friends).
    """

    run_id: str
    task: str
    worker: str
    retries: int = 0
    headers: Mapping[str, Any] | None = None
    kwargs: Mapping[str, Any] | None = None
    queue: str = ""
    who: str | None = None
    redelivers: bool = False
    restart: bool = False
    exclusive: bool = False
    max_attempts: int = 3
    #: Secrets were taken out of *kwargs*.
    hidden: bool = False


def claim(
    store: Store, delivery: Delivery, *, owner: str, token: str, takeover: Held | None = None
) -> Claimed | Refused | Held:
    """Ask for the run.

    :param owner: the worker; survives its shipper.
    :param token: the execution; the same token always gets the same answer.
    :param takeover: what a former call returned, after it stood still for ``lease_seconds``.
    :raises StoreUnavailable: if the server did not answer; call again.
    """
    store_uuid = store.uuid()
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
    ask = {
        "owner": owner,
        "token": token,
        "worker": delivery.worker,
        "retries": delivery.retries,
        "redelivers": "1" if delivery.redelivers else "0",
        "announced": delivery.headers is not None,
        "store": (delivery.headers or {}).get("store", False),
        "takeover": {"attempt": takeover.attempt, "beat": takeover.beat} if takeover else False,
        "create": create,
        "hold": store.keys.exclusive(delivery.task) if delivery.exclusive else False,
        "record_prefix": store.keys.run(""),
    }
    with store_errors():
        reply = store.scripts.call("claim", delivery.run_id, ask)
    if reply[0] == b"refused":
        return Refused(*(part.decode() for part in reply[1:]))
    if reply[0] == b"held":
        return Held(int(reply[1]), int(reply[2]))
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
        previous_state=reply[2].decode(),
        cancel=run.json("cancel"),
    )
