"""What ``f.counts`` has written, by its own notes and by the stored log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Note:
    """What had left the task's process when it was noted."""

    pid: int
    lines: int
    size_bytes: int
    #: Of the last line, seconds since 1970.
    at: float

    @classmethod
    def read(cls, folder: Path, run_id: str, attempt: int = 1) -> Self | None:
        """Read the note of an attempt; None before its first line."""
        path = folder / f"{run_id}.{attempt}"
        words = path.read_text().split() if path.exists() else []
        return cls(int(words[0]), int(words[1]), int(words[2]), float(words[3])) if len(words) == 4 else None


@dataclass(frozen=True, slots=True)
class Stored:
    """The lines of one attempt in the log."""

    #: (number, seconds since 1970) of every whole line, in their order.
    lines: list[tuple[int, float]]
    size_bytes: int

    @classmethod
    def parse(cls, output: bytes, attempt: int = 1) -> Self:
        """Read the lines of an attempt out of a run's output."""
        mark, lines, size = f"{attempt} ".encode(), [], 0
        for line in output.splitlines(keepends=True):
            if line.startswith(mark):
                size += len(line)
                if line.endswith(b"\n"):
                    words = line.split()
                    lines.append((int(words[1]), float(words[2])))
        return cls(lines, size)

    @property
    def whole(self) -> bool:
        """The numbers go from 1 on, without a gap and without a double."""
        return [number for number, _ in self.lines] == list(range(1, len(self.lines) + 1))

    def missing_bytes(self, note: Note) -> int:
        """How much of what had left the process is not stored."""
        return max(0, note.size_bytes - self.size_bytes) if self.whole else note.size_bytes
