"""``python -m tests.bench.floor``: the least that fan-out can cost.

A bare process that pushes the frames Runtail would push, made once, at the
same cadence, into raw sockets: no store, no positions, no slow viewers. Arguments:
port. Then, like the load, it takes ``{"rate", "seconds"}`` and answers ``{"lines", "seconds"}``.
"""

from __future__ import annotations

import select
import socket
import sys
import time

import orjson

from runtail.protocol import GENESIS, Cursor, Entry, EntryId
from runtail_socket.delivery.frames import Shape, chunks
from tests.bench.dialects import make_line

#: The shipper's.
CADENCE_SECONDS = 0.05

_SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class Floor:
    """The sockets, and the run they all watch."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self._line, self._seq, self._chain = 1, 1, GENESIS
        self._rests: dict[socket.socket, bytes] = {}

    def push(self, count: int, rate: float) -> None:
        """Send the next lines, written at that rate since the last time, to everybody."""
        now = time.time_ns()
        written = (now // 1000 - round((count - index) / rate * 1e6) for index in range(count))
        payload = b"".join(make_line(self._line + index, stamp) for index, stamp in enumerate(written))
        entry = Entry.make(EntryId(1, self._seq), "o", self._line, now // 1_000_000, payload, self._chain)
        (chunk,) = chunks("floor", Cursor(1), [entry], 1 << 20)
        self._line, self._seq, self._chain = self._line + count, self._seq + 1, entry.chain
        frame = chunk.frame(Shape.ENTRIES)
        assert frame is not None
        for sock in self.sockets:
            data = self._rests.pop(sock, b"") + frame if self._rests else frame
            try:
                sent = sock.send(data)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self._rests[sock] = data[sent:]

    def run(self, rate: float, seconds: float) -> dict[str, float]:
        """Push at a rate."""
        began = time.monotonic()
        first, total, sent = self._line, round(rate * seconds), 0
        while sent < total:
            time.sleep(CADENCE_SECONDS)
            due = min(total, int((time.monotonic() - began) * rate))
            if due > sent:
                self.push(due - sent, rate)
                sent = due
        return {"lines": float(first + total - 1), "seconds": time.monotonic() - began}


def main() -> None:
    """Accept everybody; push when told to."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
    floor = Floor()
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if listener in readable:
            sock, _address = listener.accept()
            sock.recv(4096)
            sock.sendall(_SWITCH)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            floor.sockets.append(sock)
        if sys.stdin in readable:
            command = sys.stdin.readline().strip()
            if not command:
                return
            ask = orjson.loads(command)
            print(orjson.dumps(floor.run(ask["rate"], ask["seconds"])).decode(), flush=True)


if __name__ == "__main__":
    main()
