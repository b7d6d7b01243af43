"""What a writer knows of the end of its log, and what it does when the store says that it is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtail.log.claim import Claim, LogEnd
from runtail.log.ending import Ending, read_cut
from runtail.protocol import Entry, EntryId


@dataclass(frozen=True, slots=True)
class Tail:
    """The entries that a writer still has, and where it stands behind them."""

    claim: Claim
    #: Stored lately, oldest first.
    retained: Sequence[Entry]
    #: Added and not stored yet.
    pending: Sequence[Entry]
    #: Where the store stood after its last answer.
    stored: LogEnd
    epoch: int
    #: Of the last entry.
    seq: int
    #: The next line's number.
    line: int
    #: Output bytes ever written, cut and lost ones included.
    total_bytes: int
    #: What the quota has cut so far.
    cut: dict[str, int] | None
    counters: Mapping[str, int]
    #: How the run ends, if the last entry is the one that says so.
    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where the store says the log ends, when that is not where the writer believed."""

    epoch: int
    end: LogEnd
    attempt: int
    #: What the quota has cut of it.
    cut: dict[str, int] | None

    @classmethod
    def read(cls, reply: Sequence[bytes]) -> Mismatch:
        """Read the ``mismatch`` reply of ``append.lua``."""
        _, epoch, last, line, chain, attempt, bytes_, *cut = reply
        return cls(int(epoch), LogEnd(EntryId.parse(last), int(line), chain, int(bytes_)), int(attempt), read_cut(cut))


@dataclass(frozen=True, slots=True)
class Plan:
    """How the writer's next call fits what the store has."""

    #: Entries to append after *stored*, and how many of the retained entries the store already has.
    entries: Sequence[Entry]
    stored: LogEnd
    kept: int
    epoch: int
    total_bytes: int
    cut: dict[str, int] | None
    #: What the next call says besides, to repair the record.
    repair_fields: dict[str, Any]
    #: The store had lost something, and gets it back byte for byte.
    repaired: bool = False
    #: History is lost: the epoch rises.
    lost: bool = False
