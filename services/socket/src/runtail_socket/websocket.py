"""One client's WebSocket (RFC 6455) on a cooperative socket, for both directions.

Reading follows wsproto, with our bounds: size of a message however it is
fragmented, messages per second, text only. permessage-deflate is not offered:
it would compress every frame once per viewer.

Writing is ours, because of what the relay's flow control rests on: one frame
at a time, and a way to hand over a ready-made frame without waiting
(:meth:`WebSocket.offer`). What the socket did not take of such a frame is
remembered and goes out before anything else.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Protocol

from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.handshake import H11Handshake
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from runtail_socket import runtime

#: What the kernel may hold for one viewer. Small, so that a viewer that stops
#: reading is noticed early and costs little (the kernel doubles it).
SEND_BUFFER_BYTES = 65536

#: Clients send subscriptions and acknowledgements: hundreds of bytes.
MAX_MESSAGE_BYTES = 16384

#: Messages a client may send per second in the long run, and at once.
MESSAGES_PER_SECOND = 50.0
MESSAGES_BURST = 200.0

#: A peer that takes nothing of what waits for it for so long is sent away. It comes back and resumes where it stood;
#: meanwhile nothing is held for it.
STALLED_SECONDS = 30.0

#: How long a connection that was told to close may take to do so.
CLOSE_GRACE_SECONDS = 2.0


#: What a handshake says; extensions and subprotocols are left out, so none is agreed on.
HANDSHAKE_HEADERS = {
    b"host",
    b"connection",
    b"upgrade",
    b"sec-websocket-key",
    b"sec-websocket-version",
}


class Frame(bytes):
    """A complete WebSocket frame: header and payload, ready for the wire."""

    __slots__ = ()


class Offered(Enum):
    """What became of a frame that was offered."""

    #: Nothing of it was sent.
    NONE = 0
    #: The beginning was sent; the rest is remembered and goes first.
    PART = 1
    #: The socket took it.
    ALL = 2


# Looking a member up costs as much as a method call, and offers are what a relay does.
NONE, PART, ALL = Offered.NONE, Offered.PART, Offered.ALL


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


class Taker(Protocol):
    """Who frames can be offered to."""

    def writer(self) -> Writer | None:
        """Return what writes a frame now, or None if none can be taken."""

    def took(self, frame: Frame, sent: int | OSError) -> Offered:
        """Note what became of it: bytes taken, or the error that the writer raised."""


def offer_all(takers: Sequence[Taker], frame: Frame) -> list[Offered]:
    """Offer a frame to many, and return what became of it for each. Never waits, never yields.

    What is asked of each stands before the sends, and what is noted behind
    them: between two system calls the same Python takes up to ten times as
    long, because each leaves the processor's caches to the kernel.
    """
    writers = [taker.writer() for taker in takers]
    results: list[int | OSError | None] = []
    for write in writers:
        try:
            results.append(write(frame) if write else None)
        except OSError as error:
            results.append(error)
    size = len(frame)
    return [
        ALL if sent == size else NONE if sent is None else taker.took(frame, sent)
        for taker, sent in zip(takers, results, strict=True)
    ]


class Refused(Exception):
    """The request is not a WebSocket handshake.

    :param status: the HTTP status line to answer.
    """

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class WebSocket:
    """A client's connection. Engine.IO calls ``wait``, ``send`` and ``close``.

    :param green: the cooperative socket.
    :param silence_seconds: a peer from which nothing came for this long is gone.
    """

    def __init__(self, green: Any, protocol: Connection, silence_seconds: float) -> None:
        self._green = green
        self._protocol = protocol
        self._write_now: Writer = runtime.non_blocking(green).send
        self._messages: deque[str] = deque()
        self._partial: list[str] = []
        self._partial_bytes = 0
        self._allowance = MESSAGES_BURST
        self._allowance_at = time.monotonic()
        self._writing = threading.Lock()
        #: Somebody holds the lock (asking a cooperative lock is a call).
        self._busy = False
        self._rest: memoryview | None = None
        self.closed = False
        #: When the peer last took bytes, or something began to wait for it (monotonic seconds).
        self.progress_at = time.monotonic()
        green.settimeout(silence_seconds)
        green.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        green.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def accept(cls, green: Any, headers: Iterable[tuple[bytes, bytes]], path: str, silence_seconds: float) -> WebSocket:
        """Answer the handshake.

        :raises Refused: if the request is not one.
        :raises OSError: if the peer is gone.
        """
        # What remains of the handshake (a whole HTTP connection) is not kept with the viewer.
        handshake = H11Handshake(ConnectionType.SERVER)
        shaking = [(name, value) for name, value in headers if name.lower() in HANDSHAKE_HEADERS]
        if not any(name.lower() == b"host" for name, _ in shaking):
            raise Refused("400 Bad Request")
        try:
            handshake.initiate_upgrade_connection(shaking, path)
            if not isinstance(next(handshake.events(), None), Request):
                raise Refused("400 Bad Request")
            answer = handshake.send(AcceptConnection())
        except (RemoteProtocolError, LocalProtocolError):
            raise Refused("400 Bad Request") from None
        assert handshake.connection is not None
        green.sendall(answer)
        return cls(green, handshake.connection, silence_seconds)

    # Reading

    def wait(self) -> str | None:
        """Return the next message; None when the connection is over."""
        if self._messages:
            # They came together, and answering one waits for nothing: let others have their turn in between.
            time.sleep(0)
        while not self._messages:
            if self.closed:
                return None
            try:
                data = self._green.recv(16384)
            except OSError:
                # Gone, silent for too long, or ended below us.
                data = b""
            if not data:
                # A writer that waits for this peer must not go on waiting.
                self.abort()
                return None
            try:
                self._protocol.receive_data(data)
                for event in self._protocol.events():
                    self._take(event)
            except (RemoteProtocolError, LocalProtocolError):
                self._refuse(CloseReason.PROTOCOL_ERROR)
        return self._messages.popleft()

    def _take(self, event: object) -> None:
        if isinstance(event, TextMessage):
            self._partial_bytes += len(event.data)
            if self._partial_bytes > MAX_MESSAGE_BYTES:
                self._refuse(CloseReason.MESSAGE_TOO_BIG)
                return
            self._partial.append(event.data)
            if event.message_finished:
                if self._allowed():
                    self._messages.append("".join(self._partial))
                else:
                    self._refuse(CloseReason.POLICY_VIOLATION)
                self._partial, self._partial_bytes = [], 0
        elif isinstance(event, BytesMessage):
            # Nothing in our protocol is binary, and Socket.IO would keep it
            # until its announced attachments are complete.
            self._refuse(CloseReason.UNSUPPORTED_DATA)
        elif isinstance(event, Ping):
            self.offer(Frame(self._protocol.send(event.response())))
        elif isinstance(event, CloseConnection):
            self._refuse(None)

    def _allowed(self) -> bool:
        now = time.monotonic()
        earned = (now - self._allowance_at) * MESSAGES_PER_SECOND
        self._allowance = min(MESSAGES_BURST, self._allowance + earned) - 1
        self._allowance_at = now
        return self._allowance >= 0

    def _refuse(self, reason: CloseReason | None) -> None:
        self._messages.clear()
        self._partial, self._partial_bytes = [], 0
        self.close(reason or CloseReason.NORMAL_CLOSURE)

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

    def offer(self, frame: Frame) -> Offered:
        """Send a frame if the socket takes it now. Never waits, never yields."""
        (outcome,) = offer_all([self], frame)
        return outcome

    def writer(self) -> Writer | None:
        """Return what writes a frame now; None if one is being written or left over. See :func:`offer_all`."""
        return None if self.closed or self._busy or self._rest is not None else self._write_now

    def took(self, frame: Frame, sent: int | OSError) -> Offered:
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
        with self._writing:
            self._busy, self.progress_at = True, time.monotonic()
            try:
                self._flush()
                self._write(memoryview(frame))
            finally:
                self._busy = False

    def flush(self) -> None:
        """Send what is left of an offered frame.

        :raises OSError: like :meth:`send`.
        """
        if self._rest is not None:
            with self._writing:
                self._busy = True
                try:
                    self._flush()
                finally:
                    self._busy = False

    def _flush(self) -> None:
        # Forgotten only when it is out: a failure ends the connection anyway.
        if self._rest is not None:
            self._write(self._rest)
            self._rest = None

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

    def close(self, reason: CloseReason = CloseReason.NORMAL_CLOSURE) -> None:
        """Say goodbye if the socket takes it, then end the connection within a short grace."""
        if self.closed:
            return
        try:
            self.offer(Frame(self._protocol.send(CloseConnection(reason))))
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
