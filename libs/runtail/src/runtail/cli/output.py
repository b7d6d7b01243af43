"""The program's two outputs: a failed write ends the program with a sentence and its own exit status."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import IO, Any

import click

from runtail.cli import exits


class Unwritable(click.ClickException):
    """An output cannot be written any more: the disk is full, or the output is closed."""

    exit_code = exits.TROUBLE

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output could not be written: {error.strerror}")

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message."""
        click.echo(f"runtail: {self.message}", file=file or sys.stderr)


class Unread(Unwritable):
    """Nobody reads the output any more; the former reader knows that, so nothing is said."""

    exit_code = exits.CLOSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Say nothing."""


class _Output(io.RawIOBase):
    """A descriptor that raises :class:`Unwritable` once and then discards everything still buffered."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._failed = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: Any) -> int:
        if self._failed:
            return memoryview(data).nbytes
        try:
            return os.write(self._fd, data)
        except OSError as error:
            self._failed = True
            raise (Unread if error.errno == errno.EPIPE else Unwritable)(error) from None


def guard() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr`` with such outputs, except the replacements that tests install.

    A stdin that was closed before the program started is replaced with an empty one.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for as long as the program lives
    for name, fd in (("stdout", 1), ("stderr", 2)):
        given: io.TextIOWrapper | None = getattr(sys, name)
        if given is not getattr(sys, f"__{name}__"):
            continue
        try:
            os.fstat(fd)
        except OSError:
            # It was closed before the program started, and its number must not be given to another file. A caller who
            # closes stderr wants no messages; on stdout, writing must fail because the output was requested.
            mode = os.O_RDONLY if name == "stdout" else os.O_WRONLY
            os.dup2(os.open(os.devnull, mode | os.O_CLOEXEC), fd)
        encoding, errors = (given.encoding, given.errors) if given else ("utf-8", "backslashreplace")
        lines = name == "stderr" or os.isatty(fd)
        raw = io.BufferedWriter(_Output(fd))
        setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=lines))


def flush() -> None:
    """Write buffered output.

    :raises Unwritable: if that is not possible.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
