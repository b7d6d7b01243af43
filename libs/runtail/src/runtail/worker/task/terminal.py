"""Copies a command's output from its terminal into a run."""

from __future__ import annotations

import errno
import os
import secrets
import select
import subprocess
import threading
import time

from runtail.worker.task.redirect import write_all

#: How soon the end of a command is noticed while another process keeps its terminal open.
_POLL_SECONDS = 0.05
#: How long the terminal may take to pass on its remaining output after the command has ended.
_DRAIN_SECONDS = 2.0


def copy(ours: int, name: str, out: int, process: subprocess.Popen[bytes]) -> None:
    """Copy from a terminal until the command has ended and all its output was copied; then close the terminal.

    If another process still has the terminal open by then, such as a server that the command started in the
    background, a thread goes on copying that process's output for as long as it writes.

    :param ours: the controlling end.
    :param name: the other end's path.
    :param out: where the output goes.
    """
    hung_up = True
    try:
        hung_up = _copy_while_running(ours, out, process) or _drain(ours, name, out)
    finally:
        if hung_up:
            os.close(ours)
    if not hung_up:
        threading.Thread(target=_copy_on, args=(ours, os.dup(out)), name="runtail-terminal", daemon=True).start()


def _copy_while_running(ours: int, out: int, process: subprocess.Popen[bytes]) -> bool:
    """Return True if every process has closed the terminal, False if only the command has ended."""
    poller = select.poll()
    poller.register(ours, select.POLLIN)
    asked_at = time.monotonic()
    while True:
        ready = poller.poll(_POLL_SECONDS * 1000)
        if not ready or time.monotonic() - asked_at >= _POLL_SECONDS:
            asked_at = time.monotonic()
            if process.poll() is not None:
                return False
        if ready:
            data = _read(ours)
            if not data:
                return True
            write_all(out, data)


def _drain(ours: int, name: str, out: int) -> bool:
    """Copy the output that the command wrote before it ended. Return as :func:`_copy_while_running` does.

    Data that was written to a terminal comes out with a delay, so an empty terminal proves nothing. A mark that is
    written after the output comes out after it.
    """
    try:
        theirs = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    mark, held = b"\x00" + secrets.token_hex(16).encode() + b"\x00", b""
    unsent = mark
    deadline = time.monotonic() + _DRAIN_SECONDS
    poller = select.poll()
    poller.register(ours, select.POLLIN)
    try:
        while mark not in held and time.monotonic() < deadline:
            if unsent:
                try:
                    unsent = unsent[os.write(theirs, unsent) :]
                except BlockingIOError:
                    pass  # full: read first
            if poller.poll(_POLL_SECONDS * 1000):
                held += _read(ours)
                # Keep what may still become the mark.
                ready = len(held) - len(mark)
                if mark not in held and ready > 0:
                    write_all(out, held[:ready])
                    held = held[ready:]
    finally:
        os.close(theirs)
    write_all(out, held.replace(mark, b""))
    return False


def _copy_on(ours: int, out: int) -> None:
    try:
        while data := _read(ours):
            write_all(out, data)
    except OSError:
        pass  # nobody reads the run's output any more
    finally:
        os.close(ours)
        os.close(out)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError as failure:
        # This is how Linux reports that the last writer has closed a terminal.
        if failure.errno == errno.EIO:
            return b""
        raise
