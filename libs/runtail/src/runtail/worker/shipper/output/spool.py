"""A run's output between its pipe and the store.

The spool is a memfd. The kernel keeps its file position, and the keeper shares
it: the position is the number of bytes taken from the pipe. A shipper killed
between two instructions therefore loses nothing and doubles nothing. Output that
has been stored is punched out, which frees its memory.
"""

import ctypes
import errno
import fcntl
import logging
import os
import select
import struct
import termios
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

_FALLOC_FL_KEEP_SIZE: Final = 0x01
_FALLOC_FL_PUNCH_HOLE: Final = 0x02
#: Punching frees only whole pages, and costs a system call.
_PUNCH_BYTES: Final = 256 << 10
F_GETPIPE_SZ: Final = getattr(fcntl, "F_GETPIPE_SZ", 1032)
_F_SETPIPE_SZ: Final = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_SMALL_PIPE_BYTES: Final = 64 << 10

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


class Spool:
    """The memfd of one run."""

    def __init__(self, memfd: int) -> None:
        self.memfd = memfd
        #: Bytes taken from the pipe since the run began.
        self.position = os.lseek(memfd, 0, os.SEEK_CUR)
        #: Everything before this offset has been released. (A successor
        #: infers it from the memory that is left; the journal's share is small.)
        used = os.fstat(memfd).st_blocks * 512
        self.released = max(0, self.position - used) & ~4095
        self._splices = True
        #: Called after bytes were moved, but before :attr:`position` includes them and they are read.
        self.before_shown: Callable[[], None] = lambda: None

    @property
    def held_bytes(self) -> int:
        """Memory in use for output (except for the last, partly released page)."""
        return max(0, self.position - self.released)

    def take(self, source: int, limit_bytes: int) -> int | None:
        """Move at most ``limit_bytes`` from a pipe or terminal into the spool.

        Returns how many; None at the end of the stream (no writer is left; a
        terminal reports EIO); 0 when there is nothing now.
        """
        try:
            if self._splices:
                flags = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
                moved = os.splice(source, self.memfd, limit_bytes, flags=flags)
            else:
                moved = self._copy(source, limit_bytes)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno == errno.EIO:
                return None
            if error.errno not in (errno.EINVAL, errno.ENOSYS) or not self._splices:
                raise
            # Terminals, and sandboxes that emulate the kernel, cannot splice.
            self._splices = False
            return self.take(source, limit_bytes)
        self.before_shown()
        self.position = os.lseek(self.memfd, 0, os.SEEK_CUR)
        return moved or None

    def append(self, data: bytes) -> None:
        """Add data of our own after the output taken so far: all of it or, if we are killed, nothing."""
        os.pwrite(self.memfd, data, self.position)
        self.position = os.lseek(self.memfd, self.position + len(data), os.SEEK_SET)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return the bytes at ``offset``, at most up to what has been taken."""
        return os.pread(self.memfd, max(0, min(size_bytes, self.position - offset)), offset)

    def release(self, offset: int, *, now: bool = False) -> None:
        """Release the memory of everything before ``offset``."""
        end = offset if now else offset - offset % 4096
        if end - self.released < (1 if now else _PUNCH_BYTES):
            return
        flags = _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE
        if _libc.fallocate(self.memfd, flags, self.released, end - self.released):
            log.warning("memory of stored output is not given back: %s", _error())
        self.released = end

    def _copy(self, source: int, limit_bytes: int) -> int:
        # The descriptor may be in blocking mode, so check first.
        if not readable_bytes(source):
            poller = select.poll()
            poller.register(source, select.POLLIN)
            if not any(events & select.POLLHUP for _, events in poller.poll(0)):
                raise BlockingIOError
        data = os.read(source, limit_bytes)
        os.write(self.memfd, data)
        return len(data)


def _error() -> str:
    return os.strerror(ctypes.get_errno())


def readable_bytes(source: int) -> int:
    """Return how many bytes are in a pipe or terminal right now (FIONREAD)."""
    answer = fcntl.ioctl(source, termios.FIONREAD, b"\0\0\0\0")
    return int(struct.unpack("i", answer)[0])


def shrink(source: int) -> None:
    """Give back most of a pipe's room: all pipes of a user together may take only a little."""
    try:
        fcntl.fcntl(source, _F_SETPIPE_SZ, _SMALL_PIPE_BYTES)
    except OSError:
        pass  # it holds more than that now, or is a terminal


def pipe_size(source: int) -> int:
    """Return the real capacity of a pipe, which may be only 8 KiB for an unprivileged user."""
    try:
        return fcntl.fcntl(source, F_GETPIPE_SZ)
    except OSError:
        return 4096  # a terminal gives at most this much at once
