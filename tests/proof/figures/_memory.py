"""How much memory a process needs at most while something happens."""

from __future__ import annotations

import threading

import psutil


class Memory(threading.Thread):
    """Watches a process's resident memory from :meth:`start` to :meth:`close`."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory", daemon=True)
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._before = self._most = self._process.memory_info().rss

    def run(self) -> None:
        """Look twenty times a second."""
        while not self._over.wait(0.05):
            self._most = max(self._most, self._process.memory_info().rss)

    def close(self) -> int:
        """Stop watching; return by how much it grew at most, in bytes."""
        self._over.set()
        self.join(30)
        return self._most - self._before
