"""A search through a stored log, as a stream of JSON lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Final

import orjson

from runtail.log.reader import Head, locate
from runtail.log.scan import backwards, forwards
from runtail.protocol import OUTPUT, Clip, Entry
from runtail.store import Store
from runtail_web.matching import Hit, Matcher, beginning, ending

#: How often a search reports its progress.
REPORT_SECONDS = 0.25
#: Entries per read; an entry has at most 64 KiB or so.
ENTRIES = 32
#: An answer ends after this much: a line may be full of hits.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
ALL: Final = Clip(1)


class Search:
    """One search: from a line to the log's current end, or back to its beginning.

    :param line: the line to begin at; None: the log's first line or, for a search backwards, its last.
    :param limit: stop after this many lines with hits.
    :param seconds: stop after this time.
    :param clip: the lines that the reader may see. What is outside is not looked at.
    :raises RunNotFound: if there is no such run.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        matcher: Matcher,
        line: int | None,
        *,
        forward: bool,
        limit: int,
        seconds: float,
        clip: Clip = ALL,
    ) -> None:
        first = clip.since(line or 1).first if forward else clip.lines(2**53 if line is None else line)
        # Begin one line before or after: its entry may hold the rest of a long line that begins or ends there.
        begin = max(1, first - 1) if forward else first + 1
        location = locate(store, run_id, begin if forward else begin + 1)
        #: The log that is searched, as it was at the beginning.
        self.head: Head = location.head
        self._clip = clip
        self._last_line = clip.lines(self.head.line - 1)
        self._forward = forward
        self._matcher = matcher
        self._limit = limit
        self._until = time.monotonic() + seconds
        self._hits = 0
        self._answered_bytes = 0
        self._line = first if forward else min(first, self._last_line)
        #: The next line to look at, and the first line that was looked at but not reported yet.
        self._next = self._untold = self._line
        if forward:
            self._groups = forwards(store, run_id, location.last, self.head.last, count=ENTRIES)
        else:
            self._groups = backwards(store, run_id, min(begin, self.head.line), location.last, count=ENTRIES)

    def stream(self, *, stop: threading.Event, gone: Callable[[], bool]) -> Generator[bytes]:
        """Yield the answer, many lines at a time. It breaks off without ``done`` when this service ends.

        :param gone: tells whether the reader went away.
        """
        # An empty piece sends the headers.
        yield b""
        told = time.monotonic()
        stopped = False
        for entry, before, after in self._neighboured():
            if stop.is_set() or gone():
                return
            answer = list(self._looked(entry, before, after))
            stopped = self._enough()
            if stopped or time.monotonic() - told >= REPORT_SECONDS:
                told = time.monotonic()
                answer += self._searched()
            if answer:
                yield self._lines(answer)
            if stopped:
                break
        following = self._next if stopped and self._clip.first <= self._next <= self._last_line else None
        beyond = self._last_line + 1 if self._forward else self._clip.first - 1
        rest = [] if stopped else [*self._missing(beyond), *self._searched()]
        yield self._lines([*rest, {"done": True, "hits": self._hits, "next": following}])

    def _enough(self) -> bool:
        return self._full or self._answered_bytes >= MAX_ANSWER_BYTES or time.monotonic() >= self._until

    @property
    def _full(self) -> bool:
        return self._hits >= self._limit

    def _neighboured(self) -> Iterator[tuple[Entry, bytes, bytes]]:
        """Yield the entries to look at, each with the previous piece of its first line and the next of its last."""
        passed: Entry | None = None
        held: Entry | None = None
        for entry in self._visible():
            if held is not None and self._concerns(held):
                yield self._between(passed, held, entry)
            passed, held = held, entry
        if held is not None and self._concerns(held):
            yield self._between(passed, held, None)

    def _visible(self) -> Iterator[Entry]:
        """Yield the entries with output, as far as the reader may see them."""
        for entry in (entry for group in self._groups for entry in group if entry.type == OUTPUT):
            if self._clip == ALL:
                yield entry
            elif self._clip.ends_before(entry.from_line) if self._forward else entry.next_line <= self._clip.first:
                return
            elif (part := self._clip.entry(entry)) is not None:
                yield part

    def _concerns(self, entry: Entry) -> bool:
        return entry.next_line > self._line if self._forward else entry.from_line <= self._line

    def _between(self, passed: Entry | None, entry: Entry, coming: Entry | None) -> tuple[Entry, bytes, bytes]:
        before, after = (passed, coming) if self._forward else (coming, passed)
        return (
            entry,
            ending(before.payload) if before is not None and _goes_on(before, entry) else b"",
            beginning(after.payload) if after is not None and _goes_on(entry, after) else b"",
        )

    def _looked(self, entry: Entry, before: bytes, after: bytes) -> Iterator[dict[str, Any]]:
        yield from self._missing(entry.from_line if self._forward else entry.next_line - 1)
        for line, hit in self._wanted(entry, before, after):
            yield {"line": line, "spans": hit.spans}
            self._hits += 1
            if self._full:
                self._next = line + 1 if self._forward else line - 1
                return
        self._next = entry.next_line if self._forward else entry.from_line - 1

    def _wanted(self, entry: Entry, before: bytes, after: bytes) -> Iterable[tuple[int, Hit]]:
        found = self._matcher.hits(entry.payload, before, after)
        hits = ((entry.from_line + hit.index, hit) for hit in found)
        if self._forward:
            return (found for found in hits if found[0] >= self._line)
        return reversed([found for found in hits if found[0] <= self._line])

    def _missing(self, line: int) -> Iterator[dict[str, Any]]:
        """Report the lines before *line*, the next stored one, as no longer stored."""
        first, last = (self._next, line - 1) if self._forward else (line + 1, self._next)
        if first <= last:
            yield from self._searched()
            yield {"missing": [first, last]}
            self._next = self._untold = line

    def _searched(self) -> Iterator[dict[str, Any]]:
        """Report the lines that were looked at since the last report."""
        first, last = (self._untold, self._next - 1) if self._forward else (self._next + 1, self._untold)
        if first <= last:
            yield {"searched": [first, last]}
        self._untold = self._next

    def _lines(self, values: Iterable[dict[str, Any]]) -> bytes:
        lines = b"".join(orjson.dumps(value) + b"\n" for value in values)
        self._answered_bytes += len(lines)
        return lines


def _goes_on(piece: Entry, following: Entry) -> bool:
    """Tell whether a long line continues from one entry to another; a cut or the attempt's end may come in between."""
    return piece.continues and piece.next_line == following.from_line and piece.id.attempt == following.id.attempt
