"""The keeper's event loop. ``__main__`` explains its purpose."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Any

from runtail.logline import Writer
from runtail.worker import channel, messages, procfs
from runtail.worker.keeper.held_run import HeldRun
from runtail.worker.keeper.shipper_process import SILENT_SECONDS, ShipperProcess
from runtail.worker.outbox import Outbox

#: After this long without any shipper, the keeper empties the pipes itself.
DRAIN_AFTER_SECONDS = 5.0
#: How often the keeper checks whether the shipper of an earlier keeper's runs is gone.
INHERIT_SECONDS = 0.2
_TICK_SECONDS = 1.0
#: When the time after the worker's end is up, the shipper reports what is lost; this much later it is killed.
_LAST_WORD_SECONDS = 1.2


class Keeper:
    """Every method runs in the one thread and never blocks."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.poller = select.poll()
        self.channel = socket.socket(fileno=config["channel"])
        self.poller.register(self.channel, select.POLLIN)
        self.ctl: socket.socket | None = socket.socket(fileno=config["ctl"])
        self.to_main = Outbox(self.ctl, self.poller)
        self.main_pidfd: int | None = config["main_pidfd"]
        if self.main_pidfd is not None:
            self.poller.register(self.main_pidfd, select.POLLIN)
        self.say = Writer(config["log_format"], config["log_level"], "keeper", "runtail.keeper")
        self.shipper = ShipperProcess(config["shipper"], self.poller, self.say)
        self.runs: dict[str, HeldRun] = {}
        self.watched: set[int] = set()
        self.catalogue: int | None = None
        self.draining: dict[int, HeldRun] = {}
        #: Monotonic: when this process leaves, whatever it still holds; None while the worker lives.
        self.leaves_at: float | None = None
        #: SIGTERM came and was not handled yet; a byte in this pipe wakes the loop.
        self.term = False
        self.woken, waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        self.poller.register(self.woken, select.POLLIN)

    # Shipper.

    def start_shipper(self) -> bool:
        """Start a shipper and hand it all runs; return False if it could not be started."""
        self.stop_draining()
        if not self.shipper.start():
            return False
        config = self.config
        self.shipper.tell(
            messages.Hello(op="hello", worker=config["worker"], owner=config["owner"], main_pid=config["main_pid"])
        )
        if self.catalogue is not None:
            self.shipper.tell(messages.Catalogue(op="catalogue"), [self.catalogue])
        for run in self.runs.values():
            run.handed = False
        self.hand_over_all()
        self.say_bye()
        return True

    def hand_over_all(self) -> None:
        """Give the shipper every run that it does not have and that no other shipper works on."""
        for run in self.runs.values():
            if not run.handed and self.shipper.lives and (not run.inherited or run.free):
                run.handed = True
                self.shipper.tell({**run.record, "again": True, "dropped": run.dropped}, run.fds)

    def read_shipper(self) -> None:
        """Handle what the shipper sent."""
        for message in self.shipper.hear():
            if message["op"] == "closed":
                run = self.runs.pop(message["key"], None)
                if run is not None:
                    run.close()
                    self.tell_main(message)
            elif message["op"] == "busy":
                run = self.runs.get(message["key"])
                if run is not None:
                    run.handed, run.inherited = False, True
            elif message["op"] == "cancel":
                run = self.runs.get(message["key"])
                inodes = [os.fstat(fd).st_ino for fd in run.pipes] if run is not None else []
                self.tell_main({**message, "inodes": inodes})
            elif message["op"] == "ready" or message["op"] == "over" or message["op"] == "ask-revoked":
                self.tell_main(message)

    # Worker.

    def read_channel(self) -> None:
        """Handle what pool processes and the main process sent."""
        for message, fds in channel.messages(self.channel, self.say.error):
            if message is None:
                # No process of the worker is left, and poll would report the closed socket again and again.
                self.poller.unregister(self.channel)
                self.channel.close()
                return
            if message["op"] == "run":
                self.take_run(message, fds)
                continue
            if message["op"] == "catalogue" and fds:
                if self.catalogue is not None:
                    os.close(self.catalogue)
                self.catalogue = fds[0]
                self.shipper.tell(message, fds[:1])
                continue
            channel.close_all(fds)
            if message["op"] == "died":
                if not message["pid"]:
                    # Celery reports a lost task to the main process only after forgetting which process had it.
                    pids = [run.record["pid"] for run in self.runs.values() if run.record["run"] == message["run"]]
                    message["pid"] = pids[-1] if pids else 0
                self.shipper.tell(message)
            elif (
                message["op"] == "revoked"
                or message["op"] == "is-revoked"
                or message["op"] == "cancelled"
                or message["op"] == "rejected"
                or message["op"] == "drain"
            ):
                # Pass on nothing else: pool processes, which execute other people's code, send to this socket as well.
                self.shipper.tell(message)

    def take_run(self, message: messages.Start, fds: list[int]) -> None:
        """Take a run that begins: its pipe is held from now on."""
        if len(fds) < (3 if message.get("split") else 2):
            channel.close_all(fds)
            return
        spool = os.memfd_create("runtail-spool", os.MFD_CLOEXEC)
        run = HeldRun(message, [*fds, spool])
        self.runs[run.key] = run
        # The main process first: once the task knows that its pipe is held, nothing may break the pipe.
        self.tell_main({**message, "fds": len(run.fds)}, run.fds)
        with contextlib.suppress(OSError):
            run.tell_child(messages.Kept(op="kept"))
        self.watch(run)
        if self.draining:
            self.drain_run(run)
        if self.shipper.lives:
            run.handed = True
            self.shipper.tell({**message, "again": False, "dropped": 0}, run.fds)

    def watch(self, run: HeldRun) -> None:
        """Ask the main process to watch the process of a run."""
        pid = run.record["pid"]
        if pid not in self.watched:
            self.watched.add(pid)
            self.tell_main(messages.Watch(op="watch", pid=pid))

    def tell_main(self, message: messages.FromKeeper, fds: list[int] | None = None) -> None:
        """Send a message to the main process, while there is one."""
        if self.ctl is not None:
            self.to_main.put(message, fds or ())

    def read_main(self) -> None:
        """Handle what the main process sent."""
        if self.ctl is None:
            return
        for message, fds in channel.messages(self.ctl, self.say.error):
            if message is None:
                self.main_gone()
                return
            if message["op"] == "run" and message["key"] not in self.runs:
                self.inherit(message, fds)
                continue
            channel.close_all(fds)
            if message["op"] == "gone":
                self.watched.discard(message["pid"])

    def inherit(self, message: messages.Start, fds: list[int]) -> None:
        """Take over a run of an earlier keeper, whose shipper either finishes it or is dead as well."""
        run = HeldRun(message, fds)
        run.inherited = True
        self.runs[run.key] = run
        with contextlib.suppress(OSError):
            run.tell_child(messages.Kept(op="kept"))
        self.watch(run)
        if self.draining:
            self.drain_run(run)
        self.hand_over_all()

    def main_gone(self) -> None:
        """Note that no new runs will come; those in hand are finished first."""
        if self.ctl is None:
            return
        self.to_main.close()
        self.ctl.close()
        self.ctl = None
        if self.main_pidfd is not None:
            self.poller.unregister(self.main_pidfd)
            os.close(self.main_pidfd)
            self.main_pidfd = None
        self.read_channel()
        self.leaves_at = time.monotonic() + self.config["orphan_seconds"]
        self.say_bye()

    # The end.

    def say_bye(self) -> None:
        """Tell the shipper how much time is left, if it is no longer unlimited."""
        if self.leaves_at is not None:
            self.shipper.tell(messages.Bye(op="bye", seconds=max(0.0, self.leaves_at - time.monotonic())))

    def note_term(self, *_: object) -> None:
        """Note that SIGTERM came."""
        self.term = True

    def handle_term(self) -> None:
        """Obey once the worker has ended. Before that, a SIGTERM is meant for the whole group: the worker decides."""
        self.term = False
        # The kernel reports a dying process only when its last thread is gone.
        if self.main_pidfd is not None and not procfs.alive(self.config["main_pid"]):
            self.main_gone()
        if self.leaves_at is None:
            self.say.info("SIGTERM noted; keeper and shipper go on until the worker has ended")
            return
        self.leaves_at = min(self.leaves_at, time.monotonic())
        self.say_bye()

    def give_up(self) -> None:
        """Give up the runs that no shipper has reported on when the time after the worker's end is up."""
        size = sum(run.spooled_bytes + run.dropped + run.waiting_bytes for run in self.runs.values())
        ids = ", ".join(sorted(str(run.record["run"]) for run in self.runs.values()))
        if ids:
            self.say.error(
                f"the worker has ended; what is not stored of these runs is lost, at most {size} bytes: {ids}"
            )
        self.runs.clear()
        self.shipper.gone()

    # Without a shipper.

    def drain_all(self, alone_seconds: float) -> None:
        """Start to empty all pipes when there has been no shipper for too long."""
        if alone_seconds > DRAIN_AFTER_SECONDS and not self.draining:
            for run in self.runs.values():
                self.drain_run(run)

    def drain_run(self, run: HeldRun) -> None:
        """Start to empty the pipes of a run."""
        if run.inherited and not run.free:
            return
        for fd in run.pipes:
            self.draining[fd] = run
            self.poller.register(fd, select.POLLIN)

    def stop_draining(self) -> None:
        """Leave the pipes to a shipper again."""
        for fd in self.draining:
            with contextlib.suppress(KeyError):
                self.poller.unregister(fd)
        self.draining.clear()

    def drain(self, fd: int) -> None:
        """Move what a pipe holds into the spool, or discard it if the spool has no room."""
        run = self.draining[fd]
        room = self.config["spool_bytes"] - sum(other.spooled_bytes for other in self.runs.values())
        try:
            if room > 0:
                moved = run.spool_from(fd, room)
            elif self.config["block"]:
                self.poller.unregister(fd)
                return
            else:
                moved = run.discard_from(fd)
        except BlockingIOError:
            return
        if moved == 0:
            # Every writer is gone; the next shipper learns the rest from the pidfd.
            self.poller.unregister(fd)

    # The loop.

    def step(self) -> None:
        """Do one turn of the loop."""
        now = time.monotonic()
        finished = self.ctl is None and not self.runs
        if self.leaves_at is not None and now >= self.leaves_at + (_LAST_WORD_SECONDS if self.shipper.lives else 0.0):
            self.give_up()
            return
        if self.shipper.hangs:
            self.say.warning(f"the shipper said nothing for {SILENT_SECONDS:.0f} s and is replaced")
            self.shipper.gone()
        elif finished:
            self.shipper.let_go()
        elif not self.shipper.lives:
            if now < self.shipper.next_start or not self.start_shipper():
                self.drain_all(now - self.shipper.alone_since)
        else:
            self.hand_over_all()
        for fd, _events in self.poller.poll(self.timeout_seconds() * 1000):
            if fd == self.shipper.fd:
                self.shipper.send_unsent()
                self.read_shipper()
            elif fd == self.channel.fileno():
                self.read_channel()
            elif self.ctl is not None and fd == self.ctl.fileno():
                self.to_main.send()
                self.read_main()
            elif fd == self.main_pidfd:
                self.main_gone()
            elif fd == self.woken:
                os.read(self.woken, 4096)
            elif fd in self.draining:
                self.drain(fd)
        if self.term:
            self.handle_term()

    def timeout_seconds(self) -> float:
        """Return how long the loop may wait for events."""
        now = time.monotonic()
        until = now + _TICK_SECONDS
        if not self.shipper.lives:
            until = min(now + 0.5, self.shipper.next_start)
        elif any(not run.handed for run in self.runs.values()):
            until = now + INHERIT_SECONDS
        if self.leaves_at is not None:
            until = min(until, self.leaves_at + (_LAST_WORD_SECONDS if now >= self.leaves_at else 0.0))
        return max(0.0, until - now)

    def serve(self) -> None:
        """Run until main is gone, every run is closed and the shipper has left, or the time after main's end is up."""
        while self.ctl is not None or self.runs or self.shipper.lives:
            self.step()
