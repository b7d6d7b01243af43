"""What one run's viewers must all receive: parsed once, compared byte by byte by everybody else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter

from tests.bench.dialects import read_line


class Stream:
    """The frames of one run in the order in which the first viewer to get each received them.

    Whoever gets a frame first has it parsed and every line checked; a viewer
    behind compares bytes.

    :param first: the number of the first line that will come.
    """

    def __init__(self, first: int = 1) -> None:
        self.first = first
        self.data = bytearray()
        #: Where each frame ends in :attr:`data`; the number of the line after it; its lines' times (µs).
        self.ends: list[int] = []
        self.next_lines: list[int] = []
        self.stamps: list[list[int]] = []
        self.gaps = 0

    @property
    def next_line(self) -> int:
        """The number the next new line must have."""
        return self.next_lines[-1] if self.next_lines else self.first

    def extend(self, frame: bytes, lines: list[bytes]) -> None:
        """Take a frame nobody had before."""
        after, stamps, gaps = check(lines, self.next_line)
        self.gaps += gaps
        self.data += frame
        self.ends.append(len(self.data))
        self.next_lines.append(after)
        self.stamps.append(stamps)

    def boundary(self, offset: int) -> int:
        """Return the first end of a frame at or behind an offset."""
        return 0 if offset == 0 else self.ends[bisect_left(self.ends, offset)]

    def line_at(self, offset: int) -> int:
        """Return the number of the line that follows the frames before an offset."""
        index = bisect_right(self.ends, offset)
        return self.next_lines[index - 1] if index else self.first

    def offset_of(self, line: int) -> int:
        """Return where a frame begins whose first line is *line*; -1 if none does."""
        if line == self.first:
            return 0
        index = bisect_left(self.next_lines, line)
        found = index < len(self.next_lines) and self.next_lines[index] == line
        return self.ends[index] if found else -1


def check(lines: list[bytes], expected: int) -> tuple[int, list[int], int]:
    """Check that lines follow; return the number after them, their times (µs), and how many numbers jumped."""
    stamps, gaps = [], 0
    for line in lines:
        number, stamp = read_line(line)
        gaps += number != expected
        expected = number + 1
        stamps.append(stamp)
    return expected, stamps, gaps


class Deliveries:
    """Who received what when, and what that says about a window of time.

    :param streams: by number.
    """

    def __init__(self, streams: list[Stream]) -> None:
        self._streams = streams
        #: (stream, from, to, when) of bytes that came, and (times, when) of frames that are in no stream.
        self.pieces: list[tuple[int, int, int, float]] = []
        self.others: list[tuple[list[int], float]] = []

    def summary(self, begin: float, end: float) -> dict[str, float]:
        """Return what happened between two times (seconds since 1970).

        Lines and frames are those received in the window; delays (ms) are of
        lines written in it, whenever they came, and missing if none did.
        """
        lines = frames = size = 0
        received: Counter[tuple[int, int, int]] = Counter()
        for number, start, stop, at in self.pieces:
            stream = self._streams[number]
            first, last = bisect_right(stream.ends, start), bisect_right(stream.ends, stop)
            inside = begin <= at < end
            if inside:
                frames += last - first
                size += stop - start
            for index in range(first, last):
                if inside:
                    lines += len(stream.stamps[index])
                received[number, index, int(at * 1000)] += 1
        delays: Counter[int] = Counter()
        for (number, index, at_ms), viewers in received.items():
            for stamp in self._streams[number].stamps[index]:
                if begin <= stamp / 1e6 < end:
                    delays[max(0, at_ms - stamp // 1000)] += viewers
        for stamps, at in self.others:
            if begin <= at < end:
                lines, frames = lines + len(stamps), frames + 1
            for stamp in stamps:
                if begin <= stamp / 1e6 < end:
                    delays[max(0, int(at * 1000) - stamp // 1000)] += 1
        result = {"lines": float(lines), "frames": float(frames), "bytes": float(size)}
        if not delays:
            return result
        return result | {f"p{share:g}_ms": _percentile(delays, share) for share in (50, 99, 100)}


def _percentile(counts: Counter[int], percent: float) -> float:
    wanted = counts.total() * percent / 100
    seen = value = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            break
    return float(value)
