"""Reading a log in order: each entry must continue the one before it, or say why it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtail.errors import ProtocolError
from runtail.protocol.chain import GENESIS, link
from runtail.protocol.entry import EVENT, Entry
from runtail.protocol.event import STORE_LOST, decode
from runtail.protocol.position import BEGINNING, EntryId, Position


class Discontinuity(ProtocolError):
    """An entry does not continue the entries read before it.

    :param entry: the entry that does not fit.
    :param expected: what was expected, in words.
    """

    def __init__(self, entry: Entry, expected: str, got: str) -> None:
        super().__init__("discontinuity", f"entry {entry.id}: expected {expected}, got {got}")
        self.entry = entry
        self.expected = expected
        self.got = got


@dataclass(frozen=True, slots=True)
class Cut:
    """Entries that were deleted to keep a run within its quota.

    The numbers are those of the run's record: they only grow. A reader whose
    position is inside the cut gets a copy whose ``from_line`` is its own next line.
    """

    #: First and last missing line.
    from_line: int
    to_line: int
    #: Output bytes and entries that were deleted.
    size_bytes: int
    entries: int
    #: The digest after the last deleted entry, so that the chain continues after the cut.
    chain: bytes
    #: Id of the last deleted entry.
    last: EntryId

    def wire(self) -> dict[str, Any]:
        """Return the item that represents the cut among a frame's entries."""
        cut: dict[str, Any] = {
            "from": self.from_line,
            "to": self.to_line,
            "bytes": self.size_bytes,
            "entries": self.entries,
        }
        if self.chain:
            cut["chain"] = self.chain.hex()
        return {"cut": {**cut, "last": str(self.last)}}

    @classmethod
    def from_wire(cls, item: Mapping[str, Any]) -> Cut:
        """Read :meth:`wire`.

        :raises ProtocolError: code ``cut``.
        """
        try:
            cut = item["cut"]
            return cls(
                int(cut["from"]),
                int(cut["to"]),
                int(cut["bytes"]),
                int(cut["entries"]),
                bytes.fromhex(cut["chain"]),
                EntryId.parse(cut["last"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise ProtocolError("cut", f"not a cut: {error!r}") from error


@dataclass(slots=True)
class Cursor:
    """How far a reader has come, with the check that the next entry belongs there."""

    epoch: int
    #: The last entry read; :data:`BEGINNING` before the first.
    last: EntryId = BEGINNING
    #: Number of the next line.
    line: int = 1
    #: Digest of everything read.
    chain: bytes = GENESIS

    @property
    def position(self) -> Position:
        """The position at which to resume."""
        return Position(self.epoch, self.line, self.chain)

    def advance(self, entries: Iterable[Entry], cut: Cut | None = None) -> list[Entry | Cut]:
        """Take the next entries, in order, and return them with the cut at its place if it lies between them.

        :param cut: the cut in the run's record, if any.
        :raises Discontinuity: at the first entry that does not continue the log; the
            cursor is then before that entry, and has taken the entries before it.
        """
        taken: list[Entry | Cut] = []
        for entry in entries:
            if entry.id <= self.last:
                raise Discontinuity(entry, f"an id after {self.last}", str(entry.id))
            if cut is not None and self.last < cut.last < entry.id:
                taken.append(self.skip(cut))
            self.check(entry)
            self.last, self.line, self.chain = entry.id, entry.next_line, entry.chain
            taken.append(entry)
        return taken

    def skip(self, cut: Cut) -> Cut:
        """Jump over a cut that begins at or before this cursor; return the cut as seen from here."""
        seen = replace(cut, from_line=max(cut.from_line, self.line))
        self.last, self.line, self.chain = cut.last, cut.to_line + 1, cut.chain
        return seen

    def check(self, entry: Entry) -> None:
        """Check that *entry* is the very next one.

        :raises Discontinuity: if a number is missing or the digest differs.
        """
        a, b = self.last, entry.id
        next_one = (b.attempt == a.attempt and b.seq == a.seq + 1) or (b.attempt > a.attempt and b.seq == 1)
        # After lost history the numbers jump, and the entry that says so comes first.
        if not next_one and not _explains_a_jump(entry):
            raise Discontinuity(entry, f"the entry after {a}", str(b))
        # (Lines jump only forwards: a line number is never used twice.)
        if entry.from_line < self.line or (entry.from_line > self.line and not _explains_a_jump(entry)):
            raise Discontinuity(entry, f"line {self.line}", f"line {entry.from_line}")
        expected = link(self.chain, entry.type, entry.payload)
        if entry.chain != expected:
            raise Discontinuity(entry, f"digest {expected.hex()}", entry.chain.hex())


def _explains_a_jump(entry: Entry) -> bool:
    """Return True for the ``store-lost`` event, from which on the numbers continue after the lost lines."""
    return entry.type == EVENT and decode(entry)["kind"] == STORE_LOST
