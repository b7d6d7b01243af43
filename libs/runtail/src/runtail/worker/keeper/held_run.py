"""What the keeper holds for one execution of a task."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import termios

from runtail.worker import channel, messages
from runtail.worker.spool_layout import DROPPED, DROPPED_COUNT, lock, unlock

#: How much is moved from a pipe at once.
CHUNK_BYTES = 1024 * 1024


class HeldRun:
    """The run's start record and its descriptors: pipes, private socket, pidfd (where there is one), spool."""

    def __init__(self, record: messages.Start, fds: list[int]) -> None:
        self.record = record
        self.key: str = record["key"]
        self.fds = fds
        self.pipes = fds[: 2 if record.get("split") else 1]
        self.private = fds[len(self.pipes)]
        self.spool = fds[-1]
        #: The shipper has it, or had it and died.
        self.handed = False
        #: It came from an earlier keeper, whose shipper may still be at work.
        self.inherited = False

    def tell_child(self, message: messages.ToTask) -> None:
        """Send to the task's process.

        :raises OSError: if that process is gone.
        """
        with socket.socket(fileno=os.dup(self.private)) as private:
            private.send(channel.pack(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    @property
    def free(self) -> bool:
        """Whether no shipper is at work on it.

        A shipper holds a lock on the spool. The kernel releases the lock when the shipper dies, and not before.
        """
        if not lock(self.spool):
            return False
        with contextlib.suppress(OSError):
            unlock(self.spool)
        return True

    @property
    def dropped(self) -> int:
        """Bytes thrown away because there was no shipper and the spool was full. The spool outlives this process."""
        data = os.pread(self.spool, DROPPED_COUNT.size, DROPPED)
        return int(DROPPED_COUNT.unpack(data)[0]) if data else 0

    @property
    def spooled_bytes(self) -> int:
        """Memory that the spool takes up."""
        return os.fstat(self.spool).st_blocks * 512

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait in its pipes."""
        sizes = [fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0") for pipe in self.pipes]
        return sum(struct.unpack("i", size)[0] for size in sizes)

    def spool_from(self, pipe: int, most_bytes: int) -> int:
        """Move up to *most_bytes* into the spool; return how many were moved, 0 when every writer is gone.

        :raises BlockingIOError: if the pipe is empty.
        """
        return os.splice(pipe, self.spool, min(most_bytes, CHUNK_BYTES))

    def discard_from(self, pipe: int) -> int:
        """Read and count what no spool has room for; return how many bytes, 0 when every writer is gone.

        :raises BlockingIOError: if the pipe is empty.
        """
        size = len(os.read(pipe, CHUNK_BYTES))
        os.pwrite(self.spool, DROPPED_COUNT.pack(self.dropped + size), DROPPED)
        return size

    def close(self) -> None:
        """Close its descriptors."""
        channel.close_all(self.fds)
