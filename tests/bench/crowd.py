"""Many viewers in one process: non-blocking sockets on one epoll, and as little Python per frame as can be."""

from __future__ import annotations

import select
import socket
import time

from tests.bench.dialects import Dialect
from tests.bench.stream import Deliveries, Stream, check
from tests.support.wire import client_frame, frame_at, upgrade

#: Handshakes under way at once.
IN_FLIGHT = 50

_PING, _PONG = b"2", client_frame("3")


class Viewer:
    """One client.

    :param number: of its stream.
    """

    __slots__ = ("broken", "done", "line", "number", "offset", "pending", "run", "shaken", "sock", "why")

    def __init__(self, run: str, number: int) -> None:
        self.run = run
        self.number = number
        self.sock: socket.socket | None = None
        #: The handshake is over; the subscription is answered.
        self.shaken = self.done = False
        #: What came and is not a whole frame yet.
        self.pending = b""
        #: Where it stands in its stream; -1: between frames that are not in it, then *line* counts.
        self.offset = 0
        self.line = 1
        #: Lines that jumped or bytes that cannot be understood.
        self.broken = 0
        #: Why it is no viewer (any more).
        self.why = ""


class Crowd:
    """Viewers of one server.

    :param ports: of the servers; viewers are dealt out to them in turn.
    :param runs: viewers are dealt out to these too.
    :param first: the number of the first line that each will get.
    """

    def __init__(self, dialect: Dialect, ports: list[int], runs: list[str], viewers: int, first: int) -> None:
        self._dialect = dialect
        self._ports = ports
        self.streams = [Stream(first) for _ in runs]
        self.deliveries = Deliveries(self.streams)
        self.viewers = [Viewer(runs[index % len(runs)], index % len(runs)) for index in range(viewers)]
        self._epoll = select.epoll()
        self._by_fd: dict[int, Viewer] = {}

    def connect(self, seconds: float) -> None:
        """Connect and subscribe all; who does not succeed in time has a reason."""
        deadline = time.monotonic() + seconds
        waiting = list(enumerate(self.viewers))[::-1]
        under_way: set[Viewer] = set()
        while (waiting or under_way) and time.monotonic() < deadline:
            while waiting and len(under_way) < IN_FLIGHT:
                index, viewer = waiting.pop()
                self._open(viewer, self._ports[index % len(self._ports)])
                under_way.add(viewer)
            self.turn(0.1)
            under_way = {viewer for viewer in under_way if not viewer.done and not viewer.why}
        for viewer in self.viewers:
            if not viewer.done:
                viewer.why = viewer.why or "no answer in time"

    def _open(self, viewer: Viewer, port: int) -> None:
        viewer.sock = sock = socket.socket()
        try:
            sock.connect(("127.0.0.1", port))
        except OSError as error:
            viewer.why = str(error)
            return
        sock.setblocking(False)
        self._by_fd[sock.fileno()] = viewer
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        sock.send(upgrade(self._dialect.path, f"127.0.0.1:{port}"))

    def turn(self, seconds: float, extra: int = -1) -> bool:
        """Take what came; return whether the descriptor *extra*, registered by :meth:`listen`, is readable."""
        found = False
        for fd, _ in self._epoll.poll(seconds):
            if fd == extra:
                found = True
                continue
            viewer = self._by_fd[fd]
            assert viewer.sock is not None
            try:
                data = viewer.sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError as error:
                self._lose(viewer, str(error))
                continue
            if not data:
                self._lose(viewer, "the server closed the connection")
                continue
            stream, offset = self.streams[viewer.number], viewer.offset
            # Nearly always: bytes that somebody else got before, or the one frame that nobody had.
            if offset >= 0 and not viewer.pending and stream.data.startswith(data, offset):
                viewer.offset = offset + len(data)
                self.deliveries.pieces.append((viewer.number, offset, viewer.offset, time.time()))
            else:
                self._read(viewer, viewer.pending + data)
        return found

    def listen(self, fd: int) -> None:
        """Watch another descriptor too."""
        self._epoll.register(fd, select.EPOLLIN)

    def _lose(self, viewer: Viewer, why: str) -> None:
        assert viewer.sock is not None
        viewer.why = why
        del self._by_fd[viewer.sock.fileno()]
        viewer.sock.close()

    def _read(self, viewer: Viewer, data: bytes) -> None:
        if not viewer.shaken:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                viewer.pending = head
                return
            if b" 101 " not in head[:20]:
                self._lose(viewer, head[:40].decode("latin-1"))
                return
            viewer.shaken = True
            viewer.done = not self._dialect.join
        viewer.pending = b""
        stream = self.streams[viewer.number]
        while data:
            room = len(stream.data) - viewer.offset
            if viewer.offset >= 0 and room > 0:
                taken = min(room, len(data))
                if not stream.data.startswith(data[:taken], viewer.offset):
                    # Something else comes in between, but not inside of a frame.
                    taken = stream.boundary(viewer.offset) - viewer.offset
                    if taken and not stream.data.startswith(data[:taken], viewer.offset):
                        viewer.broken += 1
                        self._lose(viewer, "bytes that nobody else got")
                        return
                if taken:
                    self._advance(viewer, viewer.offset + taken)
                    data = data[taken:]
                    continue
            bounds = frame_at(data)
            if bounds is None or bounds[1] > len(data):
                viewer.pending = data
                return
            frame, payload, data = data[: bounds[1]], data[bounds[0] : bounds[1]], data[bounds[1] :]
            if payload.startswith(self._dialect.data):
                self._take(viewer, stream, frame, payload)
            else:
                self._answer(viewer, payload)

    def _advance(self, viewer: Viewer, offset: int) -> None:
        self.deliveries.pieces.append((viewer.number, viewer.offset, offset, time.time()))
        viewer.offset = offset

    def _take(self, viewer: Viewer, stream: Stream, frame: bytes, payload: bytes) -> None:
        lines = self._dialect.lines(payload)
        if viewer.offset == len(stream.data):
            stream.extend(frame, lines)
            self._advance(viewer, len(stream.data))
            return
        # The same lines in other frames: it is catching up.
        expected = viewer.line if viewer.offset < 0 else stream.line_at(viewer.offset)
        viewer.line, stamps, gaps = check(lines, expected)
        viewer.broken += gaps
        viewer.offset = stream.offset_of(viewer.line)
        self.deliveries.others.append((stamps, time.time()))

    def _answer(self, viewer: Viewer, payload: bytes) -> None:
        assert viewer.sock is not None
        dialect = self._dialect
        if payload == _PING:
            viewer.sock.send(_PONG)
        elif payload.startswith(b"0{"):
            viewer.sock.send(client_frame(dialect.join))
        elif payload.startswith(dialect.join.encode()) and not viewer.done:
            viewer.sock.send(client_frame(dialect.subscribe(viewer.run)))
        elif payload.startswith(dialect.answer):
            viewer.done = b'"ok":false' not in payload
            viewer.why = "" if viewer.done else payload[:120].decode("utf-8", "replace")

    def line_of(self, viewer: Viewer) -> int:
        """Return the number of the line a viewer gets next."""
        return viewer.line if viewer.offset < 0 else self.streams[viewer.number].line_at(viewer.offset)
