"""One subscriber's view of a run, and the proof that the view is complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtail.errors import ProtocolError
from runtail.protocol.chain import GENESIS
from runtail.protocol.cursor import Cursor, Cut, Discontinuity
from runtail.protocol.entry import EVENT, Entry
from runtail.protocol.event import END, STORE_LOST, decode


@dataclass(frozen=True, slots=True)
class Verdict:
    """The claim that can be made about a finished view."""

    #: True if everything that was shown continues the chain and the totals agree.
    verified: bool
    #: The first line that was checked; 1 for a whole log.
    from_line: int
    #: Number of lines of the run, from the terminal entry.
    lines: int
    #: One sentence for people.
    text: str


@dataclass(slots=True)
class View:
    """Checks every item of a subscription as it arrives. Pure: no I/O, no clock.

    Call :meth:`begin` first (with the answer to ``subscribe``), then :meth:`feed`
    it the items of every ``tail-message``. A mismatch is remembered and never
    repaired.
    """

    cursor: Cursor | None = None
    began_at: int = 1
    began_whole: bool = False
    seen_bytes: int = 0
    cuts: list[Cut] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)
    end: dict[str, Any] | None = None
    mismatch: str | None = None

    def begin(self, epoch: int, line: int, chain: bytes) -> None:
        """Start at a position; to resume, call it again with the position reached.

        :raises ProtocolError: code ``resume`` if the server resumed somewhere else in the same epoch.
        """
        if self.cursor is not None and self.cursor.epoch == epoch:
            if (line, chain) != (self.cursor.line, self.cursor.chain):
                raise ProtocolError("resume", f"resumed at line {line}, asked for line {self.cursor.line}")
            return
        self.cursor = Cursor(epoch, line=line, chain=chain)
        self.began_at, self.began_whole = line, line == 1 and chain == GENESIS
        self.seen_bytes, self.cuts, self.lost, self.end, self.mismatch = 0, [], [], None, None

    def feed(self, items: Iterable[Mapping[str, Any]], *, epoch: int) -> list[Entry]:
        """Take the items of one message and return the new entries.

        :param epoch: the epoch the message names.
        :raises ProtocolError: if the view was not begun or the epoch is not the view's.
        :raises Discontinuity: if an item does not follow; :attr:`mismatch` then holds the reason.
        """
        cursor = self.cursor
        if cursor is None:
            raise ProtocolError("order", "a message came before the answer to subscribe")
        if epoch != cursor.epoch:
            raise ProtocolError("epoch", f"a message of epoch {epoch} in a view of epoch {cursor.epoch}")
        new: list[Entry] = []
        for item in items:
            if "cut" in item:
                seen = cursor.skip(Cut.from_wire(item))
                self.cuts.append(seen)
                self.seen_bytes += seen.size_bytes
                continue
            entry = Entry.from_wire(item)
            try:
                self._take(cursor, entry)
            except Discontinuity as error:
                self.mismatch = str(error)
                raise
            new.append(entry)
        return new

    def _take(self, cursor: Cursor, entry: Entry) -> None:
        if cursor.last == (0, 0):
            # The first entry of a view gives its own place; its digest is checked against the given one.
            cursor.last = entry.id._replace(seq=entry.id.seq - 1)
        cursor.advance([entry])
        if entry.type != EVENT:
            self.seen_bytes += len(entry.payload)
            return
        event = decode(entry)
        if event["kind"] == STORE_LOST:
            self.lost.append((int(event["from"]), int(event["to"])))
            self.seen_bytes += int(event.get("bytes", 0))
        elif event["kind"] == END:
            self.end = event

    @property
    def verdict(self) -> Verdict | None:
        """The claim that can be made, or None while the run has not ended."""
        if self.mismatch is not None:
            lines = self.cursor.line - 1 if self.cursor else 0
            return Verdict(False, self.began_at, lines, f"does not match its chain: {self.mismatch}")
        if self.end is None or self.cursor is None:
            return None
        lines = int(self.end["lines"])
        wrong = self._wrong_total()
        if wrong:
            return Verdict(False, self.began_at, lines, f"does not match its end: {wrong}")
        missing = [f"lines {cut.from_line:,}-{cut.to_line:,} were cut" for cut in self.cuts]
        missing += [f"lines {first:,}-{last:,} were lost" for first, last in self.lost]
        proof = "verified" if self.began_at == 1 else f"verified from line {self.began_at:,}"
        text = f"{lines:,} {'line' if lines == 1 else 'lines'}, {proof}"
        text = "; ".join([text, *missing]) if missing else f"complete: {text}"
        return Verdict(True, self.began_at, lines, text)

    def _cut_is_exact(self) -> bool:
        """Return False if a part of the cut had been seen before the cut: its bytes cannot be told apart then."""
        assert self.end is not None
        if not self.cuts:
            return True
        cut, said = self.cuts[0], self.end.get("cut") or {}
        return len(self.cuts) == 1 and (cut.from_line, cut.to_line) == (said.get("from"), said.get("to"))

    def _wrong_total(self) -> str | None:
        assert self.end is not None
        assert self.cursor is not None
        if int(self.end["lines"]) != self.cursor.line - 1:
            return f"{self.end['lines']} lines at the end, {self.cursor.line - 1} counted"
        if self.began_whole and self._cut_is_exact() and int(self.end["bytes"]) != self.seen_bytes:
            return f"{self.end['bytes']} bytes at the end, {self.seen_bytes} counted"
        return None
