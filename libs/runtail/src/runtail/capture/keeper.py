"""The keeper: holds a duplicate of everything a run needs, so that the shipper may die.

Run by file path as ``python -I -S keeper.py <configuration as JSON>``; standard
library only, one thread, no store. It sits between the worker's processes and
the shipper:

    pool children ── door ──►┐                ┌── link ──► shipper
    Celery main   ── door ──►┤     keeper     ├◄── link ──
    Celery main   ◄── ctl ──►┘                └──► private socket of a run: "kept"

For every run it keeps the reading end of the pipe, one end of the run's private
socket, a pidfd of the task's process and a memfd, the spool. The shipper
splices from the pipe into the memfd; the memfd's file position, which keeper
and shipper share, is the number of bytes taken out of the pipe, kept by the
kernel. A shipper that is killed is started again at once and given the same
descriptors; the task notices nothing.

Rule: while a shipper lives the keeper never touches a pipe. Two processes that
splice into one file overwrite each other's bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from array import array
from collections import deque
from typing import Any

MAX_BYTES = 64 * 1024
MAX_FDS = 8
#: A shipper that says nothing for this long hangs and is killed.
SILENT_SECONDS = 10.0
#: Before its first word it may take longer: a busy machine imports slowly.
START_SECONDS = 30.0
#: Without any shipper for this long, the keeper empties the pipes itself.
DRAIN_AFTER_SECONDS = 5.0
#: Waits between starts of a shipper that dies at once: doubled each time, at most this.
MAX_BACKOFF_SECONDS = 5.0
#: A shipper that lived for this long died of something new: start the next at once.
HEALTHY_SECONDS = 5.0
#: How much is moved from a pipe at once.
CHUNK_BYTES = 1024 * 1024


class Run:
    """What the keeper holds for one execution of a task."""

    def __init__(self, record: dict[str, Any], fds: list[int]) -> None:
        self.record = record
        self.fds = fds
        self.pipes = fds[: 2 if record.get("split") else 1]
        self.private = fds[len(self.pipes)]
        self.spool = fds[-1]
        #: Bytes thrown away because no shipper came and the spool was full.
        self.dropped = 0

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


class Keeper:
    """The event loop. Every method runs in the one thread and never blocks."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.door = socket.socket(fileno=config["door"])
        self.ctl: socket.socket | None = socket.socket(fileno=config["ctl"])
        self.main_pidfd: int | None = config["main_pidfd"]
        self.runs: dict[str, Run] = {}
        self.watched: set[int] = set()
        self.catalogue: int | None = None
        self.poller = select.poll()
        self.poller.register(self.door, select.POLLIN)
        self.poller.register(self.ctl, select.POLLIN)
        if self.main_pidfd is not None:
            self.poller.register(self.main_pidfd, select.POLLIN)
        self.link: socket.socket | None = None
        self.shipper_pid = 0
        self.backlog: deque[tuple[bytes, list[int]]] = deque()
        self.spoke = 0.0
        self.spoken = False
        self.started = 0.0
        self.failures = 0
        self.next_start = 0.0
        self.alone_since = time.monotonic()
        self.draining: dict[int, Run] = {}

    # Shipper.

    def start_shipper(self) -> None:
        self.stop_draining()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.set_inheritable(theirs.fileno(), True)
        argv = [*self.config["shipper"], "--link", str(theirs.fileno())]
        now = time.monotonic()
        try:
            self.shipper_pid = os.posix_spawn(argv[0], argv, os.environ)
        except OSError as error:
            say(f"the shipper could not be started: {error}")
            ours.close()
            self.failures += 1
            self.next_start = now + min(MAX_BACKOFF_SECONDS, 0.05 * 2**self.failures)
            return
        finally:
            theirs.close()
        self.link = ours
        self.poller.register(ours, select.POLLIN)
        self.spoken = False
        self.started, self.spoke = now, now + START_SECONDS - SILENT_SECONDS
        hello = {"v": 1, "op": "hello", "worker": self.config["worker"], "owner": self.config["owner"],
                 "main_pid": self.config["main_pid"]}  # fmt: skip
        self.tell(hello)
        if self.catalogue is not None:
            self.tell({"v": 1, "op": "catalogue"}, [self.catalogue])
        for run in self.runs.values():
            self.tell({**run.record, "again": True, "dropped": run.dropped}, run.fds)
        if self.ctl is None:
            self.tell({"v": 1, "op": "bye"})

    def _has_shipper(self) -> bool:
        return self.link is not None

    def shipper_gone(self) -> None:
        if self.link is None:
            return
        with contextlib.suppress(KeyError):
            self.poller.unregister(self.link)
        self.link.close()
        self.link = None
        self.backlog.clear()
        # Its end of the link is closed, so it is dead or about to be; nobody
        # else may touch the pipes before it is.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.shipper_pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.shipper_pid, 0)
        now = time.monotonic()
        if self.spoken:
            # One that never said a word emptied no pipe either.
            self.alone_since = now
        if now - self.started > HEALTHY_SECONDS:
            self.failures = 0
            self.next_start = now
        else:
            if self.spoken:
                # It had begun to work, so somebody killed it: wait 0.2 s at most.
                self.failures = min(self.failures, 2)
            self.next_start = now + (min(MAX_BACKOFF_SECONDS, 0.05 * 2**self.failures) if self.failures else 0.0)
            self.failures += 1

    def tell(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        """Send to the shipper, now or when it has read what came before."""
        if self.link is None:
            return
        self.backlog.append((pack(message), list(fds or ())))
        self.send_backlog()

    def send_backlog(self) -> None:
        while self.backlog and self.link is not None:
            data, fds = self.backlog[0]
            try:
                # Not socket.send_fds and recv_fds: they ignore their flags argument.
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
                self.link.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                self.poller.modify(self.link, select.POLLIN | select.POLLOUT)
                return
            except OSError:
                # Either the shipper is gone, which its end of the link will
                # tell, or a run was closed before it heard of it.
                self.backlog.popleft()
                continue
            self.backlog.popleft()
        if self.link is not None:
            self.poller.modify(self.link, select.POLLIN)

    def hear_shipper(self) -> None:
        assert self.link is not None
        for message, fds in messages(self.link):
            close_all(fds)
            if message is None:
                self.shipper_gone()
                return
            self.spoke = max(self.spoke, time.monotonic())
            self.spoken = True
            op = message.get("op")
            if op == "closed":
                run = self.runs.pop(str(message.get("key")), None)
                if run is not None:
                    run.close()
            elif op == "cancel":
                run = self.runs.get(str(message.get("key")))
                inodes = [os.fstat(fd).st_ino for fd in run.pipes] if run is not None else []
                self.tell_main({**message, "inodes": inodes})
            elif op == "ready":
                self.tell_main(message)
            elif op == "alive":
                self.spoke = time.monotonic()

    # Worker.

    def hear_door(self) -> None:
        for message, fds in messages(self.door):
            if message is None:
                return
            op = message.get("op")
            if op == "run":
                self.take_run(message, fds)
                continue
            if op == "catalogue" and fds:
                if self.catalogue is not None:
                    os.close(self.catalogue)
                self.catalogue = fds[0]
                self.tell(message, fds[:1])
                continue
            close_all(fds)
            if op == "died" and not message.get("pid"):
                # Celery tells main of a lost task when it has forgotten whose it was.
                pids = [run.record["pid"] for run in self.runs.values() if run.record["run"] == message.get("run")]
                message["pid"] = pids[-1] if pids else 0
            self.tell(message)

    def take_run(self, message: dict[str, Any], fds: list[int]) -> None:
        if len(fds) < (3 if message.get("split") else 2):
            close_all(fds)
            return
        spool = os.memfd_create("runtail-spool", os.MFD_CLOEXEC)
        run = Run(message, [*fds, spool])
        self.runs[message["key"]] = run
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(run.private)) as private:
            private.send(pack({"op": "kept"}), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        if message["pid"] not in self.watched:
            self.watched.add(message["pid"])
            self.tell_main({"op": "watch", "pid": message["pid"]})
        if self.draining:
            self.drain_run(run)
        self.tell({**message, "again": False, "dropped": 0}, run.fds)

    def tell_main(self, message: dict[str, Any]) -> None:
        if self.ctl is not None:
            # Room for hundreds of records; a main process that reads none of
            # them for so long is past helping.
            with contextlib.suppress(OSError):
                self.ctl.send(pack(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def hear_main(self) -> None:
        assert self.ctl is not None
        for message, fds in messages(self.ctl):
            close_all(fds)
            if message is None:
                self.main_gone()
                return
            if message.get("op") == "gone":
                self.watched.discard(message.get("pid", 0))
            else:
                self.tell(message)

    def main_gone(self) -> None:
        """No new runs will come; those in hand are finished first."""
        if self.ctl is None:
            return
        self.poller.unregister(self.ctl)
        self.ctl.close()
        self.ctl = None
        if self.main_pidfd is not None:
            self.poller.unregister(self.main_pidfd)
            os.close(self.main_pidfd)
            self.main_pidfd = None
        self.hear_door()
        self.tell({"v": 1, "op": "bye"})

    # Without a shipper.

    def drain_run(self, run: Run) -> None:
        for fd in run.pipes:
            self.draining[fd] = run
            self.poller.register(fd, select.POLLIN)

    def stop_draining(self) -> None:
        for fd in self.draining:
            with contextlib.suppress(KeyError):
                self.poller.unregister(fd)
        self.draining.clear()

    def drain(self, fd: int) -> None:
        run = self.draining[fd]
        used = sum(os.fstat(other.spool).st_blocks * 512 for other in self.runs.values())
        room = self.config["spool_bytes"] - used
        try:
            if room > 0:
                moved = os.splice(fd, run.spool, min(room, CHUNK_BYTES))
            elif self.config["block"]:
                self.poller.unregister(fd)
                return
            else:
                moved = len(os.read(fd, CHUNK_BYTES))
                run.dropped += moved
        except BlockingIOError:
            return
        if moved == 0:
            # Every writer is gone; the pidfd tells the next shipper the rest.
            self.poller.unregister(fd)

    # The loop.

    def step(self) -> None:
        now = time.monotonic()
        if self.link is None:
            if now >= self.next_start:
                self.start_shipper()
            if not self._has_shipper() and not self.draining and now - self.alone_since > DRAIN_AFTER_SECONDS:
                for run in self.runs.values():
                    self.drain_run(run)
        elif now - self.spoke > SILENT_SECONDS:
            say(f"the shipper said nothing for {SILENT_SECONDS:.0f} s and is replaced")
            self.shipper_gone()
        timeout = 1.0 if self.link is not None else max(0.0, min(0.5, self.next_start - time.monotonic()))
        for fd, _events in self.poller.poll(timeout * 1000):
            if self.link is not None and fd == self.link.fileno():
                if self.backlog:
                    self.send_backlog()
                self.hear_shipper()
            elif fd == self.door.fileno():
                self.hear_door()
            elif self.ctl is not None and fd == self.ctl.fileno():
                self.hear_main()
            elif fd == self.main_pidfd:
                self.main_gone()
            elif fd in self.draining:
                self.drain(fd)

    def serve(self) -> None:
        """Run until main is gone and every run is closed, then let the shipper go."""
        while self.ctl is not None or self.runs:
            self.step()
        if self.link is None:
            return
        while self.backlog and self._has_shipper():
            self.step()
        if self.link is not None:
            self.link.shutdown(socket.SHUT_WR)
            poller = select.poll()
            poller.register(self.link, select.POLLIN)
            deadline = time.monotonic() + START_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                poller.poll(left * 1000)
                if any(message is None for message, _fds in messages(self.link)):
                    break
            self.shipper_gone()


def pack(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def messages(sock: socket.socket) -> Any:
    """Yield what is there as (message, descriptors); (None, []) at the end of the connection."""
    while True:
        try:
            data, rights, _flags, _address = sock.recvmsg(
                MAX_BYTES + 4096, socket.CMSG_LEN(MAX_FDS * 4), socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            yield None, []
            return
        if not data:
            yield None, []
            return
        received = array("i")
        for level, kind, content in rights:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received.frombytes(content[: len(content) - len(content) % received.itemsize])
        fds = list(received)
        try:
            message = json.loads(data)
        except ValueError:
            close_all(fds)
            continue
        yield message, fds
        if sock.fileno() < 0:
            return


def close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


def say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"runtail keeper: {text}\n".encode())


def main() -> None:
    # Ctrl-C and the worker's own signals must not reach the one that finishes
    # the worker's runs; the shipper inherits this.
    with contextlib.suppress(OSError):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    config = json.loads(sys.argv[1])
    for name in ("door", "ctl", "main_pidfd"):
        if config[name] is not None:
            os.set_inheritable(config[name], False)
    Keeper(config).serve()


if __name__ == "__main__":
    main()
