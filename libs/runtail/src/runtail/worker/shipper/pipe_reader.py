"""The thread that never waits for the store: it serves pipes, processes and the keeper's link."""

import contextlib
import json
import logging
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from runtail.worker import channel, messages, procfs
from runtail.worker.shipper.context import HANGS_SECONDS, Context
from runtail.worker.shipper.holders import Holders
from runtail.worker.shipper.run import Phase, ShippedRun, failure
from runtail.worker.shipper.sender import Sender
from runtail.worker.shipper.source import RunSource
from runtail.worker.spool_layout import lock

log = logging.getLogger(__name__)

#: A run that is this far ahead of a store that answers must wait: its task fills
#: the pipe and blocks, as on any slow terminal. Only a store that is away may cost output.
HIGH_WATER_BYTES: Final = 8 << 20
_PAUSE_SECONDS: Final = 0.005
#: While nothing is stored at all, room will not come very soon.
_AWAY_PAUSE_SECONDS: Final = 0.1
_DROP_BYTES: Final = 1 << 20
_ALIVE_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.02
#: How long after a process's death its exit status is asked for often.
_EXIT_SECONDS: Final = 2.0
#: At least this much time remains to store something once this process must leave.
_LAST_SECONDS: Final = 0.5
#: How long everybody has to let go of a run that is over.
_HELD_ON_SECONDS: Final = 1.0
#: Computing the sum over all runs at each read would cost more than reading.
_HELD_SECONDS: Final = 0.005


