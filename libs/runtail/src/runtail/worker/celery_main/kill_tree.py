"""Ends a run: every process that it started, then the task itself.

This runs in a thread of Celery's main process, which is the parent of the pool
children. It takes no lock and imports nothing while it works: the main process
may fork a new pool child at any moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from runtail.worker import procfs

#: How often to check whether the processes are gone.
_POLL_SECONDS = 0.05
#: The most scans for processes that were forked while the others were being stopped.
_MAX_SCANS = 20


@dataclass(frozen=True, slots=True)
class Target:
    """The processes of one execution, found by any of three marks."""

    #: The pool child. Its descendants belong to the run.
    pid: int
    #: The run's id, which is in the environment of the processes that it started.
    run_id: str
    #: The run's pipes: every process that can write to them belongs to the run.
    inodes: frozenset[int]
    #: Never touched: main, keeper, shipper, the other pool children.
    spared: frozenset[int]

    def descendants(self) -> set[int]:
        """Return every process of the run except the pool child and zombies."""
        table = {pid: parent for pid, parent, state in procfs.processes() if state not in ("Z", "X")}
        found: set[int] = set()
        mark = b"\0RUNTAIL_RUN=" + self.run_id.encode() + b"."
        for pid in table:
            if pid == self.pid or pid in self.spared or pid == os.getpid():
                continue
            if self._below(pid, table) or mark in b"\0" + procfs.environment(pid) or procfs.writes_to(pid, self.inodes):
                found.add(pid)
        return found

    def _below(self, pid: int, table: dict[int, int]) -> bool:
        seen: set[int] = set()
        while pid in table and pid not in seen:
            seen.add(pid)
            pid = table[pid]
            if pid == self.pid:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Ended:
    """What was done."""

    #: The strongest signal that was needed; None if no process was left to signal.
    signal: int | None
    #: How many processes were signalled.
    pids: int
    #: How many of them did not end on TERM.
    killed: int


def end_tree(target: Target, grace_seconds: float, still_running: Callable[[], bool]) -> Ended:
    """Stop, TERM, wait, KILL.

    :param grace_seconds: between TERM and KILL.
    :param still_running: False once the pool child is done with the run. It may then wait
        for the rest of the tree to end: it counts as gone and is not signalled any more,
        since it may be running somebody else's task.
    """
    stopped: set[int] = set()
    for _ in range(_MAX_SCANS):
        # A stopped process cannot fork, so this loop ends; without stopping, a fork
        # bomb would always be one process ahead.
        new = target.descendants() - stopped
        if not new:
            break
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        _signal(pid, signal.SIGTERM)
        _signal(pid, signal.SIGCONT)
    child = still_running()
    if child:
        _signal(target.pid, signal.SIGTERM)
    if not stopped and not child:
        return Ended(None, 0, 0)

    def left() -> set[int]:
        return {pid for pid in stopped if procfs.alive(pid)} | target.descendants()

    deadline = time.monotonic() + grace_seconds
    remaining = left()
    while time.monotonic() < deadline and (remaining or (still_running() and procfs.alive(target.pid))):
        time.sleep(_POLL_SECONDS)
        remaining = left()

    killed = len(remaining)
    for _ in range(_MAX_SCANS):
        if not remaining:
            break
        for pid in remaining:
            _signal(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
        remaining = left()
    if still_running() and procfs.alive(target.pid):
        _signal(target.pid, signal.SIGKILL)
        killed += 1
    return Ended(int(signal.SIGKILL if killed else signal.SIGTERM), len(stopped) + (1 if child else 0), killed)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
