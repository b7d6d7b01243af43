"""The WebSocket: what the kernel does not take is remembered, and nothing overtakes it."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import engineio
import engineio.socket
import pytest

from runtail.access.principal import anyone
from runtail_socket.transport import websocket
from runtail_socket.transport.handshake import Refused, answer_handshake
from runtail_socket.transport.link import Link
from runtail_socket.transport.websocket import WebSocket, WriteResult, text_frame, try_send_all
from tests.support.waiting import wait_for

HEADERS = [
    (b"host", b"here"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]

Pair = tuple[WebSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with connected() as found:
        yield found


@contextmanager
def connected() -> Iterator[Pair]:
    """A server's WebSocket and the bare socket of its client, behind the handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    client.settimeout(10)
    with client, server:
        green = _NoWait(server)
        accepted = answer_handshake(HEADERS, "/")
        web_socket = WebSocket(green, accepted.protocol, 10)
        answer = accepted.answer
        assert b"101 Switching Protocols" in answer
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        assert b"Extensions" not in answer
        yield web_socket, client
        green.close()


class _NoWait:
    """A socket whose ``send`` does not wait while nobody insists, as the one below a green socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._quick = sock.dup()
        self._quick.settimeout(0)

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def send(self, data: object) -> int:
        if isinstance(data, memoryview):
            return self._sock.send(data)
        assert isinstance(data, bytes)
        return self._quick.send(data)

    def close(self) -> None:
        self._quick.close()


def receive(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += client.recv(size - len(data))
    return data


def test_a_partial_send_is_continued_before_anything_else(pair: Pair) -> None:
    web_socket, client = pair
    frame = text_frame(b"0123456789" * 100_000)
    count = 1
    while (outcome := web_socket.try_send(frame)) is WriteResult.ALL:
        count += 1
    assert outcome is WriteResult.PART
    assert not web_socket.idle
    assert web_socket.try_send(text_frame(b"overtakes")) is WriteResult.NONE
    received: list[bytes] = []
    size = len(frame) * count + len(text_frame(b"last"))
    reader = threading.Thread(target=lambda: received.append(receive(client, size)))
    reader.start()
    web_socket.send("last")
    reader.join(20)
    assert received[0] == frame * count + text_frame(b"last")
    assert web_socket.idle


def test_nothing_is_taken_while_the_kernel_is_full(pair: Pair) -> None:
    web_socket, _client = pair
    small = text_frame(b"x" * 1000)
    outcome = WriteResult.ALL
    while outcome is WriteResult.ALL:
        outcome = web_socket.try_send(small)
    if outcome is WriteResult.NONE:
        assert web_socket.idle
        assert web_socket.try_send(small) is WriteResult.NONE


def test_a_peer_that_takes_nothing_more_is_sent_away(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    web_socket, client = pair
    link = Link(
        engineio.socket.Socket(engineio.Server(async_mode="threading"), "sid"),
        web_socket,
        direct=True,
        principal=anyone("somebody"),
    )
    frame = text_frame(b"0123456789" * 100_000)
    while web_socket.try_send(frame) is WriteResult.ALL:
        pass
    link.sweep()
    assert not web_socket.closed
    monkeypatch.setattr(websocket, "STALLED_SECONDS", 0.2)

    def sent_away() -> bool:
        link.sweep()
        return web_socket.closed

    wait_for(sent_away, 10)
    assert link.sent_away == "slow"
    # What the kernel had taken still comes, and then the end.
    while client.recv(65536):
        pass


def test_a_client_that_answers_no_ping_is_sent_away(pair: Pair) -> None:
    web_socket, _client = pair
    server = engineio.Server(async_mode="threading", ping_timeout=20)
    engine = engineio.socket.Socket(server, "sid")
    link = Link(engine, web_socket, direct=True, principal=anyone("somebody"))
    link.sweep()
    assert not engine.closed
    engine.last_ping = time.time() - 21
    link.sweep()
    assert engine.closed
    assert link.sent_away == "silent"
    # Engine.IO's own goodbye had its turn; the next look ends the connection.
    link.sweep()
    assert web_socket.closed


def test_what_begins_to_wait_has_not_waited_for_as_long_as_the_peer_was_silent(pair: Pair) -> None:
    web_socket, client = pair
    assert web_socket.try_send(text_frame(b"x")) is WriteResult.ALL
    web_socket.progress_at -= 2 * websocket.STALLED_SECONDS
    assert not web_socket.stalled
    frame = text_frame(b"0123456789" * 1_000_000)
    sender = threading.Thread(target=web_socket.send, args=[frame])
    sender.start()
    wait_for(lambda: not web_socket.idle, 10)
    assert not web_socket.stalled
    receive(client, len(text_frame(b"x")) + len(frame))
    sender.join(20)
    assert web_socket.idle


def test_one_of_many_that_is_gone_costs_the_others_nothing(pair: Pair) -> None:
    web_socket, client = pair
    frame = text_frame(b"hello")
    with connected() as (gone, left):
        # It resets the connection.
        left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left.close()
        assert try_send_all([gone, web_socket], frame) == [WriteResult.NONE, WriteResult.ALL]
        assert gone.closed
    assert receive(client, len(frame)) == frame


def test_behind_each_read_and_between_messages_that_came_together_others_have_their_turn(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_socket, client = pair
    watchdog: list[float] = []
    monkeypatch.setattr(websocket, "time", SimpleNamespace(sleep=watchdog.append, monotonic=time.monotonic))
    client.sendall(b"".join(b"\x81\x81\0\0\0\0" + text for text in (b"1", b"3", b"1")))
    assert [web_socket.wait() for _ in range(3)] == ["1", "3", "1"]
    assert watchdog == [0, 0, 0]


def test_aborting_wakes_whoever_waits(pair: Pair) -> None:
    web_socket, _client = pair
    ended = threading.Event()

    def read() -> None:
        assert web_socket.wait() is None
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    web_socket.abort()
    assert ended.wait(10)
    with pytest.raises(OSError, match="closed"):
        web_socket.send("x")
    assert web_socket.try_send(text_frame(b"x")) is WriteResult.NONE


@pytest.mark.parametrize("missing", range(len(HEADERS)))
def test_what_is_no_handshake_is_refused(missing: int) -> None:
    headers = HEADERS[:missing] + HEADERS[missing + 1 :]
    with pytest.raises(Refused):
        answer_handshake(headers, "/")
