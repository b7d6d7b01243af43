"""One run as the reader sees it: its pipe, its process, its end.

The end of a run is decided here. When the task's process sends ``end`` or dies,
exactly the bytes that are in the pipe at that moment are still its own. Reading
"until the pipe is empty" would be wrong: a left-behind process may write without
end. Everything that comes later is late (``late.py``).
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from runtail.worker import messages
from runtail.worker.shipper.death import exit_of
from runtail.worker.shipper.holders import Holders
from runtail.worker.shipper.late import LateOutput
from runtail.worker.shipper.output.spool import pipe_size, readable_bytes, shrink
from runtail.worker.shipper.run import Death, End, Phase, ShippedRun

_TAKE_BYTES: Final = 1 << 20
#: The most late output that is taken at once: other runs get their turn in between.
_LATE_BYTES: Final = 256 << 10
#: After a small read the pipe is left alone for a moment: otherwise every
#: line costs a wake-up (three times the CPU, and the task is a fifth slower).
_NAP_SECONDS: Final = 0.002
#: A nap must not let a pipe run full: for small pipes it is shorter, or there is no nap.
_FULL_NAP_PIPE_BYTES: Final = 128 << 10


class Waiter(Protocol):
    """What the reader offers a source."""

    holders: Holders

    def watch(self, fd: int, handler: Callable[[], None]) -> None:
        """Call *handler* whenever a descriptor is readable."""

    def unwatch(self, fd: int) -> None:
        """Stop watching a descriptor."""

    def rest(self, fd: int, seconds: float) -> None:
        """Leave a descriptor alone for this many seconds."""

    def rests(self, fd: int) -> bool:
        """Return True if a descriptor is left alone for now."""

    @property
    def pause_seconds(self) -> float:
        """Return how long a pipe is left alone after a read."""

    def may_take(self, run: ShippedRun) -> bool:
        """Return True if there is room for output of a run."""

    def taken(self, run: ShippedRun) -> None:
        """Note that output of a run was taken."""

    def changed(self, run: ShippedRun) -> None:
        """Make the sender look at a run."""


class RunSource:
    """Reads all output of one run."""

    def __init__(self, run: ShippedRun, waiter: Waiter) -> None:
        self.run = run
        self._waiter = waiter
        self._pipes = set(run.pipes)
        self._watched: set[int] = set()
        size = min(pipe_size(pipe) for pipe in run.pipes)
        self._half = size // 2
        self._nap_seconds = _NAP_SECONDS if size >= _FULL_NAP_PIPE_BYTES else 0.0
        #: Monotonic: when the process was seen dead, 0 while it lives.
        self.died_at = 0.0
        # A secret announced before output was written must be known before that output is looked at: the
        # announcements in the socket now came before the output taken next, or taken by a keeper already.
        run.hear_secrets()
        run.spool.before_shown = run.hear_secrets
        self._shrunk = False
        self.late = LateOutput(run, waiter.holders, waiter.taken)
        for pipe in run.pipes:
            self._watch(pipe, lambda pipe=pipe: self.on_pipe(pipe))  # type: ignore[misc]
        self._watch(run.private, self.on_child)
        if run.pidfd is not None:
            self._watch(run.pidfd, self.on_death)

    def on_pipe(self, pipe: int) -> None:
        """Take output, or note that no writer is left."""
        run = self.run
        if run.end:
            self._on_late(pipe)
            return
        if run.phase is Phase.DISCARDING:
            self._discard(pipe)
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
        # Two pipes that one process asks to write, one after the other, are read in the order they become ready.
        if moved < self._half and self._nap_seconds and run.pid not in self._waiter.holders.speaking:
            self._waiter.rest(pipe, self._nap_seconds)

    def on_child(self) -> None:
        """Take a message of the task's process, or the end of its socket."""
        message = self.run.peek_child()
        if message is None:
            return
        if not message:
            # This does not prove a death: the pidfd does. Without a pidfd (some
            # sandboxes have none) it has to do.
            self._unwatch(self.run.private)
            if self.run.pidfd is None:
                self._died()
            return
        if message.get("op") == "end" and not self.run.end:
            self._ended(dict(message["outcome"]))
        self.run.take_child()

    def on_death(self) -> None:
        """Note that the task's process is gone. It may have reported before how it ended."""
        self._unwatch(self.run.pidfd)
        message = self.run.peek_child()
        if message and message.get("op") == "end":
            self.on_child()
        else:
            self._died()

    def look_for_exit(self) -> None:
        """Check, after a death, whether the kernel now gives the exit status."""
        run = self.run
        if run.pidfd is not None and (run.death is None or run.death.signal is None):
            found = exit_of(run.pidfd)
            if found:
                run.death = replace(run.death or Death(), signal=found.signal, exit_status=found.exit_status)
                self._waiter.changed(run)

    def on_died(self, message: messages.Died) -> None:
        """Note why the task's process is gone, as the worker's main process reports."""
        known = self.run.death or Death()
        signal, status = message["signal"], message["exit_status"]
        self.run.death = Death(
            known.signal if signal is None else signal,
            known.exit_status if status is None else status,
            # The first report is the cause, such as a time limit; later reports say
            # how it was carried out.
            known.why or message["why"],
            known.revoked or bool(message.get("revoked")),
        )
        self._waiter.changed(self.run)

    def take_waiting(self) -> None:
        """Take at once the output that waits in the pipes."""
        for pipe in tuple(self._pipes):
            self.on_pipe(pipe)

    def end_nap(self) -> None:
        """Take at once the output in pipes that are left alone for a moment."""
        for pipe in tuple(self._pipes):
            if self._waiter.rests(pipe):
                self.on_pipe(pipe)

    def settle(self) -> None:
        """Go on reading after the end of the run, while some process still holds its pipe."""
        if not self._shrunk:
            self._shrunk = True
            for pipe in self._pipes:
                shrink(pipe)
        self.late.pass_on()

    def close(self) -> None:
        """Stop watching, pass on the rest, close the descriptors."""
        self.late.pass_on(rest=True)
        for fd in tuple(self._watched):
            self._unwatch(fd)
        self.run.close()

    def _ended(self, outcome: dict[str, Any] | None) -> None:
        run = self.run
        self._waiter.holders.take_late(run)
        if run.phase is not Phase.DISCARDING:
            for pipe in tuple(self._pipes):
                left = readable_bytes(pipe)
                while left > 0:
                    moved = run.spool.take(pipe, left)
                    if not moved:
                        break
                    left -= moved
            run.mark(int(time.time() * 1000))
        run.keep_end(End(outcome, run.spool.position, int(time.time() * 1000), dropped=run.dropped_outside))
        self.late.begin()
        self._waiter.changed(run)

    def _died(self) -> None:
        if not self.run.end:
            self._ended(None)
        self.died_at = time.monotonic()

    def _on_late(self, pipe: int) -> None:
        """Handle output of a process that the task left behind, or the end of the last such process."""
        run = self.run
        target = self._waiter.holders.executing(run)
        if target is not None:
            # Output that the run's own processes wrote while it was left alone came first.
            target.end_nap()
            if not self._waiter.may_take(target.run) or target.run.in_sequence:
                self._waiter.rest(pipe, self._waiter.pause_seconds)
                return
        moved = run.spool.take(pipe, _LATE_BYTES)
        if moved is None:
            self._pipe_over(pipe)
            return
        self.late.pass_on()
        if target is None and moved < self._half:
            self._waiter.rest(pipe, _NAP_SECONDS)

    def _discard(self, pipe: int) -> None:
        """Discard the output of a run that was taken from us."""
        try:
            size = len(os.read(pipe, _TAKE_BYTES))
        except BlockingIOError:
            return
        except OSError:
            size = 0  # a terminal whose last writer is gone
        if not size:
            self._pipe_over(pipe)
        if size < self._half:
            self._waiter.rest(pipe, _NAP_SECONDS)

    def _pipe_over(self, pipe: int) -> None:
        self._unwatch(pipe)
        self._pipes.discard(pipe)
        if not self._pipes:
            self.late.pass_on(rest=True)
            self.run.silent = True
            self._waiter.changed(self.run)

    def _watch(self, fd: int, handler: Callable[[], None]) -> None:
        self._watched.add(fd)
        self._waiter.watch(fd, handler)

    def _unwatch(self, fd: int | None) -> None:
        if fd in self._watched:
            self._watched.discard(fd)
            self._waiter.unwatch(fd)
