"""``python -m tests.bench.newcomer``: one more viewer, who reads a backlog from its beginning and checks all of it.

The first line of stdin is JSON ``{"dialect", "port", "run", "lines", "seconds"}``; it answers
``{"lines", "seconds", "gaps", "cpu"}``: how many it got, from its subscription on, and what it used itself.
"""

from __future__ import annotations

import socket
import sys
import time

import orjson

from runtail.protocol import View
from tests.bench.dialects import DIALECTS, Dialect
from tests.bench.stream import check
from tests.support.wire import client_frame, frame_at, upgrade


class Newcomer:
    """A blocking client that keeps up with whatever comes."""

    def __init__(self, dialect: Dialect, port: int) -> None:
        self._dialect = dialect
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._sock.sendall(upgrade(dialect.path, f"127.0.0.1:{port}"))
        self._buffer = bytearray()
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._sock.recv(4096)
        del self._buffer[: self._buffer.index(b"\r\n\r\n") + 4]
        self.view = View()
        self.line, self.gaps = 1, 0

    def payload(self) -> bytes:
        """Return the next message."""
        while (bounds := frame_at(self._buffer)) is None or bounds[1] > len(self._buffer):
            data = self._sock.recv(1 << 18)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._buffer += data
        payload = bytes(self._buffer[bounds[0] : bounds[1]])
        del self._buffer[: bounds[1]]
        return payload

    def say(self, text: str) -> None:
        """Send a packet."""
        self._sock.sendall(client_frame(text))

    def read(self, run: str, lines: int, seconds: float) -> dict[str, float]:
        """Subscribe; read so many lines, or for so long."""
        dialect = self._dialect
        self.payload()
        self.say(dialect.join)
        self.payload()
        began, used = time.monotonic(), time.process_time()
        self.say(dialect.subscribe(run))
        while self.line <= lines and time.monotonic() < began + seconds:
            payload = self.payload()
            if payload.startswith(dialect.data):
                self._take(payload)
            elif payload.startswith(dialect.answer) and b'"epoch"' in payload:
                (answer,) = orjson.loads(payload[payload.index(b"[") :])
                self.view.begin(answer["epoch"], answer["from"], bytes.fromhex(answer["chain"]))
            elif payload == b"2":
                self.say("3")
        took = time.monotonic() - began
        return {"lines": self.line - 1, "seconds": took, "gaps": self.gaps, "cpu": time.process_time() - used}

    def _take(self, payload: bytes) -> None:
        if self._dialect is DIALECTS["runtail"]:
            (_, message) = orjson.loads(payload[payload.index(b"[") :])
            # Numbers and digests: an error here is a failed subject.
            for entry in self.view.feed(message["entries"], epoch=message["epoch"]):
                self.line = entry.next_line
        else:
            self.line, _, gaps = check(self._dialect.lines(payload), self.line)
            self.gaps += gaps


def main() -> None:
    """Read, tell."""
    ask = orjson.loads(sys.stdin.buffer.readline())
    newcomer = Newcomer(DIALECTS[ask["dialect"]], ask["port"])
    print(orjson.dumps(newcomer.read(ask["run"], ask["lines"], ask["seconds"])).decode(), flush=True)


if __name__ == "__main__":
    main()
