"""The secrets of every run that a task's process has served.

A left-behind process was forked from the task's process, or was given work by
it: it may know the secrets of any run of that process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from runtail.masking.mask import Masker

#: The most task processes that are remembered; the one that began longest ago is forgotten first.
MAX_PROCESSES: Final = 1024
#: The most secrets per process; the newest are kept.
MAX_SECRETS: Final = 1000


class Served:
    """Secrets by process id. Only the reader's thread uses this."""

    def __init__(self) -> None:
        self._secrets: dict[int, dict[bytes, None]] = {}
        self._maskers: dict[int, Masker] = {}
        self._changes: dict[int, int] = {}

    def add(self, pid: int, secrets: Iterable[bytes]) -> bool:
        """Remember more secrets of a process; return True if one of them is new."""
        known = self._secrets.setdefault(pid, {})
        new = [secret for secret in secrets if secret not in known]
        known.update(dict.fromkeys(new))
        for oldest in list(known)[: len(known) - MAX_SECRETS]:
            del known[oldest]
        if new:
            self._maskers.pop(pid, None)
            self._changes[pid] = self.changes(pid) + 1
        while len(self._secrets) > MAX_PROCESSES:
            forgotten = next(iter(self._secrets))
            del self._secrets[forgotten]
            self._maskers.pop(forgotten, None)
            self._changes.pop(forgotten, None)
        return bool(new)

    def changes(self, pid: int) -> int:
        """Return how often secrets of a process were added."""
        return self._changes.get(pid, 0)

    def of(self, pid: int) -> list[bytes]:
        """Return the secrets of a process."""
        return list(self._secrets.get(pid, ()))

    def mask(self, pid: int, data: bytes) -> bytes:
        """Mask whole lines."""
        masker = self._maskers.get(pid)
        if masker is None:
            masker = self._maskers[pid] = Masker(self.of(pid))
        return masker.feed(data) + masker.finish()
