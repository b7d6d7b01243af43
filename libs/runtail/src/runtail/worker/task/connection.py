"""A pool child's connection for one execution: a pipe for the output, and a private socket for messages."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from runtail.worker import announcing, board, channel
from runtail.worker.task.redirect import make_pipe

#: A signal while descriptors are exchanged would leave the wrong ones in place.
HELD_SIGNALS = {signal.SIGTERM, signal.SIGUSR1, signal.SIGQUIT}
#: Waits are cut into slices, to notice a signal that is being held back.
SLICE_SECONDS = 0.25


class Unrecorded(Exception):
    """Nobody can take the output; the task runs without being recorded."""


class StopRequested(Exception):
    """A signal arrived while waiting for the claim."""


class Connection:
    """One execution's pipe and private socket, from the pool child's side."""

    def __init__(self, record: dict[str, Any], send: Callable[[dict[str, Any], list[int]], bool]) -> None:
        """Hand the run over to the keeper.

        :raises OSError: if the process is out of descriptors or memory.
        :raises Unrecorded: if nobody takes the run.
        """
        split = bool(record["split"])
        self.ours, theirs = channel.pair()
        pipes: list[tuple[int, int]] = []
        pidfd: int | None = None
        #: The board of the run; its path leads to this very descriptor.
        self.board = -1
        try:
            self.board = board.create()
            pipes = [make_pipe() for _ in range(2 if split else 1)]
            with contextlib.suppress(OSError, AttributeError):
                pidfd = os.pidfd_open(os.getpid())
            fds = [reading for reading, _writing in pipes] + [theirs.fileno()]
            if pidfd is not None:
                fds.append(pidfd)
            fds.append(self.board)
            if not send({**record, "pidfd": pidfd is not None, "board": True}, fds):
                raise Unrecorded("the keeper takes no messages")
        except BaseException:
            self.ours.close()
            self._close_board()
            for _reading, writing in pipes:
                os.close(writing)
            raise
        finally:
            theirs.close()
            for reading, _writing in pipes:
                os.close(reading)
            if pidfd is not None:
                os.close(pidfd)
        self.writing = [writing for _reading, writing in pipes]
        self.kept = False

    def announce(self, secrets: Sequence[bytes]) -> None:
        """Have *secrets* masked from the first byte of output on.

        :raises Unrecorded: if the secrets cannot be sent; nothing may be stored then.
        """
        if secrets and not announcing.announce(self.ours, secrets):
            raise Unrecorded("its secrets are too large, or nobody takes them")

    def wait(self, ops: tuple[str, ...], seconds: float | None) -> dict[str, Any] | None:
        """Return the next message of a kind in *ops*, or None after *seconds*.

        :raises EOFError: if nobody is left at the other end.
        :raises StopRequested: if a signal waits to be delivered.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            left = SLICE_SECONDS if deadline is None else min(SLICE_SECONDS, deadline - time.monotonic())
            if left <= 0:
                return None
            received = channel.receive(self.ours, left)
            if received is None:
                if signal.sigpending() & HELD_SIGNALS:
                    raise StopRequested
                continue
            message, fds = received
            for fd in fds:
                os.close(fd)
            if message["op"] == "kept":
                self.kept = True
            if message["op"] in ops:
                return dict(message)

    def close_pipes(self) -> None:
        """Close this process's writing ends, except fds 1 and 2."""
        for fd in self.writing:
            # A task may have closed every descriptor that it found.
            with contextlib.suppress(OSError):
                os.close(fd)
        self.writing = []

    def close(self) -> None:
        """Close everything."""
        self.close_pipes()
        self._close_board()
        self.ours.close()

    def _close_board(self) -> None:
        if self.board >= 0:
            # A task may have closed every descriptor that it found.
            with contextlib.suppress(OSError):
                os.close(self.board)
        self.board = -1
