"""Ends and removes everything left of a ``runtail dev``, even if that was killed.

Run by file path as ``python -I -S watchdog.py <cookie> <folder>``; standard
library only. It waits for the end of its standard input, which ``runtail dev``
holds open: not even SIGKILL can prevent that end. It looks for processes with
``RUNTAIL_DEV=<cookie>`` in their environment, whatever their session (keeper and
shipper, and processes that tasks left running), and for processes that work in
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
#: A process that is told to end may take this long, if ``runtail dev`` is no longer there to end it more gently.
GRACE_SECONDS = 3.0
#: A killed process may take this long to be gone.
KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02


def carriers(cookie: str, folder: str | None = None) -> list[int]:
    """Return the processes with that cookie in their environment; zombies no longer have an environment.

    :param folder: processes that work in it are ours as well: Redis overwrites its environment with its title.
    """
    wanted = f"{VARIABLE}={cookie}".encode()
    found = []
    # Other systems than Linux have no /proc, and neither keeper nor shipper.
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            works_there = folder is not None and str((process / "cwd").readlink()) == folder
            if works_there or wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def wait_until_gone(cookie: str, seconds: float, but: frozenset[int] = frozenset(), folder: str | None = None) -> bool:
    """Return True once no process is left (see :func:`carriers`), False if some are left after *seconds*."""
    deadline = time.monotonic() + seconds
    while set(carriers(cookie, folder)) - but:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def send(number: signal.Signals, pids: list[int]) -> None:
    """Send a signal to the processes that still exist."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_all(cookie: str, folder: str) -> None:
    """Send TERM, then KILL, to each process that has the cookie or works in the folder."""
    send(signal.SIGTERM, carriers(cookie, folder))
    if wait_until_gone(cookie, GRACE_SECONDS, folder=folder):
        return
    deadline = time.monotonic() + KILL_SECONDS
    # Repeat this: a killed process may have started another one meanwhile.
    while (left := carriers(cookie, folder)) and time.monotonic() < deadline:
        send(signal.SIGKILL, left)
        time.sleep(_POLL_SECONDS)


def main() -> None:
    """Wait until the parent process is gone, and end everything that it left."""
    cookie, folder = sys.argv[1:3]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    end_all(cookie, folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
