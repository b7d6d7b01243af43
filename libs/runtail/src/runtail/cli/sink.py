"""What following a run gives: items and notes on the way, an outcome at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtail.protocol.cursor import Cut
from runtail.protocol.entry import Entry


class Sink(Protocol):
    """Where the log goes."""

    def take(self, item: Entry | Cut, wire: Mapping[str, Any], first: int) -> None:
        """Show the next item, which was checked; lines before *first* were not asked for."""

    def live(self, live: Mapping[str, Any] | None) -> None:
        """Show the unfinished line, or none any more."""

    def note(self, text: str) -> None:
        """Say what happened to the connection or the log."""

    def flush(self) -> None:
        """Everything that is there was given."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the following ended.

    :param end: the terminal event; None if the log contradicted itself before it.
    """

    verified: bool
    text: str
    end: Mapping[str, Any] | None
    from_line: int
    lines: int
