"""The process table, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator


def processes() -> Iterator[tuple[int, int, str]]:
    """Yield (pid, parent's pid, state letter) of every process."""
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            found = status(int(name))
            if found is not None:
                yield (int(name), *found)


def status(pid: int) -> tuple[int, str] | None:
    """Return (parent's pid, state letter), or None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            data = file.read()
    except OSError:
        return None
    # The name is in parentheses and may contain anything, including parentheses.
    fields = data[data.rfind(b")") + 2 :].split(b" ", 2)
    return int(fields[1]), fields[0].decode("ascii")


def alive(pid: int) -> bool:
    """Return True if the process exists and is not a zombie."""
    found = status(pid)
    return found is not None and found[1] not in ("Z", "X")


def command(pid: int) -> list[bytes]:
    """Return the words of the process's command line; an empty list if they cannot be read."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return file.read().split(b"\0")
    except OSError:
        return []


def environment(pid: int) -> bytes:
    """Return the environment that the process was started with; empty if it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


def writes_to(pid: int, inodes: frozenset[int]) -> bool:
    """Return True if the process holds a writing end of one of these pipes."""
    wanted = {f"pipe:[{inode}]" for inode in inodes}
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                try:
                    if os.readlink(entry.path) in wanted and _is_writing(pid, entry.name):  # noqa: PTH115
                        return True
                except OSError:
                    continue
    except OSError:
        return False
    return False


def _is_writing(pid: int, fd: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{fd}", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(b"flags:"):
                return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False
