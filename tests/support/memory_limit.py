"""A control group that ends what needs more memory than it may have, as a container's does."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.support.waiting import wait_for

_MOUNT = Path("/sys/fs/cgroup")


class MemoryLimit:
    """One group, with the kernel's first or second interface. A context manager: made, and taken away at the end.

    :param limit_bytes: of everything in it, also of what the kernel keeps for it.
    :raises OSError: there is no such interface, or it is not ours to use.
    """

    def __init__(self, limit_bytes: int) -> None:
        first = (_MOUNT / "memory" / "memory.limit_in_bytes").exists()
        if not first and "memory" not in (_MOUNT / "cgroup.controllers").read_text().split():
            raise OSError("no control groups for memory here")
        self._folder = (_MOUNT / "memory" if first else _MOUNT) / f"runtail-test-{uuid.uuid4().hex[:8]}"
        self._limit, self._peak, self._kills = (
            ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")
            if first
            else ("memory.max", "memory.peak", "memory.events")
        )
        self._limit_bytes = limit_bytes

    def __enter__(self) -> Self:
        self._folder.mkdir()
        (self._folder / self._limit).write_text(str(self._limit_bytes))
        return self

    def __exit__(self, *_error: object) -> None:
        # Whoever is in it is being ended by those who started it.
        wait_for(lambda: not (self._folder / "cgroup.procs").read_text(), 30)
        self._folder.rmdir()

    def command(self, command: Sequence[str | Path]) -> list[str | Path]:
        """The command, run by a shell that enters the group first and then becomes it."""
        enter = f'echo $$ > "{self._folder}/cgroup.procs" && exec "$@"'
        return ["sh", "-c", enter, "sh", *command]

    @property
    def peak_bytes(self) -> int:
        """The most that was in use at once."""
        return int((self._folder / self._peak).read_text())

    @property
    def kills(self) -> int:
        """Processes that were ended because the group was full."""
        counts = dict(line.split() for line in (self._folder / self._kills).read_text().splitlines())
        return int(counts["oom_kill"])


def may_limit() -> bool:
    """Whether this machine lets us."""
    try:
        with MemoryLimit(1 << 30):
            return os.geteuid() == 0
    except OSError:
        return False
