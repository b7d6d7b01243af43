"""A log as plain pages: for reader modes, the browser's own find, printing, and browsers without scripts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from runtail.errors import ProtocolError
from runtail.log.reader import Head, Location, locate
from runtail.protocol import EVENT, OUTPUT, Clip, Cut, Entry
from runtail.protocol.event import ENDGROUP, decode
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail.words import clean, cut_words, event_words
from runtail_web.plain import plain
from runtail_web.text_stream import as_stored

#: Lines per page, unless another number is asked for.
PAGE_LINES = 1000
#: A page ends early when it has grown to this size.
PAGE_BYTES = 4 * 1024 * 1024
#: A page also ends early when drawing it has taken this much processor time: somebody can make a line that costs a
#: hundred times as much as other lines of its length.
PAGE_WORK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """A line, or a sentence between lines."""

    text: str
    #: The line's number; 0 for a sentence.
    line: int = 0


@dataclass(frozen=True, slots=True)
class TextPage:
    """The content of a page."""

    run: Run
    #: The log as it was when the page was begun.
    head: Head
    rows: list[Row]
    #: The first line wanted, and the line after the last line on the page.
    first: int
    following: int
    #: Lines of the log so far.
    lines: int
    limit: int
    #: The lines that the reader may see; None: all.
    clip: Clip | None = None

    @property
    def over(self) -> bool:
        """Tell whether the run is over and no more lines will come."""
        return self.run.state.terminal

    @property
    def title(self) -> str:
        """Say which lines of which log the page shows."""
        task = clean(self.run.text("task")) or "run"
        if self.lines == 0 and not self.clip:
            return f"{task}: no output" if self.over else f"{task}: no output yet"
        if self.clip:
            shown = f"lines {self.first:,}-{self.following - 1:,}" if self.following > self.first else "no lines"
            return f"{task}: {shown}, shared with you"
        so_far = "" if self.over else " so far"
        if self.first > self.lines:
            return f"{task}: line {self.first:,} does not exist yet; there are {self.lines:,}{so_far}"
        return f"{task}: lines {self.first:,}-{self.following - 1:,} of {self.lines:,}{so_far}"

    def links(self) -> list[tuple[str, str, str]]:
        """Return the links to other pages: for each its text, its address and its ``rel``."""
        begin = self.clip.first if self.clip else 1
        last = max(begin, max(0, self.lines - 1) // self.limit * self.limit + 1)
        places: list[tuple[str, int, str]] = []
        if self.first > begin and self.lines:
            places += [
                ("First lines", begin, ""),
                ("Previous", max(begin, min(self.first, self.lines + 1) - self.limit), "prev"),
            ]
        if self.following <= self.lines and self.first <= self.lines:
            places += [("Next", self.following, "next"), ("Last lines", last, "")]
        listed = [(word, self._address(line), rel) for word, line, rel in places]
        grows = not self.over and (self.clip is None or self.clip.last is None)
        if grows and self.following > self.lines:
            listed.append(("New lines", self._address(min(self.first, last)), ""))
        return listed

    def _address(self, line: int) -> str:
        asked = {"from": line} if self.limit == PAGE_LINES else {"from": line, "limit": self.limit}
        return f"?{urlencode(asked)}"


def read_page(store: Store, run_id: str, first: int, limit: int, clip: Clip | None = None) -> TextPage:
    """Read one page.

    :param clip: the lines that the reader may see; None: all.

    :param first: the first line, from 1; negative: the last ``-first`` lines.
    :param limit: the largest number of lines.
    :raises RunNotFound: if there is no such run.
    :raises StoreUnavailable: if the server did not answer.
    """
    run = read_run(store, run_id)
    first = max(clip.first if clip else 1, _stored(run.number("line"), clip) + 1 + first if first < 0 else first)
    # Begin at the line before: events between that line and the first one belong on this page.
    location = locate(store, run_id, max(1, first - 1))
    lines = _stored(location.head.line, clip)
    end = first + limit
    rows: list[Row] = []
    size = 0
    began = time.thread_time()
    for item in _items(store, run_id, location, clip):
        if isinstance(item, Cut):
            if item.to_line >= first:
                rows.append(Row(cut_words(item)))
            continue
        # Events after the last line of the log have no page of their own.
        if item.from_line > end or (item.from_line == end and (item.type == OUTPUT or end <= lines)):
            break
        found = [row for row in _rows(item) if first <= (row.line or item.from_line) and row.line < end]
        rows += found
        size += sum(len(row.text) for row in found)
        if size >= PAGE_BYTES or time.thread_time() - began >= PAGE_WORK_SECONDS:
            end = item.next_line
            break
    following = min(end, max(first, lines + 1))
    return TextPage(run, location.head, rows, first, following, lines, limit, clip)


def _stored(next_line: int, clip: Clip | None) -> int:
    """Return the number of the last line that is stored and may be seen."""
    return clip.lines(next_line - 1) if clip else next_line - 1


def _items(store: Store, run_id: str, location: Location, clip: Clip | None) -> Iterator[Entry | Cut]:
    cursor = location.cursor
    while not location.beyond and cursor.last < location.head.last and not (clip and clip.ends_before(cursor.line)):
        _, items = as_stored(store, cursor, run_id, clip)
        if not items:
            return
        yield from clip.items(items) if clip else items


def _rows(entry: Entry) -> Iterator[Row]:
    if entry.type == EVENT:
        yield from _sentence(entry)
        return
    texts = entry.payload.removesuffix(b"\n").split(b"\n") if entry.payload else []
    for number, text in enumerate(texts, entry.from_line):
        yield Row(plain(text), number)


def _sentence(entry: Entry) -> Iterator[Row]:
    try:
        told: dict[str, Any] = decode(entry)
        if told["kind"] != ENDGROUP:
            yield Row(event_words(told)[1])
    except (ProtocolError, KeyError, TypeError, ValueError):
        # One event that cannot be read must not hide the lines around it.
        yield Row(f"Event {entry.id} cannot be read")
