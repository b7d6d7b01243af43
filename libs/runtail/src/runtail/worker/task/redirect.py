"""The file descriptors of one run: its pipe, and fds 1 and 2, which are put aside and restored."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select

#: Large enough that a burst does not stop the task, small enough for the 64 MiB
#: that a user may have in pipes on a whole node (256 pipes).
PIPE_BYTES = 256 * 1024
#: Descriptors that are put aside get numbers from here on, so that they do not
#: conflict with programs that expect the low numbers.
FIRST_PRIVATE_FD = 50


def make_pipe() -> tuple[int, int]:
    """Return the reading and the writing end, both closed on exec."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    # A subprocess that changed its user opens /dev/stdout by name.
    with contextlib.suppress(OSError):
        os.fchmod(writing, 0o622)  # nosec B103 # a pipe, which nobody finds by a name
    return reading, writing


def put_aside(fd: int) -> int:
    """Return a private duplicate of *fd*, closed on exec."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte to *fd*, waiting for room even if another process made it non-blocking.

    O_NONBLOCK belongs to the open file, which the task shares with its subprocesses: Node sets it on its standard
    output, and leaves it set when it is killed.

    :raises OSError: if nobody reads any more.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poller = select.poll()
            poller.register(fd, select.POLLOUT)
            poller.poll()


class Redirection:
    """Fds 1 and 2 of this process: the worker's own output, and a run's pipe during a run."""

    def __init__(self) -> None:
        #: Private duplicates of the worker's own output; their numbers stay the same for the life of the process.
        self.own = put_aside(1), put_aside(2)

    def prepare(self) -> None:
        """Check what is on fds 1 and 2, before anything is opened that could get their numbers.

        :raises OSError: if neither they nor their duplicates are open.
        """
        for fd, own in enumerate(self.own, start=1):
            try:
                os.dup2(fd, own, inheritable=False)
            except OSError:
                # Something that a task left behind has closed it.
                os.dup2(own, fd)

    def begin(self, out: int, err: int) -> None:
        """Put *out* on fd 1 and *err* on fd 2.

        :raises OSError: if that fails; then nothing was changed.
        """
        try:
            os.dup2(out, 1)
            os.dup2(err, 2)
        except OSError:
            self.end()
            raise

    def end(self) -> None:
        """Restore fds 1 and 2."""
        for fd, own in enumerate(self.own, start=1):
            try:
                os.dup2(own, fd)
            except OSError:
                # The task closed every descriptor that it found. What is printed now must not go into its run.
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, fd)
                os.close(null)
