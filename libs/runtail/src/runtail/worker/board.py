"""A run's board: a file in memory on which programs that a task started announce secrets.

Such programs do not inherit the run's private socket. But every process of the same user can open the file through
``/proc`` of the task's process, in any language (``runtail mask``). The reader of the pipe looks at the board
whenever it looks into the private socket. A secret that was announced before it was printed is therefore known before
it is read, and nobody has to answer.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from runtail.worker.announcing import MAX_BYTES, pack, unpack

log = logging.getLogger(__name__)

#: The environment variable with the board's path.
VARIABLE = "RUNTAIL_BOARD"
_NAME = "runtail-board"


def create() -> int:
    """Return the descriptor of a new board.

    :raises OSError: if the process is out of descriptors or memory.
    """
    return os.memfd_create(_NAME, os.MFD_CLOEXEC)


def path_of(fd: int) -> str:
    """Return the path by which other processes find a board of this process."""
    return f"/proc/{os.getpid()}/fd/{fd}"


def post(path: str, secret: bytes) -> None:
    """Announce a secret on the board of another process's run.

    :raises OSError: if the board is not there any more, or belongs to another user.
    """
    # After the run the number may belong to any other file.
    if not str(Path(path).readlink()).startswith(f"/memfd:{_NAME}"):
        raise FileNotFoundError("the run is over")
    line = pack([secret]) + b"\n"
    if len(line) > MAX_BYTES:
        raise OSError("it is too large")
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        if os.write(fd, line) != len(line):
            raise OSError("no memory is left")
    finally:
        os.close(fd)


class Board:
    """A reader of a board; each has its own position.

    :param fd: of the board; whoever opened it closes it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._read = 0
        self._file = self._size()[1:]

    def news(self) -> list[bytes]:
        """Return the secrets that were announced since the last call."""
        size, *file = self._size()
        if size <= self._read or tuple(file) != self._file:
            return []
        # What has no end yet is still being written, and nothing was printed after it.
        *lines, _ = os.pread(self._fd, size - self._read, self._read).split(b"\n")
        self._read += sum(len(line) + 1 for line in lines)
        found: list[bytes] = []
        for line in lines:
            try:
                found += unpack(line)
            except (ValueError, TypeError):
                log.warning("something else than a secret was written on the board of a run")
        return found

    def _size(self) -> tuple[int, int, int]:
        """Return the size of the file, and what file it is: a task may have closed every descriptor that it found."""
        try:
            found = os.fstat(self._fd)
        except OSError:
            return 0, 0, 0
        return found.st_size, found.st_dev, found.st_ino
