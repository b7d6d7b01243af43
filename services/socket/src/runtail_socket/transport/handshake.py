"""The opening handshake of a WebSocket, as wsproto answers it. Pure: headers in, bytes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h11
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import AcceptConnection, RejectConnection, Request
from wsproto.handshake import WEBSOCKET_VERSION, H11Handshake
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

#: The headers of a handshake that are read; without extensions and subprotocols, none is agreed on.
HANDSHAKE_HEADERS = {
    b"host",
    b"connection",
    b"upgrade",
    b"sec-websocket-key",
    b"sec-websocket-version",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A handshake that was accepted."""

    #: The bytes to answer with.
    answer: bytes
    #: Reads and writes the connection's frames from then on.
    protocol: Connection


class Refused(Exception):
    """The request is not a WebSocket handshake that we can answer.

    :param why: what is wrong with the request.
    :param status: the HTTP status line of the answer.
    :param headers: further headers of the answer.
    """

    def __init__(self, why: str, status: str = "400 Bad Request", headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(why)
        self.status = status
        self.headers = list(headers)


def headers_of(environ: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a WSGI request."""
    return [
        (name[5:].replace("_", "-").encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]


def answer_handshake(headers: Iterable[tuple[bytes, bytes]], path: str) -> Accepted:
    """Answer a request that wants to become a WebSocket.

    :raises Refused: if the request is not a handshake, or is one for another version of the protocol.
    """
    # The viewer does not keep the handshake's state (a whole HTTP connection).
    handshake = H11Handshake(ConnectionType.SERVER)
    shaking = [(name, value) for name, value in headers if name.lower() in HANDSHAKE_HEADERS]
    if not any(name.lower() == b"host" for name, _ in shaking):
        raise Refused("Missing header, 'Host'")
    try:
        handshake.initiate_upgrade_connection(shaking, path)
        if not isinstance(next(handshake.events(), None), Request):
            raise Refused("This is not a WebSocket handshake")
        answer = handshake.send(AcceptConnection())
    except RemoteProtocolError as error:
        if isinstance(error.event_hint, RejectConnection) and error.event_hint.status_code == 426:
            version = WEBSOCKET_VERSION.decode()
            raise Refused(
                f"Only version {version} of WebSocket is supported here",
                "426 Upgrade Required",
                [("Upgrade", "websocket"), ("Sec-WebSocket-Version", version)],
            ) from None
        raise Refused(str(error)) from None
    except (LocalProtocolError, h11.LocalProtocolError, UnicodeError) as error:
        raise Refused(f"This is not a WebSocket handshake: {error}") from None
    assert handshake.connection is not None
    return Accepted(answer, handshake.connection)
