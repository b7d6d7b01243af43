"""One run as the reader sees it: its pipe, its process, its end.

The end of a run is decided here. When the task's process says ``end`` or dies,
exactly the bytes that lie in the pipe at that moment are still its own. Not
"until the pipe is empty": a process it left behind may write for ever. What
comes later is late, and counted.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from runtail.shipper.death import exit_of
from runtail.shipper.run import Death, End, Run
from runtail.shipper.spool import pipe_size, readable_bytes

_TAKE_BYTES: Final = 1 << 20
#: After a small read the pipe is left alone for a moment: without this, every
#: line costs a wake-up (three times the CPU, and the task is a fifth slower).
_NAP_SECONDS: Final = 0.002
#: A nap must not let a pipe run full: for small pipes it is shorter, or none.
_FULL_NAP_PIPE_BYTES: Final = 128 << 10


class Waiter(Protocol):
    """What the reader offers an intake."""

    def watch(self, fd: int, handler: Callable[[], None]) -> None: ...
    def unwatch(self, fd: int) -> None: ...
    def rest(self, fd: int, seconds: float) -> None: ...
    @property
    def pause_seconds(self) -> float: ...
    def may_take(self, run: Run) -> bool: ...
    def taken(self, run: Run) -> None: ...
    def changed(self, run: Run) -> None: ...


class Intake:
    """Reads everything of one run."""

    def __init__(self, run: Run, waiter: Waiter) -> None:
        self.run = run
        self._waiter = waiter
        self._pipes = set(run.pipes)
        self._watched: set[int] = set()
        size = min(pipe_size(pipe) for pipe in run.pipes)
        self._half = size // 2
        self._nap_seconds = _NAP_SECONDS if size >= _FULL_NAP_PIPE_BYTES else 0.0
        #: Monotonic: when the process was seen dead, 0 while it lives.
        self.died_at = 0.0
        for pipe in run.pipes:
            self._watch(pipe, lambda pipe=pipe: self.on_pipe(pipe))  # type: ignore[misc]
        self._watch(run.private, self.on_child)
        if run.pidfd is not None:
            self._watch(run.pidfd, self.on_death)

    def on_pipe(self, pipe: int) -> None:
        """There is output, or no writer is left."""
        run = self.run
        if run.end or run.fenced:
            self._count_late(pipe)
            return
        if not self._waiter.may_take(run):
            self._waiter.rest(pipe, self._waiter.pause_seconds)
            return
        moved = run.spool.take(pipe, _TAKE_BYTES)
        if moved is None:
            self._pipe_over(pipe)
            return
        if moved:
            run.mark(int(time.time() * 1000))
            self._waiter.taken(run)
        if moved < self._half and self._nap_seconds:
            self._waiter.rest(pipe, self._nap_seconds)

    def on_child(self) -> None:
        """The task's process said something, or its socket is closed."""
        message = self.run.peek_child()
        if message is None:
            return
        if not message:
            # Not a proof of death: the pidfd is. Without one (sandboxes that
            # have none) it has to do.
            self._unwatch(self.run.private)
            if self.run.pidfd is None:
                self._died()
            return
        if message.get("op") == "end" and not self.run.end:
            self._ended(dict(message["outcome"]))
        self.run.take_child()

    def on_death(self) -> None:
        """The task's process is gone. It may have said how it ended before."""
        self._unwatch(self.run.pidfd)
        message = self.run.peek_child()
        if message and message.get("op") == "end":
            self.on_child()
        else:
            self._died()

    def look_for_exit(self) -> None:
        """After a death: see whether the kernel tells its exit status by now."""
        run = self.run
        if run.pidfd is not None and (run.death is None or run.death.signal is None):
            found = exit_of(run.pidfd)
            if found:
                run.death = replace(run.death or Death(), signal=found.signal, exit_status=found.exit_status)
                self._waiter.changed(run)

    def on_died(self, message: dict[str, Any]) -> None:
        """The worker's main process knows why the task's process is gone."""
        known = self.run.death or Death()
        signal, status = message.get("signal"), message.get("exit_status")
        self.run.death = Death(
            known.signal if signal is None else signal,
            known.exit_status if status is None else status,
            # The first word is the cause, such as a time limit; what follows is
            # how it was carried out.
            known.why or str(message.get("why") or ""),
            known.revoked or bool(message.get("revoked")),
        )
        self._waiter.changed(self.run)

    def close(self) -> None:
        """Stop watching, close the descriptors."""
        for fd in tuple(self._watched):
            self._unwatch(fd)
        self.run.close()

    def _ended(self, outcome: dict[str, Any] | None) -> None:
        run = self.run
        if not run.fenced:
            for pipe in tuple(self._pipes):
                left = readable_bytes(pipe)
                while left > 0:
                    moved = run.spool.take(pipe, left)
                    if not moved:
                        break
                    left -= moved
            run.mark(int(time.time() * 1000))
        run.keep_end(End(outcome, run.spool.position, int(time.time() * 1000)))
        self._waiter.changed(run)

    def _died(self) -> None:
        self.died_at = time.monotonic()
        if not self.run.end:
            self._ended(None)

    def _count_late(self, pipe: int) -> None:
        try:
            size = len(os.read(pipe, _TAKE_BYTES))
        except BlockingIOError:
            return
        except OSError:
            size = 0  # a terminal whose last writer is gone
        if not size:
            self._pipe_over(pipe)
        elif self.run.end:
            self.run.late_bytes += size
        else:
            self.run.discarded_bytes += size
        if size < self._half:
            self._waiter.rest(pipe, _NAP_SECONDS)

    def _pipe_over(self, pipe: int) -> None:
        self._unwatch(pipe)
        self._pipes.discard(pipe)
        if not self._pipes:
            self.run.silent = True
            self._waiter.changed(self.run)

    def _watch(self, fd: int, handler: Callable[[], None]) -> None:
        self._watched.add(fd)
        self._waiter.watch(fd, handler)

    def _unwatch(self, fd: int | None) -> None:
        if fd in self._watched:
            self._watched.discard(fd)
            self._waiter.unwatch(fd)
