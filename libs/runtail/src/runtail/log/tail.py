"""What a writer knows about the end of its log, and how it continues if the store reports another end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtail.log.claim import Claim, LogEnd
from runtail.log.ending import Ending, read_cut
from runtail.protocol import Entry, EntryId


@dataclass(frozen=True, slots=True)
class Tail:
    """The entries that a writer still has, and its position after them."""

    claim: Claim
    #: Entries stored recently, oldest first.
    retained: Sequence[Entry]
    #: Entries added but not stored yet.
    pending: Sequence[Entry]
    #: Where the stored log ended at the store's last answer.
    stored: LogEnd
    epoch: int
    #: The seq of the last entry.
    seq: int
    #: The next line's number.
    line: int
    #: Output bytes ever written, cut and lost ones included.
    total_bytes: int
    #: The part that the quota has cut so far.
    cut: dict[str, int] | None
    counters: Mapping[str, int]
    #: How the run ends, if the last entry is the terminal one.
    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where the log ends according to the store, if the writer expected another end."""

    epoch: int
    end: LogEnd
    attempt: int
    #: The part of it that the quota has cut.
    cut: dict[str, int] | None

    @classmethod
    def read(cls, reply: Sequence[bytes]) -> Mismatch:
        """Read the ``mismatch`` reply of ``append.lua``."""
        _, epoch, last, line, chain, attempt, bytes_, *cut = reply
        return cls(int(epoch), LogEnd(EntryId.parse(last), int(line), chain, int(bytes_)), int(attempt), read_cut(cut))


@dataclass(frozen=True, slots=True)
class Plan:
    """The writer's next call, made to fit what the store has."""

    #: The entries to append after *stored*; *kept* is how many of the retained entries the store already has.
    entries: Sequence[Entry]
    stored: LogEnd
    kept: int
    epoch: int
    total_bytes: int
    cut: dict[str, int] | None
    #: Additional fields of the next call, to repair the record.
    repair_fields: dict[str, Any]
    #: True if the store had lost entries and gets them back byte for byte.
    repaired: bool = False
    #: True if history is lost and the epoch rises.
    lost: bool = False
