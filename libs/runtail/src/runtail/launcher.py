"""``runtail worker -- celery …``: starts a Celery worker and limits how long its shutdown takes.

::

    runtail worker ── celery main ─┬─ pool child × N
                                   └─ keeper ── shipper

Standard library only: this process lives as long as the worker does. It becomes the parent of the processes that the
worker leaves (as PID 1 of a container, otherwise as a subreaper), so that it can

- end the tasks still running ``RUNTAIL_WORKER_DRAIN_SECONDS`` after SIGTERM: it sends Celery SIGQUIT first, and SIGKILL
  ``RUNTAIL_CANCEL_GRACE_SECONDS`` later;
- wait for keeper and shipper, which store the tasks' last output, however Celery ended;
- end all other processes that are left, such as those that a task started.

Celery has its own process group, so that it gets each signal once, and from this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from runtail.errors import ConfigError
from runtail.logline import Writer, read_format, read_level
from runtail.settings import Settings, load_settings
from runtail.worker import procfs, subreaper

USAGE = """\
Usage: runtail worker -- COMMAND [ARGUMENT]...

Start a Celery worker, and limit how long its shutdown takes: runtail worker -- celery --app APP worker
RUNTAIL_WORKER_DRAIN_SECONDS after SIGTERM the tasks that still run are interrupted.
"""

#: Exit statuses, as in a shell.
_USAGE, _NOT_EXECUTABLE, _NOT_FOUND, _SIGNALLED = 2, 126, 127, 128
#: Forwarded to Celery. To Celery, INT means the same as TERM, and QUIT means that its tasks end.
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1
#: Between TERM and KILL for processes left after Celery's end.
LEFTOVER_SECONDS = 5.0
#: Keeper and shipper end within ``RUNTAIL_ORPHAN_SECONDS``; a stopped or stuck one gets this much longer.
STUCK_SECONDS = 5.0
#: How often to look for processes that end without a notification.
_LOOK_SECONDS = 0.2


def main(arguments: Sequence[str]) -> int:
    """Run the command to its end.

    :param arguments: the arguments after ``runtail worker``.
    :returns: the command's exit status; 128 or more if a signal ended it.
    """
    command = list(arguments)
    if command[:1] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    if command[:1] == ["--"]:
        del command[0]
    if not command or command[0].startswith("-"):
        sys.stderr.write(USAGE)
        return _USAGE
    say = Writer(read_format(os.environ), read_level(os.environ), "worker", "runtail.launcher")
    try:
        settings = load_settings(os.environ)
    except ConfigError as error:
        say.error(str(error))
        return _USAGE
    # Also look next to this interpreter: a virtual environment need not be on the PATH.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    program = shutil.which(command[0], path=path)
    if program is None:
        say.error(f"cannot start {command[0]}: there is no such program on the PATH")
        return _NOT_FOUND
    return Launcher([program, *command[1:]], settings, say).run()


class Launcher:
    """One command and the processes it starts.

    :param command: a path and arguments.
    """

    def __init__(self, command: Sequence[str], settings: Settings, say: Writer) -> None:
        self._say = say
        self._command = command
        self._name = Path(command[0]).name
        self._drain_seconds = settings.worker_drain_seconds
        self._grace_seconds = settings.cancel_grace_seconds
        self._orphan_seconds = settings.orphan_seconds
        self._libc = ctypes.CDLL(None)
        self._pid = 0
        #: Wait status of the command, None while it runs.
        self._status: int | None = None
        #: True once this process has told the command to stop.
        self._stopping = False
        #: When Celery gets QUIT and when it gets KILL, by the monotonic clock; None if nothing is planned.
        self._quit_at: float | None = None
        self._kill_at: float | None = None

    def run(self) -> int:
        """Start the command and return its exit status once none of its processes are left."""
        waited_for = {signal.SIGCHLD, *_FORWARDED}
        # A process that ignores SIGCHLD has no children to wait for.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
        subreaper.become_subreaper()
        try:
            self._start({signal.Signals(number) for number in before})
        except OSError as error:
            self._say.error(f"cannot start {self._name}: {error.strerror}")
            return _NOT_EXECUTABLE
        while self._status is None:
            found = signal.sigtimedwait(waited_for, self._timeout_seconds())
            if found is not None and found.si_signo != signal.SIGCHLD:
                self._hand_on(signal.Signals(found.si_signo))
            self._keep_time()
            self._reap()
        self._tell_end()
        self._end_the_rest(waited_for)
        code = os.waitstatus_to_exitcode(self._status)
        return code if code >= 0 else _SIGNALLED - code

    def _start(self, mask: set[signal.Signals]) -> None:
        ours = os.getpid()

        def prepare() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            # Without this process nothing limits how long the worker's shutdown takes, so the worker begins to stop.
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != ours:
                os._exit(_SIGNALLED + signal.SIGTERM)

        # This process has one thread, so code may run between fork and exec.
        process = subprocess.Popen(self._command, process_group=0, preexec_fn=prepare)
        # This process collects all its children itself.
        process.returncode = 0
        self._pid = process.pid

    # While the command runs.

    def _timeout_seconds(self) -> float:
        planned = [moment for moment in (self._quit_at, self._kill_at) if moment is not None]
        return max(0.0, min(planned) - time.monotonic()) if planned else 3600.0

    def _hand_on(self, number: signal.Signals) -> None:
        if number == signal.SIGTERM and self._stopping:
            return
        if number in _STOPPING and not self._stopping:
            self._stopping = True
            self._quit_at = time.monotonic() + self._drain_seconds
            self._say.info(
                f"{number.name}: running tasks may go on for {self._drain_seconds:g} s (RUNTAIL_WORKER_DRAIN_SECONDS)"
            )
        if number == signal.SIGQUIT:
            self._tell_to_quit()
            return
        self._kill(number)

    def _tell_to_quit(self) -> None:
        self._stopping, self._quit_at = True, None
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._grace_seconds
        self._kill(signal.SIGQUIT)

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._quit_at is not None and now >= self._quit_at:
            self._say.warning(f"{self._drain_seconds:g} s are over: the tasks that still run are interrupted")
            self._tell_to_quit()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._say.error(
                f"{self._name} has not ended {self._grace_seconds:g} s after SIGQUIT and is killed "
                "(RUNTAIL_CANCEL_GRACE_SECONDS)"
            )
            self._kill(signal.SIGKILL)

    def _kill(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._status = status

    def _tell_end(self) -> None:
        assert self._status is not None
        code = os.waitstatus_to_exitcode(self._status)
        if code < 0:
            self._say.error(f"{self._name} was killed by signal {-code}")
        elif code and not self._stopping:
            self._say.error(f"{self._name} ended with status {code}; the lines before this one say why")

    # After its end.

    def _end_the_rest(self, waited_for: set[signal.Signals]) -> None:
        """Wait for keeper and shipper, and end everything else."""
        began = time.monotonic()
        told: set[int] = set()
        while True:
            self._reap()
            recorders, others = self._left()
            if not recorders and not others:
                return
            passed = time.monotonic() - began
            for pid in others:
                if pid not in told or passed >= LEFTOVER_SECONDS:
                    self._signal(pid, signal.SIGKILL if pid in told else signal.SIGTERM)
                    told.add(pid)
            if passed >= self._orphan_seconds + STUCK_SECONDS:
                for pid in recorders:
                    self._say.error(f"process {pid}, which stores what tasks wrote, does not end and is killed")
                    self._signal(pid, signal.SIGKILL)
            # A signal that arrives now changes nothing: this loop already has a time limit.
            signal.sigtimedwait(waited_for, _LOOK_SECONDS)

    def _left(self) -> tuple[set[int], set[int]]:
        """Return the live descendants of this process: keepers and shippers, and the others."""
        parents = {pid: parent for pid, parent, state in procfs.processes() if state not in ("Z", "X")}
        ours = {os.getpid()}
        grown = True
        while grown:
            below = {pid for pid, parent in parents.items() if parent in ours}
            grown = not below <= ours
            ours |= below
        ours.discard(os.getpid())
        recorders = {pid for pid in ours if _is_recorder(pid)}
        return recorders, ours - recorders

    @staticmethod
    def _signal(pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_recorder(pid: int) -> bool:
    """Recognise a keeper or a shipper by its command line (see ``supervisor.py``)."""
    words = procfs.command(pid)
    return b"runtail.worker.shipper" in words or any(
        word.endswith(b"/runtail/worker/keeper/__main__.py") for word in words
    )
