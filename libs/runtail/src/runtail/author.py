"""What a task's author can say besides printing: sections, progress, secrets, commands.

Everything goes in band, through the run's own pipe, so that it stands exactly
where it was said: what was printed before ``mask(secret)`` is stored before it,
what comes after is masked. Outside of a run nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtail.capture import terminal, threads

#: Shorter secrets would mask half the log.
MIN_SECRET_CHARS = 3
#: Longer titles and texts are cut. A sequence then fits into one write of 4 KiB,
#: which the kernel does not mix with those of other threads and processes.
MAX_TEXT_BYTES = 2000
#: Columns and rows of the terminal that ``sh(tty=True)`` gives.
_TTY_SIZE = (40, 120)


@contextlib.contextmanager
def section(title: str) -> Iterator[None]:
    """Group the lines written inside under a title that can be folded."""
    if not _say({"op": "group", "title": _clip(title)}):
        print(title, flush=True)  # noqa: T201 - outside of a run the title is a line
    try:
        yield
    finally:
        _say({"op": "endgroup"})


def progress(value: float, text: str = "") -> None:
    """Show how far the task has come.

    :param value: from 0 to 1; what lies outside is moved to the edge.
    """
    _say({"op": "progress", "value": min(1.0, max(0.0, float(value))), "text": _clip(text)})


def mask(secret: str) -> None:
    """Never store *secret*: from here on it is replaced by ``***``.

    The lines of a secret of several lines are masked one by one; lines shorter
    than three characters are left.
    """
    for line in lines_of_secret(secret):
        _say({"op": "mask", "secret": line})


def lines_of_secret(secret: str) -> list[str]:
    """Return what of *secret* is masked: its lines, without those that are too short."""
    lines = (line.strip() for line in secret.splitlines())
    return [line for line in lines if len(line) >= MIN_SECRET_CHARS]


def warning(text: str) -> None:
    """Mark this place with a warning."""
    _say({"op": "warning", "text": _clip(text)})


def error(text: str) -> None:
    """Mark this place with an error."""
    _say({"op": "error", "text": _clip(text)})


def sh(
    command: str | Sequence[str],
    *,
    tty: bool = False,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
) -> int:
    """Run a command whose output belongs to this run; return its exit status.

    Like any shell it waits for the command, not for what that left behind in
    the background.

    :param command: a text is given to ``/bin/sh``, a list is run as it is.
    :param tty: give it a terminal of 120 columns, for programs that write other
        or later without one. Slower, and standard error cannot be told apart.
    :param check: raise if the exit status is not 0.
    :param env: added to the environment.
    :raises subprocess.CalledProcessError: if it fails and *check* is True.
    """
    argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
    environment = dict(os.environ)
    current = threads.run_of_this_thread()
    if tty and current is not None and "TTY_INTERACTIVE" in current.environment:
        # Set for programs without a terminal.
        del environment["TTY_INTERACTIVE"]
    environment.update(env or {})
    _flush()
    if tty:
        status = _run_on_terminal(argv, environment, cwd)
    else:
        status = subprocess.run(argv, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, check=False).returncode
    if check and status != 0:
        raise subprocess.CalledProcessError(status, command)
    return status


def _run_on_terminal(argv: list[str], environment: Mapping[str, str], cwd: str | Path | None) -> int:
    import fcntl
    import termios

    ours, theirs = os.openpty()
    try:
        attributes: list[Any] = termios.tcgetattr(theirs)
        # Otherwise the terminal turns \n into \r\n and repeats what it is sent.
        attributes[1] &= ~termios.OPOST
        attributes[3] &= ~(termios.ECHO | termios.ECHONL)
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *_TTY_SIZE, 0, 0))
        name = os.ttyname(theirs)
        process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=cwd)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    with process:
        terminal.copy(ours, name, _output(), process)
        return process.wait()


def _output() -> int:
    current = threads.run_of_this_thread()
    return current.fd if current is not None else 1


def _say(message: dict[str, Any]) -> bool:
    current = threads.run_of_this_thread()
    if current is None:
        return False
    _flush()
    current.say(message)
    return True


def _clip(text: object) -> str:
    return str(text).encode("utf-8", "surrogatepass")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
