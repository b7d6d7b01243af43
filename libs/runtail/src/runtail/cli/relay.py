"""The relay's client: Socket.IO's namespace ``/tail`` on one WebSocket, one event after the other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import orjson
import websocket

from runtail.cli.web import reason
from runtail.words import clean

NAMESPACE = "/tail"
CONNECT_SECONDS = 5.0
#: The store may be slow to answer.
ANSWER_SECONDS = 15.0
UNAUTHORIZED = 401
#: Longer texts are pages of somebody else.
MAX_SENTENCE = 300


class RelayLost(Exception):
    """The connection could not be made or has ended; the message says why."""


class LoginRefused(RelayLost):
    """The relay does not know who we are; the message is its own sentence."""


class Relay:
    """A connection that has joined the namespace.

    :param url: the relay's address, with ``http:``, ``https:``, ``ws:`` or ``wss:``, and with the base path.
    :param headers: sent with the handshake, such as a login.
    :raises LoginRefused: if the relay, or a proxy in front of it, asks for another login.
    :raises RelayLost: if the connection cannot be made.
    """

    def __init__(self, url: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        address = url.rstrip("/")
        if address.startswith("http"):
            address = "ws" + address.removeprefix("http")
        self._events: deque[tuple[str, Any]] = deque()
        self._ids = 0
        self._dead_seconds = CONNECT_SECONDS
        self._heard = time.monotonic()
        try:
            # No Origin, because this is not a page; no proxy, as for the API; digests check the text.
            self._socket = websocket.create_connection(
                f"{address}/socket.io/?EIO=4&transport=websocket",
                timeout=CONNECT_SECONDS,
                suppress_origin=True,
                header=dict(headers),
                http_no_proxy=["*"],
                skip_utf8_validation=True,
            )
        except websocket.WebSocketBadStatusException as error:
            if error.status_code == UNAUTHORIZED:
                raise LoginRefused(_sentence(error.resp_body)) from None
            raise RelayLost(f"HTTP {error.status_code}") from None
        except (OSError, ValueError, websocket.WebSocketException) as error:
            raise RelayLost(reason(error)) from None
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        opened = self._wanted(b"0", CONNECT_SECONDS)
        try:
            about = orjson.loads(opened)
            # Silence for longer than a ping's interval and timeout means that the other side is gone.
            self._dead_seconds = (float(about["pingInterval"]) + float(about["pingTimeout"])) / 1000
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise RelayLost("the server that answers is not a relay") from None
        self._send(f"40{NAMESPACE},")
        self._wanted(f"40{NAMESPACE},".encode(), CONNECT_SECONDS)

    def ask(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        """Send an event and return its answer; events that arrive before it wait for :meth:`next_event`.

        :raises RelayLost: if the connection ends, or no answer comes.
        """
        self._ids += 1
        self._send(f"42{NAMESPACE},{self._ids}{orjson.dumps([event, data]).decode()}")
        answer = orjson.loads(self._wanted(f"43{NAMESPACE},{self._ids}".encode(), ANSWER_SECONDS))
        if not answer or not isinstance(answer[0], dict):
            raise RelayLost("a malformed answer")
        return dict(answer[0])

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Send an event that needs no answer.

        :raises RelayLost: if the connection is over.
        """
        self._send(f"42{NAMESPACE},{orjson.dumps([event, data]).decode()}")

    def next_event(self, seconds: float) -> tuple[str, Any] | None:
        """Return the next event and its argument, or None if none comes in this time.

        :raises RelayLost: if the connection is over.
        """
        until = time.monotonic() + seconds
        while not self._events:
            packet = self._receive(until)
            if packet is None:
                return None
            self._keep(packet)
        return self._events.popleft()

    def _wanted(self, prefix: bytes, seconds: float) -> bytes:
        """Return the text after *prefix* of the first packet that begins with it."""
        until = time.monotonic() + seconds
        while (packet := self._receive(until)) is not None:
            if packet.startswith(prefix):
                return packet[len(prefix) :]
            self._keep(packet)
        raise RelayLost("no answer in time")

    def _keep(self, packet: bytes) -> None:
        prefix = f"42{NAMESPACE},".encode()
        if packet.startswith(prefix):
            name, *data = orjson.loads(packet[len(prefix) :])
            self._events.append((name, data[0] if data else None))
        elif packet.startswith((b"1", b"41", b"44")):
            raise RelayLost("the relay ended the connection")

    def _receive(self, until: float) -> bytes | None:
        """Return the next packet, and answer pings before it.

        :param until: a monotonic time, at which to return None.
        """
        try:
            while (left := until - time.monotonic()) > 0:
                self._socket.settimeout(left)
                try:
                    opcode, data = self._socket.recv_data()
                except websocket.WebSocketTimeoutException:
                    if time.monotonic() - self._heard > self._dead_seconds:
                        raise RelayLost("the relay fell silent") from None
                    continue
                self._heard = time.monotonic()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    raise RelayLost("the relay closed the connection")
                if data == b"2":
                    self._send("3")
                elif data != b"6":
                    return bytes(data)
        except (OSError, websocket.WebSocketException) as error:
            raise RelayLost(reason(error)) from None
        return None

    def _send(self, text: str) -> None:
        try:
            self._socket.settimeout(ANSWER_SECONDS)
            self._socket.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise RelayLost(reason(error)) from None

    def close(self) -> None:
        """Close the connection and drop everything unread."""
        shutdown: Any = self._socket.shutdown
        shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _sentence(body: bytes | None) -> str:
    """Return what a relay says with a refusal; a proxy's page is not shown."""
    text = (body or b"").decode(errors="replace").strip()
    return clean(text) if text and len(text) <= MAX_SENTENCE and not text.startswith("<") else "HTTP 401"
