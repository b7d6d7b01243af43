"""Places in a log: entry ids and positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from runtail.errors import ProtocolError

#: The version of every message and entry made by this code.
VERSION = 1


class EntryId(NamedTuple):
    """``<attempt>-<seq>``; compares the way Redis compares stream ids.

    Attempts count from 1 (0: a run that ended before anyone claimed it). Within
    an attempt, seq counts from 1 without gaps.
    """

    attempt: int
    seq: int

    @classmethod
    def parse(cls, text: str | bytes) -> EntryId:
        """Read ``a-s``.

        :raises ProtocolError: if it is not two decimal numbers.
        """
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        attempt, dash, seq = text.partition("-")
        if not (dash and attempt.isascii() and attempt.isdigit() and seq.isascii() and seq.isdigit()):
            raise ProtocolError("entry-id", f"not an entry id: {text[:60]!r}")
        return cls(int(attempt), int(seq))

    def __str__(self) -> str:
        return f"{self.attempt}-{self.seq}"


#: The id before every entry.
BEGINNING = EntryId(0, 0)


@dataclass(frozen=True, slots=True)
class Position:
    """A point between two entries of one epoch of a log.

    :param epoch: which history; it only grows (the store's clock in ms when the epoch was made).
    :param line: the number that the next line will have, from 1.
    :param chain: the 32 byte digest of everything before the position.
    """

    epoch: int
    line: int
    chain: bytes
