"""The relay's WebSocket against the cases of Autobahn's suite, on both of what it runs on."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

import pytest

from tests.autobahn.cases import CASES, CLOSE, PING, PONG, Case, closing, frame
from tests.support.ports import free_port
from tests.support.processes import StartProcess

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Peer:
    """A client that sends bytes as they are."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(HANDSHAKE)
        self._rest = b""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._socket.recv(4096)
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")

    def send(self, data: bytes) -> bool:
        """Send, and tell whether the other side still takes it."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("closed without a goodbye")
            self._rest += data
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def receive(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        first, size = self._take(2)
        assert first & 0xF0 == 0x80, "final, and no reserved bits"
        assert size < 128, "a server does not mask"
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        return first & 0x0F, self._take(size)

    def is_at_end(self) -> bool:
        """Tell whether the other side closes the connection behind its goodbye."""
        try:
            return self._rest == b"" and self._socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


def judge(case: Case, port: int) -> str:
    """Run a case, and return what is wrong; empty if nothing is."""
    peer = Peer(port)
    try:
        for piece in case.sent:
            if not peer.send(piece):
                break
        if case.code is None:
            peer.send(closing(1000))
        got = [peer.receive()]
        while got[-1][0] != CLOSE:
            got.append(peer.receive())
        goodbye = got.pop()[1]
        code = struct.unpack("!H", goodbye[:2])[0] if goodbye else 0
        wanted = 1000 if case.code is None else case.code
        if code != wanted:
            return f"closed with {code}, not {wanted}"
        goodbye[2:].decode()
        if got != case.answered and not (case.lax and got == []):
            return f"answered {got!r:.200}, not {case.answered!r:.200}"
        return "" if peer.is_at_end() else "not closed behind the goodbye"
    except OSError as error:
        return repr(error)
    finally:
        peer.close()


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_every_case_is_right(start_process: StartProcess, mode: str) -> None:
    port = free_port()
    echo = start_process(
        sys.executable, "-m", "tests.autobahn.echo", str(port), mode,
        name=f"echo-{mode}", environment={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    echo.wait_for_log("echoing", 20)
    wrong = {case.number: why for case in CASES if (why := judge(case, port))}
    print(f"{mode}: {len(CASES)} cases")
    assert wrong == {}
    assert "Traceback" not in echo.output()
    # It is still there for others.
    assert judge(Case("last", [frame(PING, b"x")], [(PONG, b"x")]), port) == ""
