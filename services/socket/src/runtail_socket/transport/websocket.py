"""One client's WebSocket (RFC 6455) on a cooperative socket, for both directions.

What is read is bounded in :mod:`runtail_socket.transport.incoming`. Others have their
turn after each read: a peer that sends faster than we read would otherwise
never let the reading greenlet wait. permessage-deflate is not offered: it
would compress every frame once per viewer.

Writing is ours, because of what the relay's flow control rests on: one frame
at a time, and a way to hand over a ready-made frame without waiting
(:meth:`WebSocket.try_send`). What the socket did not take of such a frame is
remembered and goes out before anything else.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, Protocol

from wsproto.connection import Connection
from wsproto.events import CloseConnection, Ping
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from runtail_socket import runtime
from runtail_socket.transport.incoming import Incoming

#: What the kernel may hold for one viewer. Small, so that a viewer that stops
#: reading is noticed early and costs little (the kernel doubles it).
SEND_BUFFER_BYTES = 65536

#: A peer that takes nothing of what waits for it for so long is sent away. It comes back and resumes where it stood;
#: meanwhile nothing is held for it.
STALLED_SECONDS = 30.0

#: How long a connection that was told to close may take to do so, and how much may come meanwhile.
CLOSE_GRACE_SECONDS = 2.0
MAX_DRAINED_READS = 16


class Frame(bytes):
    """A complete WebSocket frame: header and payload, ready for the wire."""

    __slots__ = ()


class WriteResult(Enum):
    """How much of a frame was written."""

    #: Nothing of it was sent.
    NONE = 0
    #: The beginning was sent; the rest is remembered and goes first.
    PART = 1
    #: The socket took it.
    ALL = 2


# Looking a member up costs as much as a method call, and sending is what a relay does.
NONE, PART, ALL = WriteResult.NONE, WriteResult.PART, WriteResult.ALL


def text_frame(payload: bytes) -> Frame:
    """Return a final, unmasked text frame."""
    n = len(payload)
    if n < 126:
        header = struct.pack("!BB", 0x81, n)
    elif n < 65536:
        header = struct.pack("!BBH", 0x81, 126, n)
    else:
        header = struct.pack("!BBQ", 0x81, 127, n)
    return Frame(header + payload)


#: Writes what the kernel takes now and returns how much that was.
Writer = Callable[[Frame], int]


class Receiver(Protocol):
    """Who can be sent frames."""

    def writer(self) -> Writer | None:
        """Return what writes a frame now, or None if none can be taken."""

    def record_write(self, frame: Frame, sent: int | OSError) -> WriteResult:
        """Note what became of it: bytes taken, or the error that the writer raised."""


def try_send_all(receivers: Sequence[Receiver], frame: Frame) -> list[WriteResult]:
    """Offer a frame to many, and return what became of it for each. Never waits, never yields.

    What is asked of each stands before the sends, and what is noted behind
    them: between two system calls the same Python takes up to ten times as
    long, because each leaves the processor's caches to the kernel.
    """
    writers = [receiver.writer() for receiver in receivers]
    results: list[int | OSError | None] = []
    for write in writers:
        try:
            results.append(write(frame) if write else None)
        except OSError as error:
            results.append(error)
    size = len(frame)
    return [
        ALL if sent == size else NONE if sent is None else receiver.record_write(frame, sent)
        for receiver, sent in zip(receivers, results, strict=True)
    ]


class WebSocket:
    """A client's connection. Engine.IO calls ``wait``, ``send`` and ``close``.

    :param green: the cooperative socket.
    :param silence_seconds: a peer from which nothing came for this long is gone.
    """

    def __init__(self, green: Any, protocol: Connection, silence_seconds: float) -> None:
        self._green = green
        self._protocol = protocol
        self._write_now: Writer = runtime.non_blocking(green).send
        self._incoming = Incoming(protocol)
        self._messages: deque[str] = deque()
        #: How to end when those are answered.
        self._goodbye: CloseConnection | None = None
        #: The answer to the newest ping, while the socket does not take it.
        self._pong: Frame | None = None
        self._writing = threading.Lock()
        #: Somebody holds the lock (asking a cooperative lock is a call).
        self._busy = False
        self._rest: memoryview | None = None
        self.closed = False
        #: Nothing came from the peer for so long that it is gone.
        self.silent = False
        #: When the peer last took bytes, or something began to wait for it (monotonic seconds).
        self.progress_at = time.monotonic()
        green.settimeout(silence_seconds)
        green.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        green.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # Reading

    def wait(self) -> str | None:
        """Return the next message; None when the connection is over."""
        if self._messages:
            # They came together, and answering one waits for nothing: let others have their turn in between.
            time.sleep(0)
        while not self._messages:
            if self._goodbye is not None and not self.closed:
                # What came before it was answered.
                self.close(self._goodbye)
                self._drain()
            if self.closed:
                return None
            try:
                data = self._green.recv(16384)
            except OSError as error:
                # Gone, silent for too long, or ended below us.
                self.silent = isinstance(error, TimeoutError)
                data = b""
            if not data:
                # A writer that waits for this peer must not go on waiting.
                self.abort()
                return None
            for found in self._incoming.receive(data):
                if isinstance(found, str):
                    self._messages.append(found)
                elif isinstance(found, Ping):
                    self._answer(found)
                else:
                    self._goodbye = found
            # More may have come meanwhile, and then the next read waits for nothing.
            time.sleep(0)
        return self._messages.popleft()

    def _drain(self) -> None:
        """Read on until the peer closes, or the grace is over.

        A connection that is closed with something unread is reset, which takes our goodbye back.
        """
        try:
            for _ in range(MAX_DRAINED_READS):
                if not self._green.recv(16384):
                    return
                time.sleep(0)
        except OSError:
            # Reset, or the grace is over.
            return

    def _answer(self, ping: Ping) -> None:
        """Answer a ping: now, or behind what is being written, and then only the newest (RFC 6455, 5.5.3)."""
        pong = Frame(self._protocol.send(ping.response()))
        if self.try_send(pong) is not NONE or self.closed:
            return
        if self._pong is None:
            runtime.spawn(self._send_pong)
        self._pong = pong

    def _send_pong(self) -> None:
        try:
            with self._turn():
                pong, self._pong = self._pong, None
                if pong is not None:
                    self._write(memoryview(pong))
        except OSError:
            # The connection is over, and whoever reads it sees that.
            self._pong = None

    # Writing

    @property
    def idle(self) -> bool:
        """True if nothing is being written and nothing is left over."""
        return not self.closed and self._rest is None and not self._busy

    @property
    def stalled(self) -> bool:
        """True if something has waited for the peer for :data:`STALLED_SECONDS` and it took nothing."""
        waits = self._busy or self._rest is not None
        return waits and not self.closed and time.monotonic() - self.progress_at > STALLED_SECONDS

    def try_send(self, frame: Frame) -> WriteResult:
        """Send a frame if the socket takes it now. Never waits, never yields."""
        (outcome,) = try_send_all([self], frame)
        return outcome

    def writer(self) -> Writer | None:
        """Return what writes a frame now; None if one is being written or left over. See :func:`try_send_all`."""
        return None if self.closed or self._busy or self._rest is not None else self._write_now

    def record_write(self, frame: Frame, sent: int | OSError) -> WriteResult:
        """Note what became of a frame that the writer was called with."""
        if isinstance(sent, OSError):
            if not isinstance(sent, BlockingIOError):
                self.abort()
            return NONE
        if sent == len(frame):
            return ALL
        # (Only now: a clock for every frame sent whole would cost a tenth of the frame.)
        self._rest, self.progress_at = memoryview(frame)[sent:], time.monotonic()
        return PART

    def send(self, data: str | Frame) -> None:
        """Send a message, waiting until the socket took all of it.

        :raises OSError: if the connection is over or the peer took nothing for too long.
        """
        frame = data if isinstance(data, Frame) else text_frame(data.encode())
        with self._turn():
            self._write(memoryview(frame))

    def flush(self) -> None:
        """Send the rest of a frame that was written in part.

        :raises OSError: like :meth:`send`.
        """
        if self._rest is not None:
            with self._turn():
                pass

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until nobody else writes and no frame is written in part."""
        with self._writing:
            self._busy, self.progress_at = True, time.monotonic()
            try:
                # Forgotten only when it is out: a failure ends the connection anyway.
                if self._rest is not None:
                    self._write(self._rest)
                    self._rest = None
                yield
            finally:
                self._busy = False

    def _write(self, view: memoryview) -> None:
        while view:
            if self.closed:
                raise OSError("the connection is closed")
            try:
                view = view[self._green.send(view) :]
            except OSError:
                self.abort()
                raise
            self.progress_at = time.monotonic()

    # Closing

    def close(self, goodbye: CloseConnection | None = None) -> None:
        """Say goodbye if the socket takes it, then end the connection within a short grace.

        :param goodbye: code and reason; left out: a normal end.
        """
        if self.closed:
            return
        try:
            self.try_send(Frame(self._protocol.send(goodbye or CloseConnection(CloseReason.NORMAL_CLOSURE))))
        except LocalProtocolError:
            # The peer closed first.
            pass
        self.closed = True
        try:
            self._green.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        runtime.spawn_after(CLOSE_GRACE_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection now; whoever reads or writes it is woken with an error."""
        self.closed = True
        self._rest = None
        try:
            self._green.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
