"""What a task can send besides its output: sections, progress, labels, a title, secrets, commands.

Sections, progress, labels, titles and marks go in band, through the run's own pipe, so that they
appear exactly where the task sent them. A secret goes through the run's private
socket instead, and the reader of the pipe knows it before it reads anything
written after it. Outside a run, nothing is sent.
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

from runtail.masking.encodings import weakness
from runtail.secret import encoded
from runtail.worker.task import current, terminal, threads

#: Longer titles and texts are cut. A sequence then fits into one write of 4 KiB,
#: which the kernel does not mix with writes from other threads and processes.
MAX_TEXT_BYTES = 2000
#: Columns and rows of the terminal that ``sh(tty=True)`` gives.
TTY_SIZE = (40, 120)


@contextlib.contextmanager
def section(title: str) -> Iterator[None]:
    """Group the lines written inside the block under a title that can be folded."""
    if not _say({"op": "group", **_clipped("title", title)}):
        print(title, flush=True)  # noqa: T201 - outside of a run the title is a line
    try:
        yield
    finally:
        _say({"op": "endgroup"})


def progress(value: float, text: str = "") -> None:
    """Show how far the task has come.

    :param value: from 0 to 1; a value outside this range is clamped.
    """
    _say({"op": "progress", "value": min(1.0, max(0.0, float(value))), **_clipped("text", text)})


def mask(secret: str | bytes) -> None:
    """Never store *secret*: from here on ``***`` replaces it, both as it is and in the usual encodings.

    This also works in processes forked from the task's process. A secret of several
    lines is also masked line by line. If a secret is too short to be masked, the log
    says so.
    """
    run = current.current
    data = encoded(secret)
    if run is None or not data.strip():
        return
    if not run.mask([data]):
        warning("A secret is not masked: it is too large, or nobody records this run.")
    flaw = weakness(data)
    if flaw:
        warning(flaw)


def label(key: str, value: str) -> None:
    """Give the run a label by which it can be found, such as ``ticket`` or ``branch``.

    Rules for who may see a run never look at it, and a label that the task declares
    stays as it is. If it cannot be set, the log says so.

    :param key: 1 to 63 letters, digits, ``.``, ``_``, ``/`` or ``-``.
    :param value: 1 to 100 printable characters.
    """
    _say({"op": "label", "key": str(key)[:200], **_clipped("value", value)})


def title(text: str) -> None:
    """Give the run a title for people, such as ``Build of main at 1a2b3c``; the last one counts.

    :param text: one line of at most 200 characters.
    """
    _say({"op": "title", **_clipped("text", text)})


def warning(text: str) -> None:
    """Mark this place with a warning."""
    _say({"op": "warning", **_clipped("text", text)})


def error(text: str) -> None:
    """Mark this place with an error."""
    _say({"op": "error", **_clipped("text", text)})


def sh(
    command: str | Sequence[str],
    *,
    tty: bool = False,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
) -> int:
    """Run a command whose output belongs to this run; return its exit status.

    Like any shell, it waits for the command, but not for processes that the command
    leaves running in the background.

    :param command: a string is given to ``/bin/sh``, a list is run as it is.
    :param tty: give the command a terminal of 120 columns, for programs that write differently
        or later without one. This is slower, and standard error cannot be told apart.
    :param check: raise if the exit status is not 0.
    :param env: variables to add to the environment.
    :raises subprocess.CalledProcessError: if the command fails and *check* is True.
    """
    argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
    environment = dict(os.environ)
    run = threads.run_of_this_thread()
    if run is not None:
        _ask_for_colours(environment, run.environment, tty)
    environment.update(env or {})
    _flush()
    if tty:
        status = _run_on_terminal(argv, environment, cwd)
    else:
        status = subprocess.run(argv, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, check=False).returncode
    if check and status != 0:
        raise subprocess.CalledProcessError(status, command)
    return status


def _ask_for_colours(environment: dict[str, str], ours: frozenset[str], tty: bool) -> None:
    """Ask a command whose output goes to the run for colours, and for no animation unless it has a terminal.

    :param ours: variables that were set for the run, not by the user.
    """
    if "NO_COLOR" not in environment:
        environment.setdefault("FORCE_COLOR", "1")
    if not tty:
        # The rich library takes forced colours as a reason to animate.
        environment.setdefault("TTY_INTERACTIVE", "0")
    elif "TTY_INTERACTIVE" in ours:
        del environment["TTY_INTERACTIVE"]


def _run_on_terminal(argv: list[str], environment: Mapping[str, str], cwd: str | Path | None) -> int:
    import fcntl
    import termios

    ours, theirs = os.openpty()
    try:
        attributes: list[Any] = termios.tcgetattr(theirs)
        # Otherwise the terminal turns \n into \r\n and echoes its input.
        attributes[1] &= ~termios.OPOST
        attributes[3] &= ~(termios.ECHO | termios.ECHONL)
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *TTY_SIZE, 0, 0))
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
    run = threads.run_of_this_thread()
    return run.fd if run is not None else 1


def _say(message: dict[str, Any]) -> bool:
    run = threads.run_of_this_thread()
    if run is None:
        return False
    _flush()
    run.say(message)
    return True


def _clipped(name: str, text: object) -> dict[str, Any]:
    data = str(text).encode("utf-8", "surrogatepass")
    clipped = {name: data[:MAX_TEXT_BYTES].decode("utf-8", "ignore")}
    # The masking code must know that a secret may have been cut in two.
    return {**clipped, "cut": True} if len(data) > MAX_TEXT_BYTES else clipped


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
