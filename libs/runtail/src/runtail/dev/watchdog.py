"""Ends and removes what is left of a ``runtail dev``, also when that was killed.

Run by file path as ``python -I -S watchdog.py <cookie> <folder>``; standard
library only. It waits for the end of its standard input, which ``runtail dev``
holds open: no signal, however hard, can keep that end from coming. What it
looks for carries ``RUNTAIL_DEV=<cookie>`` in its environment, whatever session
it made for itself: keeper and shipper, and what tasks left running; or works in
the folder, as the store does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

VARIABLE = "RUNTAIL_DEV"
#: What is told to end may take this long, when nobody is left to ask it more kindly.
GRACE_SECONDS = 3.0
#: A killed process may take this long to be gone.
KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02


def carriers(cookie: str, folder: str | None = None) -> list[int]:
    """Return the processes with that cookie in their environment; zombies have none any more.

    :param folder: those that work in it are ours as well: Redis writes its title over its environment.
    """
    wanted = f"{VARIABLE}={cookie}".encode()
    found = []
    # Elsewhere than on Linux there is no /proc, and no keeper and shipper either.
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            works_there = folder is not None and str((process / "cwd").readlink()) == folder
            if works_there or wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def wait_until_gone(cookie: str, seconds: float, but: frozenset[int] = frozenset(), folder: str | None = None) -> bool:
    """Return True once no process is left (see :func:`carriers`), False if some are after *seconds*."""
    deadline = time.monotonic() + seconds
    while set(carriers(cookie, folder)) - but:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def send(number: signal.Signals, pids: list[int]) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_all(cookie: str, folder: str) -> None:
    """TERM, then KILL, whatever carries the cookie or works in the folder."""
    send(signal.SIGTERM, carriers(cookie, folder))
    if wait_until_gone(cookie, GRACE_SECONDS, folder=folder):
        return
    deadline = time.monotonic() + KILL_SECONDS
    # Again and again: what is killed may have started another meanwhile.
    while (left := carriers(cookie, folder)) and time.monotonic() < deadline:
        send(signal.SIGKILL, left)
        time.sleep(_POLL_SECONDS)


def main() -> None:
    """Wait until whoever started us is gone, and end everything that it left."""
    cookie, folder = sys.argv[1:3]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    end_all(cookie, folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
