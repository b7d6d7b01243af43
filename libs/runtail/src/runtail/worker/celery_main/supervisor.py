"""Runtail in Celery's main process: starts the keeper, watches it, ends cancelled runs.

One thread waits for messages. It holds no lock while it waits, and its work
needs no lock, because this process may fork a pool child at any moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtail.settings import Settings
from runtail.worker import channel, messages
from runtail.worker.celery_main import kill_tree
from runtail.worker.celery_main.fd_backup import FdBackup
from runtail.worker.task.redirect import FIRST_PRIVATE_FD, put_aside

log = logging.getLogger("celery.runtail")

#: Run by its path: `-m` would import all of Celery.
KEEPER = Path(__file__).parents[1] / "keeper"
#: The keeper starts this, with ``--link <fd>`` added.
SHIPPER_COMMAND = [sys.executable, "-m", "runtail.worker.shipper"]
_TICK_SECONDS = 1.0
#: The descriptors that the keeper finds open.
_CHANNEL, _CTL, _PIDFD = 3, 4, 5
#: At shutdown, how long storing the runs in hand may take.
CLOSE_SECONDS = 10.0


class Supervisor:
    """Everything Runtail does in the main process of one worker."""

    def __init__(self, hostname: str, settings: Settings) -> None:
        """Start the keeper (and through it the shipper).

        :raises OSError: if the keeper cannot be started.
        """
        self.hostname = hostname
        self.settings = settings
        #: The lease owner: stays the same while shippers come and go.
        self.owner = str(uuid.uuid4())
        self.pid = os.getpid()
        self.started_ms = int(time.time() * 1000)
        # The main process keeps both ends: what is sent while no keeper lives waits for the next one.
        self.channel_rx, self.channel_tx = channel.pair()
        self.keeper_pid = 0
        self.keeper_pidfd: int | None = None
        self.ctl: socket.socket | None = None
        self._fd_backup = FdBackup()
        # Under solo, descriptors 1 and 2 already belong to a run when a keeper is replaced.
        self._output_fds = put_aside(1), put_aside(2)
        self.catalogue: bytes | None = None
        #: Set once the shipper has reached the store.
        self.store_ready = threading.Event()
        #: The pool's process ids, and whether one of them executes a run; under solo there are no such ids.
        self.pool_pids: Callable[[], set[int]] = set
        self.running: Callable[[int, str], bool] = lambda _pid, _run: False
        self.revoked_in_celery: Callable[[str], bool] = lambda _run: False
        self.cancels = False
        #: Keys of the runs that are being cancelled, and of those whose task has reported that it is over.
        self._cancelling: set[str] = set()
        self._over: set[str] = set()
        self._children: dict[int, int] = {}
        self._thread: threading.Thread | None = None
        self._closing = False
        self._start_keeper()

    # For pool children.

    def send(self, message: dict[str, Any], fds: list[int]) -> bool:
        """Send a record through the channel (from any process of the worker).

        :raises OSError: if it cannot be sent.
        """
        return channel.send(self.channel_tx, message, fds)

    def forget_in_child(self) -> None:
        """Close, in a pool child, everything that only the main process may hold open."""
        if self.ctl is not None:
            self.ctl.close()
        self.channel_rx.close()
        for fd in (self.keeper_pidfd, *self._output_fds, *self._children.values()):
            if fd is not None:
                with contextlib.suppress(OSError):
                    os.close(fd)

    # Keeper.

    def _start_keeper(self) -> None:
        ours, theirs = channel.pair()
        main_pidfd: int | None = None
        with contextlib.suppress(OSError, AttributeError):
            main_pidfd = os.pidfd_open(self.pid)
        config = {
            "channel": _CHANNEL,
            "ctl": _CTL,
            "main_pidfd": None if main_pidfd is None else _PIDFD,
            "main_pid": self.pid,
            "worker": self.hostname,
            "owner": self.owner,
            "shipper": SHIPPER_COMMAND,
            "spool_bytes": self.settings.spool_bytes,
            "block": self.settings.overflow == "block",
            "orphan_seconds": self.settings.orphan_seconds,
            "log_format": self.settings.log_format,
            "log_level": self.settings.log_level,
        }
        argv = [sys.executable, "-I", "-S", str(KEEPER), json.dumps(config)]
        # The source numbers lie above the targets, so that no dup2 overwrites a source.
        sources = [(self.channel_rx.fileno(), _CHANNEL), (theirs.fileno(), _CTL)]
        if main_pidfd is not None:
            sources.append((main_pidfd, _PIDFD))
        high = [(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD), target) for fd, target in sources]
        actions: list[Any] = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(self._output_fds, start=1)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, target) for fd, target in high]
        try:
            # Not subprocess: a pool child that is forked at that moment would inherit
            # subprocess's pipe to the child, and that would block this process.
            # The keeper unblocks SIGTERM once its handler is in place.
            self.keeper_pid = os.posix_spawn(
                argv[0], argv, _environment(self.settings), file_actions=actions, setsigmask=[signal.SIGTERM]
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            for fd, _target in high:
                os.close(fd)
            if main_pidfd is not None:
                os.close(main_pidfd)
        self.ctl = ours
        with contextlib.suppress(OSError, AttributeError):
            self.keeper_pidfd = os.pidfd_open(self.keeper_pid)
        self._fd_backup.hand_over(ours)
        if self.catalogue is not None:
            self.publish(self.catalogue)

    def _keeper_gone(self) -> bool:
        try:
            pid, _status = os.waitpid(self.keeper_pid, os.WNOHANG)
        except ChildProcessError:
            return True
        return pid != 0

    def _replace_keeper(self) -> None:
        log.warning("Runtail: the keeper (pid %d) is gone and is replaced; runs in hand go on", self.keeper_pid)
        if self.ctl is not None:
            # Its last message may announce one more run to keep.
            self._read_keeper()
        if self.ctl is not None:
            self.ctl.close()
            self.ctl = None
        if self.keeper_pidfd is not None:
            os.close(self.keeper_pidfd)
            self.keeper_pidfd = None
        try:
            self._start_keeper()
        except OSError as error:
            log.error("Runtail: the keeper could not be started: %s", error)

    # What the main process tells the shipper.

    def publish(self, document: bytes) -> None:
        """Hand the worker's description and catalogue to the shipper, which publishes them."""
        self.catalogue = document
        fd = os.memfd_create("runtail-catalogue", os.MFD_CLOEXEC)
        try:
            os.write(fd, document)
            with contextlib.suppress(OSError):
                channel.send(self.channel_tx, messages.Catalogue(op="catalogue"), [fd])
        finally:
            os.close(fd)

    def died(self, pid: int, run: str | None, why: str, *, signum: int | None, exit_status: int | None) -> None:
        """Report why a task's process is gone, as far as this process knows."""
        # Celery signals the process first, and reports only then that it revoked the run.
        revoked = signum is not None and self.revoked_in_celery(run or self._fd_backup.run_of(pid))
        message = messages.Died(
            op="died", pid=pid, run=run, why=why, signal=signum, exit_status=exit_status, revoked=revoked
        )
        with contextlib.suppress(OSError):
            channel.send(self.channel_tx, message)

    def tell_revoked(self, run: str, *, terminated: bool, expired: bool, signum: int | None) -> None:
        """Report that Celery revoked a run: it discarded the message or, if *terminated*, signalled the process."""
        message = messages.Revoked(op="revoked", run=run, terminated=terminated, expired=expired, signal=signum)
        with contextlib.suppress(OSError):
            channel.send(self.channel_tx, message)

    def tell_rejected(self, reason: str, why: str, run: str, attempt: int, execution: int, letter: str) -> None:
        """Report a message that was refused; the parameters are those of :class:`runtail.worker.messages.Rejected`."""
        message = messages.Rejected(
            op="rejected", reason=reason, why=why, run=run, attempt=attempt, execution=execution, letter=letter
        )
        # Nobody may fill the channel, which runs need, by sending what is refused.
        with contextlib.suppress(OSError):
            channel.send(self.channel_tx, message, seconds=0.1)

    def _tell_whether_revoked(self, question: messages.AskRevoked) -> None:
        """Report whether Celery revoked a run whose task has failed: Celery notes that before it sends its signal."""
        revoked = self.revoked_in_celery(question["run"])
        with contextlib.suppress(OSError):
            channel.send(self.channel_tx, messages.IsRevoked(op="is-revoked", key=question["key"], revoked=revoked))

    def draining(self) -> None:
        """Tell the shipper that this worker has begun to shut down."""
        with contextlib.suppress(OSError):
            channel.send(self.channel_tx, messages.Drain(op="drain"), seconds=0.5)

    # The thread.

    def start_thread(self) -> None:
        """Start the watching thread (after the pool was forked for the first time)."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="runtail", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        while not self._closing:
            try:
                self._step()
            except Exception:
                # This thread restarts the keeper: it must not end.
                log.exception("Runtail: watching the keeper failed")
                time.sleep(_TICK_SECONDS)

    def _step(self) -> None:
        poller = select.poll()
        if self.ctl is not None:
            poller.register(self.ctl, select.POLLIN)
        if self.keeper_pidfd is not None:
            poller.register(self.keeper_pidfd, select.POLLIN)
        by_fd = {fd: pid for pid, fd in self._children.items()}
        for fd in by_fd:
            poller.register(fd, select.POLLIN)
        ready = {fd for fd, _events in poller.poll(_TICK_SECONDS * 1000)}
        if self._closing:
            return
        for fd in ready & by_fd.keys():
            self._child_gone(by_fd[fd], fd)
        if self.ctl is not None and self.ctl.fileno() in ready:
            self._read_keeper()
        if self._keeper_gone():
            self._replace_keeper()

    def _read_keeper(self) -> None:
        assert self.ctl is not None
        while True:
            try:
                message = self._fd_backup.receive(self.ctl)
            except EOFError:
                self.ctl.close()
                self.ctl = None
                return
            if message is None:
                return
            if message["op"] == "ready":
                self.store_ready.set()
            elif message["op"] == "watch":
                self._watch_child(message["pid"])
            elif message["op"] == "over":
                self._over |= {message["key"]} & self._cancelling
            elif message["op"] == "ask-revoked":
                self._tell_whether_revoked(message)
            elif message["op"] == "cancel":
                self._cancelling.add(message["key"])
                threading.Thread(target=self._cancel, args=(message,), name="runtail-cancel", daemon=True).start()

    # The ends of pool children.

    def _watch_child(self, pid: int) -> None:
        if pid == self.pid or pid in self._children:
            return
        with contextlib.suppress(OSError, AttributeError):
            self._children[pid] = os.pidfd_open(pid)

    def _child_gone(self, pid: int, fd: int) -> None:
        # Celery looks too early at one death in five, and then looks again only after
        # seconds; whichever of us is first gets the status.
        try:
            found = os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except OSError:
            found = None
        if found is not None:
            killed = found.si_code != os.CLD_EXITED
            if killed:
                why = f"killed by signal {found.si_status} ({_signal_name(found.si_status)})"
            else:
                why = f"the process exited with status {found.si_status}"
            self.died(
                pid,
                None,
                why,
                signum=found.si_status if killed else None,
                exit_status=None if killed else found.si_status,
            )
        os.close(self._children.pop(pid))
        if self.ctl is not None:
            with contextlib.suppress(OSError):
                channel.send(self.ctl, messages.Gone(op="gone", pid=pid), seconds=0.1)

    # Cancelling.

    def _cancel(self, message: messages.Cancel) -> None:
        pid, run, key = message["pid"], message["run"], message["key"]
        ended = kill_tree.Ended(None, 0, 0)
        why = ""
        if self.cancels:
            target = kill_tree.Target(
                pid,
                run,
                frozenset(message.get("inodes", ())),
                frozenset({self.pid, self.keeper_pid, *self.pool_pids()}) - {pid},
            )
            grace = message["grace_seconds"]
            # A task that has reported that it is over waits for an answer. It comes when the others are gone.
            ended = kill_tree.end_tree(target, grace, lambda: key not in self._over and self.running(pid, run))
        else:
            why = "this worker's pool runs tasks in its only process and cannot cancel them"
        answer = messages.Cancelled(
            op="cancelled", run=run, key=key, signal=ended.signal, pids=ended.pids, killed=ended.killed, why=why
        )
        with contextlib.suppress(OSError):
            channel.send(self.channel_tx, answer)
        self._cancelling.discard(key)
        self._over.discard(key)

    # The end.

    def close(self) -> None:
        """Let the keeper go and wait, for a limited time, until the last output is stored."""
        self._closing = True
        if self.ctl is not None:
            self.ctl.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(_TICK_SECONDS * 2)
        if self.ctl is not None:
            self.ctl.close()
            self.ctl = None
        self._fd_backup.close()
        deadline = time.monotonic() + CLOSE_SECONDS
        poller = select.poll()
        if self.keeper_pidfd is not None:
            poller.register(self.keeper_pidfd, select.POLLIN)
        while not self._keeper_gone():
            left = deadline - time.monotonic()
            if left <= 0:
                log.warning(
                    "Runtail: output is still being stored; keeper and shipper go on without the worker, for %.0f s at "
                    "most (RUNTAIL_ORPHAN_SECONDS)",
                    self.settings.orphan_seconds,
                )
                return
            poller.poll(min(left, 0.2) * 1000)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment of keeper and shipper: they must find this very library and get these settings."""
    environment = {**os.environ, **settings.environment()}
    home = str(Path(__file__).parents[3])
    if Path(home).name not in ("site-packages", "dist-packages"):
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = home + (os.pathsep + before if before else "")
    return environment


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "?"
