"""A range of lines cut out of a log, to the byte: for readers who may see no more. Pure.

Entries are stored whole, and one may hold lines beyond the range. What is cut out has no digests: a digest covers
everything before it, so that a reader could try out what the hidden lines may say until the digest fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtail.protocol.cursor import Cut
from runtail.protocol.entry import OUTPUT, Entry

_WITHOUT_DIGEST = b""


@dataclass(frozen=True, slots=True)
class Clip:
    """A range of lines.

    :param first: from 1.
    :param last: the last line; None: all that is written, and will be.
    """

    first: int
    last: int | None = None

    def __contains__(self, line: int) -> bool:
        """Return True if a line is in the range."""
        return self.first <= line and (self.last is None or line <= self.last)

    def ends_before(self, line: int) -> bool:
        """Return True if neither a line nor any after it is in the range."""
        return self.last is not None and line > self.last

    def lines(self, stored: int) -> int:
        """Return the number of the range's last line, if a log has so many lines."""
        return stored if self.last is None else min(stored, self.last)

    def since(self, line: int) -> Clip:
        """Return the part of the range from a line on."""
        return replace(self, first=max(self.first, line))

    def from_end(self, count: int, stored: int) -> Clip:
        """Return the last lines of the range, if a log has so many lines."""
        return self.since(self.lines(stored) - count + 1)

    def items(self, items: Iterable[Entry | Cut]) -> list[Entry | Cut]:
        """Return what of a log's items is in the range: output, and where output was cut.

        Events are left out. They name workers, people and other runs, and count what is outside.
        """
        return [part for item in items if (part := self.item(item)) is not None]

    def item(self, item: Entry | Cut) -> Entry | Cut | None:
        """Return what of an item is in the range; see :meth:`items`."""
        return self._cut(item) if isinstance(item, Cut) else self.entry(item)

    def entry(self, entry: Entry) -> Entry | None:
        """Return what of an entry is in the range; see :meth:`items`."""
        if entry.type != OUTPUT or not entry.payload:
            return None
        lines = entry.payload.split(b"\n")
        # The last part is a line without its end, or nothing.
        whole, rest = [line + b"\n" for line in lines[:-1]], lines[-1]
        kept = [
            line for number, line in enumerate([*whole, rest] if rest else whole, entry.from_line) if number in self
        ]
        if not kept:
            return None
        first = max(entry.from_line, self.first)
        return replace(
            entry,
            from_line=first,
            n=len(kept),
            payload=b"".join(kept),
            chain=_WITHOUT_DIGEST,
            continues=entry.continues and first + len(kept) in self,
        )

    def holds_live(self, live: Mapping[str, Any]) -> bool:
        """Return True if the unfinished line is in the range, which then has no last line."""
        line = live.get("line")
        return self.last is None and isinstance(line, int) and line in self

    def _cut(self, cut: Cut) -> Cut | None:
        first, last = max(cut.from_line, self.first), self.lines(cut.to_line)
        if first > last:
            return None
        # How much was cut says something about lines outside.
        return replace(cut, from_line=first, to_line=last, size_bytes=0, entries=0, chain=_WITHOUT_DIGEST)
