"""Validated requests of clients. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from runtail.errors import ProtocolError
from runtail.protocol import VERSION
from runtail.runid import flaw_of
from runtail_socket.delivery.frames import Shape

#: The largest number that a browser can hold exactly.
MAX_NUMBER = 2**53 - 1

#: Why an event was refused, for programs. A test compares this with a table of docs/protocol.md.
Code = Literal[
    "unknown-run", "bad-request", "version", "too-many", "unavailable", "record", "entry", "forbidden", "internal"
]
CODES: Final[tuple[Code, ...]] = get_args(Code)
BAD_REQUEST: Final = "bad-request"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A request to follow a run."""

    run_id: str
    shape: Shape
    #: First line wanted; negative: the last n lines.
    line: int = 1
    epoch: int | None = None
    #: Digest before that line: resume exactly there, or not at all.
    chain: bytes | None = None


@dataclass(frozen=True, slots=True)
class SubscribeList:
    """A request to be told the state changes of all runs."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """How much of a run a client has received."""

    run_id: str
    #: Payload bytes of all entries since it subscribed.
    bytes: int
    #: Time of the newest entry on its screen, by the store's clock; None if it does not say.
    painted_ms: int | None


def subscribe(data: object) -> Subscribe | SubscribeList:
    """Parse the argument of ``subscribe``: a run id as in the tutorial, or an object.

    :raises ProtocolError: code ``bad-request`` or ``version``.
    """
    if isinstance(data, str):
        return Subscribe(_run_id(data), Shape.LINES)
    message = _object(data)
    version = message.get("v", VERSION)
    if version != VERSION:
        raise ProtocolError("version", f"This relay speaks version {VERSION} of the protocol, not {version!r:.40}.")
    if message.get("runs") is True:
        return SubscribeList()
    line = _number(message, "from", -MAX_NUMBER, 1)
    if line == 0:
        raise ProtocolError(BAD_REQUEST, "from is a line number from 1, or negative: the last n lines.")
    epoch = _number(message, "epoch", 0, None) if message.get("epoch") is not None else None
    return Subscribe(_run_id(message.get("run")), Shape.ENTRIES, line or 1, epoch, _chain(message))


def acknowledge(data: object) -> Acknowledge:
    """Parse the argument of ``ack``.

    :raises ProtocolError: code ``bad-request``.
    """
    message = _object(data)
    painted = _number(message, "t", 0, None) if message.get("t") is not None else None
    return Acknowledge(_run_id(message.get("run")), _number(message, "bytes", 0, 0) or 0, painted)


def unsubscribe(data: object) -> str:
    """Parse the argument of ``unsubscribe`` and return the run id.

    :raises ProtocolError: code ``bad-request``.
    """
    return _run_id(data if isinstance(data, str) else _object(data).get("run"))


def code_of(error: ProtocolError) -> Code:
    """Return the code to answer an error with: its own, or ``entry`` if the error is in a stored log."""
    return next((code for code in CODES if code == error.code), "entry")


def _object(data: object) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise ProtocolError(BAD_REQUEST, "The argument must be an object or a run id.")
    return data


def _run_id(value: object) -> str:
    flaw = flaw_of(value) if isinstance(value, str) else "an id is a string"
    if flaw:
        raise ProtocolError(BAD_REQUEST, f"run must be the id of a run: {flaw}.")
    return str(value)


def _number(message: Mapping[str, Any], name: str, least: int, default: int | None) -> int | None:
    value = message.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_NUMBER:
        raise ProtocolError(BAD_REQUEST, f"{name} must be a whole number.")
    return value


def _chain(message: Mapping[str, Any]) -> bytes | None:
    value = message.get("chain")
    if value is None:
        return None
    try:
        chain = bytes.fromhex(value)
    except (TypeError, ValueError):
        chain = b""
    if len(chain) != 32:
        raise ProtocolError(BAD_REQUEST, "chain must be 64 hexadecimal digits.")
    return chain
