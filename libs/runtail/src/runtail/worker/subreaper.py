"""Processes that a task left behind: adopted while it runs, reaped when it is over.

The pool child is a subreaper, so that a daemon started by a task stays below
the child, where a cancel finds it. The price is that we must reap its zombies.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import subprocess

from runtail.worker import procfs

_PR_SET_CHILD_SUBREAPER = 36
#: Added to a pool child's OOM score: the kernel should pick the task, never the
#: keeper or the shipper, whose death would affect every run of the worker.
_OOM_SCORE = 300


def become_subreaper() -> bool:
    """Adopt orphaned descendants from now on; return False where the system does not support it."""
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def offer_to_oom_killer() -> None:
    """Make this process a likelier victim than the processes that keep its output."""
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:  # noqa: PTH123
            score = min(1000, int(file.read()) + _OOM_SCORE)
            file.seek(0)
            file.write(str(score))


def reap() -> int:
    """Reap dead children that nobody else will reap; return how many.

    Children that ``subprocess`` or ``multiprocessing`` started are left to
    them: if we took their exit status, their owners would see 0.
    """
    try:
        if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return 0
    except ChildProcessError:
        return 0
    owned = _owned()
    count = 0
    for pid, parent, state in procfs.processes():
        if parent == os.getpid() and state == "Z" and pid not in owned:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
                count += 1
    return count


def _owned() -> set[int]:
    """Return the pids of children that some Python object waits for."""
    # This is slow (it looks at all objects), and is done only when there is a zombie.
    pids: set[int] = set()
    for thing in gc.get_objects():
        with contextlib.suppress(Exception):
            if isinstance(thing, subprocess.Popen):
                pids.add(thing.pid)
            elif type(thing).__module__.startswith(("multiprocessing.", "billiard.")):
                # A Process that was started; any other value raises.
                pids.add(thing._popen.pid)
    return pids
