"""One client's WebSocket (RFC 6455) on a cooperative socket, for both directions.

:mod:`runtail_socket.transport.incoming` limits what a peer may send. After each
read, other greenlets get their turn: with a peer that sends faster than we
read, the reading greenlet would otherwise never wait. permessage-deflate is not
offered: it would compress every frame once per viewer.

We write frames ourselves, because the relay's flow control rests on two things:
one frame at a time, and a way to hand over a ready-made frame without waiting
(:meth:`WebSocket.try_send`). The part of such a frame that the socket did not
take is remembered and goes out before anything else.
"""

from __future__ import annotations

import re
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
from runtail_socket.transport.incoming import SOCKET_IO, Incoming

#: How many bytes the kernel may hold for one viewer. Small, so that a viewer that
#: stops reading is noticed early and costs little (the kernel doubles the value).
SEND_BUFFER_BYTES = 65536

#: A peer that takes none of the bytes waiting for it for this long is sent away. It comes back and resumes where it
#: was; meanwhile nothing is held for it.
STALLED_SECONDS = 30.0

#: How long a peer that was told to close may take to do so, and how much it may send meanwhile.
CLOSE_GRACE_SECONDS = 2.0
MAX_DRAINED_READS = 16


class Frame(bytes):
    """A complete WebSocket frame: header and payload, ready for the wire."""

    __slots__ = ()


class WriteResult(Enum):
    """How much of a frame was written."""

    #: Nothing was sent.
    NONE = 0
    #: The beginning was sent; the rest is remembered and goes first.
    PART = 1
    #: The socket took the whole frame.
    ALL = 2


# Looking up an enum member costs as much as a method call, and sending is the relay's main work.
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


#: Writes as much as the kernel takes now and returns the number of bytes.
Writer = Callable[[Frame], int]


class Receiver(Protocol):
    """Anything that frames can be sent to."""

    def writer(self) -> Writer | None:
        """Return a function that writes a frame now; None if no frame can be taken."""

    def record_write(self, frame: Frame, sent: int | OSError) -> WriteResult:
        """Note the outcome: the bytes taken, or the error that the writer raised."""


def try_send_all(receivers: Sequence[Receiver], frame: Frame) -> list[WriteResult]:
    """Offer a frame to many receivers and return the result for each. Never waits, never yields.

    All receivers are asked before the sends, and all results noted after them:
    between two system calls the same Python code takes up to ten times as long,
    because each call leaves the processor's caches to the kernel.
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
    :param silence_seconds: a peer that has sent nothing for this long is gone.
    :param taken: how messages begin that are taken; any other one ends the connection.
    """

    def __init__(
        self, green: Any, protocol: Connection, silence_seconds: float, taken: re.Pattern[str] = SOCKET_IO
    ) -> None:
        self._green = green
        self._protocol = protocol
        self._write_now: Writer = runtime.non_blocking(green).send
        self._incoming = Incoming(protocol, taken)
        self._messages: deque[str] = deque()
        #: The goodbye to send once these messages are answered.
        self._goodbye: CloseConnection | None = None
        #: The answer to the newest ping, while the socket does not take it.
        self._pong: Frame | None = None
        self._writing = threading.Lock()
        #: A greenlet holds the lock (asking a cooperative lock would be a call).
        self._busy = False
        self._rest: memoryview | None = None
        self.closed = False
        #: The peer was silent for so long that it is gone.
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
            # The messages came together, and answering one need not wait: let other greenlets run in between.
            time.sleep(0)
        while not self._messages:
            if self._goodbye is not None and not self.closed:
                # The messages before the goodbye were answered.
                self.close(self._goodbye)
                self._drain()
            if self.closed:
                return None
            try:
                data = self._green.recv(16384)
            except OSError as error:
                # The peer is gone or was silent for too long, or the socket was shut down below us.
                self.silent = isinstance(error, TimeoutError)
                data = b""
            if not data:
                # A writer that waits for this peer must stop waiting.
                self.abort()
                return None
            for found in self._incoming.receive(data):
                if isinstance(found, str):
                    self._messages.append(found)
                elif isinstance(found, Ping):
                    self._answer(found)
                else:
                    self._goodbye = found
            # More data may have come meanwhile, and then the next read does not wait.
            time.sleep(0)
        return self._messages.popleft()

    def _drain(self) -> None:
        """Read on until the peer closes, or the grace is over.

        A connection that is closed with unread data is reset, which would discard our goodbye.
        """
        try:
            for _ in range(MAX_DRAINED_READS):
                if not self._green.recv(16384):
                    return
                time.sleep(0)
        except OSError:
            # The peer reset the connection, or the grace is over.
            return

    def _answer(self, ping: Ping) -> None:
        """Answer a ping now, or after the frame being written; then only the newest ping (RFC 6455, 5.5.3)."""
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
            # The connection is over, and its reading greenlet sees that.
            self._pong = None

    # Writing

    @property
    def idle(self) -> bool:
        """True if nothing is being written and nothing is left over."""
        return not self.closed and self._rest is None and not self._busy

    @property
    def gone(self) -> bool:
        """True if it is over, or the peer has hung up, which nobody reads while a message is being answered."""
        return self.closed or self._green.fileno() < 0 or runtime.hung_up(self._green)

    @property
    def stalled(self) -> bool:
        """True if data has waited for :data:`STALLED_SECONDS` and the peer took none of it."""
        waits = self._busy or self._rest is not None
        return waits and not self.closed and time.monotonic() - self.progress_at > STALLED_SECONDS

    def try_send(self, frame: Frame) -> WriteResult:
        """Send a frame if the socket takes it now. Never waits, never yields."""
        (outcome,) = try_send_all([self], frame)
        return outcome

    def writer(self) -> Writer | None:
        """Return a function that writes a frame now; None if a frame is being written or left over.

        See :func:`try_send_all`.
        """
        return None if self.closed or self._busy or self._rest is not None else self._write_now

    def record_write(self, frame: Frame, sent: int | OSError) -> WriteResult:
        """Note how much the writer sent of a frame."""
        if isinstance(sent, OSError):
            if not isinstance(sent, BlockingIOError):
                self.abort()
            return NONE
        if sent == len(frame):
            return ALL
        # (Only now: reading the clock for every frame sent whole would cost a tenth of the frame.)
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
        """Wait until no other greenlet writes and no frame is written in part."""
        with self._writing:
            self._busy, self.progress_at = True, time.monotonic()
            try:
                # Forget the rest only once it was sent: a failure ends the connection anyway.
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

        :param goodbye: code and reason; by default a normal end.
        """
        if self.closed:
            return
        try:
            self.try_send(Frame(self._protocol.send(goodbye or CloseConnection(CloseReason.NORMAL_CLOSURE))))
        except LocalProtocolError:
            # The peer had closed first.
            pass
        self.closed = True
        try:
            self._green.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        runtime.spawn_after(CLOSE_GRACE_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection now; greenlets that read or write it are woken with an error."""
        self.closed = True
        self._rest = None
        try:
            self._green.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
