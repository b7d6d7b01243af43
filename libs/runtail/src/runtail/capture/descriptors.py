"""The file descriptors of one run: its pipe, and fds 1 and 2 put aside and back."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass

#: Large enough that a burst does not stop the task, small enough for the 64 MiB
#: a user may have in pipes on a whole node (256 of them).
PIPE_BYTES = 256 * 1024
#: Descriptors put aside get numbers from here on, out of the way of programs
#: that expect the low ones.
FIRST_PRIVATE_FD = 50


def make_pipe() -> tuple[int, int]:
    """Return the reading and the writing end, both closed on exec."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    # A subprocess that changed its user opens /dev/stdout by name.
    with contextlib.suppress(OSError):
        os.fchmod(writing, 0o622)
    return reading, writing


def put_aside(fd: int) -> int:
    """Return a private duplicate of *fd*, closed on exec."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD)


def point(fd: int, target: int) -> None:
    """Make the private *fd* an open file of its own on what *target* is.

    Not a duplicate: flags like O_NONBLOCK belong to the open file, and a
    subprocess that sets them on its standard output must not change ours.
    """
    try:
        own = os.open(f"/proc/self/fd/{target}", os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        os.dup2(target, fd, inheritable=False)
        return
    os.dup2(own, fd, inheritable=False)
    os.close(own)


@dataclass(slots=True)
class Redirection:
    """Fds 1 and 2 of this process while they belong to a run."""

    saved_out: int
    saved_err: int

    @classmethod
    def begin(cls, out: int, err: int, flush: Callable[[], None]) -> Redirection:
        """Put *out* on fd 1 and *err* on fd 2; *flush* empties buffers first.

        :raises OSError: nothing was changed then.
        """
        flush()
        saved_out = put_aside(1)
        try:
            saved_err = put_aside(2)
        except OSError:
            os.close(saved_out)
            raise
        os.dup2(out, 1)
        os.dup2(err, 2)
        return cls(saved_out, saved_err)

    def end(self, flush: Callable[[], None]) -> None:
        """Put back what was there; *flush* still reaches the run."""
        flush()
        os.dup2(self.saved_out, 1)
        os.dup2(self.saved_err, 2)
        os.close(self.saved_out)
        os.close(self.saved_err)
