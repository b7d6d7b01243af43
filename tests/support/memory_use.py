"""How much memory processes use, and by how much that grows while something happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tests.support.celery_worker import CeleryWorker
from tests.support.watching import Watching


def resident_bytes(pids: Sequence[int]) -> int:
    """Return the resident memory of processes."""
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)


def worker_bytes(member: CeleryWorker) -> int:
    """Return the memory of a worker, its children, keeper, shipper and spools."""
    main = psutil.Process(member.process.pid)
    total = 0
    for process in (main, *main.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            # Shared pages (a forked child has many) are counted once.
            total += process.memory_full_info().pss
    for link in Path(f"/proc/{member.keeper().pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "runtail-spool" in str(link.readlink()):
                total += link.stat().st_blocks * 512
    return total


class Growth(Watching):
    """Asks for a number of bytes twenty times a second. A context manager.

    :param measure: such as ``lambda: resident_bytes([pid])``; a process may end meanwhile.
    """

    def __init__(self, measure: Callable[[], int]) -> None:
        super().__init__("growth")
        self._measure = measure
        self._before = self._most = measure()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.over.wait(0.05):
            with contextlib.suppress(psutil.Error, OSError):
                self._most = max(self._most, self._measure())

    @property
    def grown_bytes(self) -> int:
        """By how much it grew at most."""
        return self._most - self._before