class PipeReader:
    """The event loop of the shipper's main thread."""

    def __init__(self, context: Context, sender: Sender) -> None:
        self._context = context
        self._link = context.link
        self._sender = sender
        self._settings = context.settings
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._resting: dict[int, float] = {}
        self._sources: dict[str, RunSource] = {}
        self.holders = Holders(self._sources, context.echo, context.settings)
        self._over = False
        self.dropped_bytes = 0
        self._held = 0
        self._held_at = 0.0
        #: Monotonic: when this process leaves, whatever it still holds; None while the worker lives.
        self._leaves_at: float | None = None
        self._main_pid = 0
        self._term = False
        #: This process left before everything was stored.
        self.gave_up = False
        self._woken, self.waking_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch(self._link.fileno(), self._on_link)
        self.watch(self._woken, self._drain_wake)
        context.on_closed = self.wake

    @property
    def run_count(self) -> int:
        """Runs that are being executed, or whose end is not stored yet."""
        return sum(not source.run.over for source in tuple(self._sources.values()))

    @property
    def held_bytes(self) -> int:
        """Memory that all spools use, a few milliseconds old (any thread)."""
        now = time.monotonic()
        if now - self._held_at > _HELD_SECONDS:
            sources = tuple(self._sources.values())
            self._held = sum(source.run.spool.held_bytes for source in sources)
            self._held_at = now
        return self._held

    @property
    def unstored_bytes(self) -> int:
        """Output in all spools that the store does not have (any thread).

        (Memory of stored output is released later, in large pieces: :attr:`held_bytes`.)
        """
        runs = [source.run for source in tuple(self._sources.values())]
        return sum(max(0, run.spool.position - max(run.stored_to, run.spool.released)) for run in runs if not run.over)

    def wake(self) -> None:
        """Make the loop look at once for what changed (any thread)."""
        try:
            os.write(self.waking_fd, b"\0")
        except BlockingIOError:
            pass  # the pipe is full of wake-ups already

    def note_term(self, *_: object) -> None:
        """Note that SIGTERM came."""
        self._term = True

    def serve(self) -> None:
        """Run until the keeper is gone and every run in hand is over.

        While the worker lives, this process has time to repair an end that a failover takes back. No other process can.
        """
        alive_at = ticked_at = 0.0
        while not self.gave_up and not (
            self._over and not self._sources and (self._context.main_is_gone or self._sender.idle)
        ):
            for fd, _events in self._epoll.poll(self._timeout(alive_at)):
                handler = self._handlers.get(fd)
                if handler:
                    handler()
            if self._term:
                self._handle_term()
            now = time.monotonic()
            if self._leaves_at is not None and now >= self._leaves_at:
                self._give_up()
            self._end_rests(now)
            if now - ticked_at >= _TICK_SECONDS:
                ticked_at = now
                self._tick()
            if now - alive_at >= _ALIVE_SECONDS:
                alive_at = now
                if now - self._context.breathed_at < HANGS_SECONDS:
                    self._link.send(messages.Alive(op="alive"))

    @property
    def _keeps(self) -> bool:
        """Whether nothing is stored now: the store is away or full."""
        return self._context.store.away or self._context.full

    # Methods that sources use.

    def watch(self, fd: int, handler: Callable[[], None]) -> None:
        """Call ``handler`` whenever ``fd`` is readable or closed."""
        self._handlers[fd] = handler
        self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Stop watching ``fd``."""
        self._handlers.pop(fd, None)
        self._resting.pop(fd, None)
        try:
            self._epoll.unregister(fd)
        except OSError:
            pass  # closed already

    def rest(self, fd: int, seconds: float) -> None:
        """Do not read ``fd`` for a while."""
        if fd in self._handlers:
            if fd not in self._resting:
                self._epoll.unregister(fd)
            self._resting[fd] = time.monotonic() + seconds

    def rests(self, fd: int) -> bool:
        """Whether ``fd`` is left alone now."""
        return fd in self._resting

    @property
    def pause_seconds(self) -> float:
        """How long a run that is far ahead of the store is left alone."""
        return _AWAY_PAUSE_SECONDS if self._keeps else _PAUSE_SECONDS

    def may_take(self, run: ShippedRun) -> bool:
        """Return whether more of the run's output fits."""
        fits = self.held_bytes < self._settings.spool_bytes
        if not self._keeps:
            return fits and run.backlog_bytes < HIGH_WATER_BYTES
        return fits or self._settings.overflow == "drop"

    def taken(self, run: ShippedRun) -> None:
        """Note that output came; make room if there is too much and nothing is stored."""
        over = self.held_bytes - self._settings.spool_bytes
        if over > 0 and self._keeps and self._settings.overflow == "drop":
            runs = (source.run for source in self._sources.values())
            longest = max(runs, key=lambda other: other.backlog_bytes)
            self.dropped_bytes += longest.drop(max(over, _DROP_BYTES))
            self._held_at = 0.0
        self._sender.poke(run)

    def changed(self, run: ShippedRun) -> None:
        """Make the sender look at the run."""
        self._sender.poke(run, now=True)

    # The loop.

    def _timeout(self, alive_at: float) -> float:
        now = time.monotonic()
        until = alive_at + _ALIVE_SECONDS
        if self._resting:
            until = min(until, min(self._resting.values()))
        if self._leaves_at is not None:
            until = min(until, self._leaves_at)
        # After that, only the worker's main process can report it.
        if any(now - source.died_at < _EXIT_SECONDS and not source.run.over for source in self._sources.values()):
            until = min(until, now + _TICK_SECONDS)
        return max(0.0, until - now)

    def _end_rests(self, now: float) -> None:
        for fd in [fd for fd, until in self._resting.items() if until <= now]:
            del self._resting[fd]
            self._epoll.register(fd, select.EPOLLIN)

    def _tick(self) -> None:
        for key, source in list(self._sources.items()):
            run = source.run
            if run.phase is Phase.CLOSED:
                self._close(key, source)
                continue
            if run.over and time.monotonic() - run.end_seen > _HELD_ON_SECONDS:
                source.settle()
            if run.over and self._leaves_at is not None and self._context.store.away:
                # The only thing left to store is how much came late: no reason to stay.
                run.phase = Phase.CLOSED
            if source.died_at and not run.over:
                source.look_for_exit()
            if run.end and self._context.store.away and not run.over:
                # The store is away. The output is safe in the spool, so the
                # task's process need not wait for the store.
                run.tell_done()
        for run in self.holders.to_let_go(abandoned=self._link.lost):
            self.changed(run)

    def _close(self, key: str, source: RunSource) -> None:
        source.close()
        del self._sources[key]
        self.holders.forget(source)
        self._link.send(messages.Closed(op="closed", key=key))

    def _drain_wake(self) -> None:
        try:
            os.read(self._woken, 65536)
        except BlockingIOError:
            pass
        self._tick()

    def _on_link(self) -> None:
        for message, fds in self._link.receive():
            if message is None:
                self._over = True
                self.unwatch(self._link.fileno())
                return
            self._hear(message, fds)

    def _hear(self, message: messages.Message, fds: list[int]) -> None:
        if message["op"] == "run" and len(fds) >= 3:
            self._take_run(message, fds)
            return
        if message["op"] == "catalogue" and fds:
            size = os.fstat(fds[0]).st_size
            self._sender.catalogue = json.loads(os.pread(fds[0], size, 0))
        for fd in fds:
            os.close(fd)
        if message["op"] == "hello":
            self._sender.hello(message["owner"], message["worker"])
            self._watch_main(message["main_pid"])
        elif message["op"] == "died":
            for source in self._sources.values():
                run = source.run
                if run.pid == message["pid"] and not run.over and message["run"] in (None, run.id):
                    source.on_died(message)
        elif message["op"] == "revoked":
            self._note_revocation(message)
        elif message["op"] == "is-revoked":
            asked = self._sources.get(message["key"])
            if asked:
                asked.run.revocation_expected = message["revoked"]
                self.changed(asked.run)
        elif message["op"] == "rejected":
            self._sender.rejected(message)
        elif message["op"] == "drain":
            self._context.draining = True
        elif message["op"] == "cancelled":
            found = self._sources.get(message["key"])
            if found:
                found.run.cancelled = message
                self.changed(found.run)
        elif message["op"] == "bye":
            self._worker_gone(message["seconds"])

    def _note_revocation(self, message: messages.Revoked) -> None:
        """Note that Celery ends a run in hand, or has discarded the message of another run."""
        runs = (source.run for source in self._sources.values())
        found = [run for run in runs if run.id == message["run"] and not run.over]
        for run in found:
            if message["terminated"]:
                run.revoked = message
                self.changed(run)
        if not found:
            self._sender.discarded(message)

    def _take_run(self, message: messages.Start, fds: list[int]) -> None:
        if not lock(fds[-1]):
            # The shipper of an earlier keeper is at work on it.
            channel.close_all(fds)
            self._link.send(messages.Busy(op="busy", key=str(message.get("key"))))
            return
        try:
            run = ShippedRun(message, fds, self._settings)
            source = self._sources[run.key] = RunSource(run, self)
        except (KeyError, TypeError, ValueError, OSError):
            log.exception("a run that cannot be read is not recorded")
            _turn_away(message, fds)
            self._link.send(messages.Closed(op="closed", key=str(message.get("key"))))
            return
        self.holders.begin(source)
        if self._context.store.known_away and not run.again and run.headers is None:
            # The reader does this because the sender may be waiting for the store's answer.
            run.go_unclaimed()
        self._sender.add(run)

    def _watch_main(self, pid: int | None) -> None:
        """Notice the end of the worker's main process, even if the keeper is gone too."""
        try:
            pidfd = os.pidfd_open(pid) if pid else -1
        except OSError:
            return  # Another container's process: the keeper reports its end.
        if pidfd >= 0 and pid:
            self._main_pid = pid
            self.watch(pidfd, lambda: self._main_gone(pidfd))

    def _main_gone(self, pidfd: int) -> None:
        self.unwatch(pidfd)
        os.close(pidfd)
        self._worker_gone(self._settings.orphan_seconds)

    # The worker's end, and then this process's end.

    def _worker_gone(self, seconds: float) -> None:
        at = time.monotonic() + max(seconds, _LAST_SECONDS)
        self._leaves_at = at if self._leaves_at is None else min(at, self._leaves_at)
        self._sender.worker_gone()

    def _handle_term(self) -> None:
        """Obey once the worker has ended. Before that, a SIGTERM is meant for the whole group: the worker decides."""
        self._term = False
        # The kernel reports a dying process only when its last thread is gone.
        ended = self._main_pid and not procfs.alive(self._main_pid)
        if ended or self._leaves_at is not None:
            self._worker_gone(0.0)

    def _give_up(self) -> None:
        """Report what is lost, when the time after the worker's end is up."""
        self.gave_up = True
        runs = [source.run for source in self._sources.values() if not source.run.over]
        for key in self._sources:
            self._link.send(messages.Closed(op="closed", key=key))
        if runs:
            size = sum(run.unstored_bytes for run in runs)
            ids = ", ".join(sorted(run.id for run in runs))
            # "At most", because the store may have more than it confirmed.
            log.error("the worker has ended; what the store did not take of these runs is lost, at most %d bytes: %s",
                      size, ids)  # fmt: skip


def _turn_away(message: messages.Start, fds: list[int]) -> None:
    """Tell the process of a task whose run cannot be read that it need not wait."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fds[2 if message.get("split") else 1])) as private:
        private.send(channel.pack(failure(message)), socket.MSG_DONTWAIT)
