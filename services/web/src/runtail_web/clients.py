"""A client's connection, on which no thread waits longer than it must."""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

#: How much of whole answers may wait in memory for slow clients, for all clients together.
MAX_UNSENT_BYTES = 64 * 1024 * 1024
#: Time between checks whether a client that takes nothing must go.
LOOK_SECONDS = 0.5


class Unsent:
    """Memory for the data that clients have not taken yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0

    def take(self, size: int) -> bool:
        """Reserve memory; return False if there is not enough."""
        with self._lock:
            fits = self._bytes + size <= MAX_UNSENT_BYTES
            if fits:
                self._bytes += size
            return fits

    def give_back(self, size: int) -> None:
        """Release memory of data that was sent or dropped."""
        with self._lock:
            self._bytes -= size


class ClientSocket(socket.socket):
    """A client's connection.

    A thread never waits to read, because the whole request is here when it begins. If the client does not take all of
    an answer, the main loop sends the rest (:meth:`flush`). In a stream, to which more is added, the thread waits until
    the client takes the data, and gives up on a client that takes nothing.
    """

    #: For how many seconds a client may take nothing.
    patience: Callable[[], float]
    room: Unsent

    def __init__(self, *, fileno: int) -> None:
        super().__init__(fileno=fileno)
        #: Those of the request that is answered, as they came.
        self.headers: tuple[tuple[str, str], ...] = ()
        #: More of the request was read than had arrived.
        self.starved = False
        #: The answer is a stream.
        self.streams = False
        self._unsent = bytearray()

    @property
    def unsent(self) -> bool:
        """True if the main loop has something left to send."""
        return bool(self._unsent)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the data that is there; if there is none, return nothing as at the end, unless flags are given."""
        try:
            return super().recv(size, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            if flags:
                raise
            self.starved = True
            return b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all data, or keep the part that the client does not take.

        :raises BrokenPipeError: the client took nothing for too long.
        """
        view = memoryview(data)
        since: float | None = None
        while view:
            progress = self.flush()
            if not self._unsent:
                sent = self._send_now(view, flags)
                view, progress = view[sent:], progress or sent > 0
            if not view:
                return
            if not self.streams and self.room.take(len(view)):
                self._unsent += view
                return
            if progress or since is None:
                since = time.monotonic()
            self._wait(since)

    def flush(self) -> bool:
        """Send as much of the kept data as possible now; return False if the client took nothing.

        :raises OSError: the connection is over.
        """
        if not self._unsent:
            return False
        with memoryview(self._unsent) as view:
            sent = self._send_now(view)
        del self._unsent[:sent]
        self.room.give_back(sent)
        return sent > 0

    def close(self) -> None:
        """Close the connection."""
        self.room.give_back(len(self._unsent))
        self._unsent.clear()
        super().close()

    def _send_now(self, view: memoryview, flags: int = 0) -> int:
        try:
            return self.send(view, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _wait(self, since: float) -> None:
        if time.monotonic() - since > self.patience():
            raise BrokenPipeError(errno.EPIPE, "the client reads nothing of its response")
        poller = select.poll()
        poller.register(self, select.POLLOUT)
        poller.poll(LOOK_SECONDS * 1000)
