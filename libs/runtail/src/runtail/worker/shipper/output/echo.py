"""Repeats captured output on the worker's own standard output.

The worker's log thus looks as it did without Runtail. The echo never blocks: a
slow reader costs echoes (they are counted), not output.
"""

import os
import select
import socket
import stat
import threading
from typing import Final

#: The most bytes that are kept while the other end is full.
MAX_HELD_BYTES: Final = 256 << 10
#: Writes of at most this much do not block on a pipe that polls writable.
_PIPE_BUF: Final = select.PIPE_BUF


class Echo:
    """Writes to ``fd``; ``None`` writes nowhere."""

    def __init__(self, fd: int | None) -> None:
        self.dropped_bytes = 0
        # The sender echoes entries, the reader echoes late output.
        self._lock = threading.Lock()
        self._held = b""
        self._fd = fd
        self._kind = "none"
        if fd is not None:
            try:
                self._kind = self._open(fd)
            except OSError:
                self._fd = None

    @property
    def open(self) -> bool:
        """Whether anything is written at all."""
        return self._fd is not None

    def write(self, data: bytes) -> None:
        """Write what can be written now; hold or drop the rest (any thread)."""
        with self._lock:
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self._fd is None:
            return
        if len(self._held) + len(data) > MAX_HELD_BYTES and self._held:
            # Whole chunks are dropped, so that lines stay whole.
            self.dropped_bytes += len(data)
            data = b""
        buffer = self._held + data
        sent = 0
        try:
            while sent < len(buffer):
                wrote = self._some(buffer, sent)
                if not wrote:
                    break
                sent += wrote
        except OSError:
            self.dropped_bytes += len(buffer) - sent
            self._fd, self._held = None, b""
            return
        self._held = buffer[sent:]

    def _open(self, fd: int) -> str:
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            return "file"
        if stat.S_ISSOCK(mode):
            return "socket"
        try:
            # O_NONBLOCK belongs to the open file, which the whole worker
            # shares: open one of our own.
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            self._fd = os.open(f"/proc/self/fd/{fd}", flags)
        except OSError:
            return "polled"
        return "own"

    def _some(self, buffer: bytes, start: int) -> int:
        assert self._fd is not None
        try:
            if self._kind == "socket":
                with socket.socket(fileno=os.dup(self._fd)) as sock:
                    return sock.send(buffer[start:], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            if self._kind == "polled":
                poller = select.poll()
                poller.register(self._fd, select.POLLOUT)
                if not poller.poll(0):
                    return 0
                return os.write(self._fd, buffer[start : start + _PIPE_BUF])
            return os.write(self._fd, buffer[start:])
        except BlockingIOError:
            return 0
