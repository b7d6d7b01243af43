"""The results of following a run: items and notes on the way, and an outcome at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtail.protocol.cursor import Cut
from runtail.protocol.entry import Entry


class Sink(Protocol):
    """The receiver of a followed log."""

    def take(self, item: Entry | Cut, wire: Mapping[str, Any], first: int) -> None:
        """Show the next item, which has been checked; lines before *first* are not wanted."""

    def live(self, live: Mapping[str, Any] | None) -> None:
        """Show the unfinished line, or remove it if it is None."""

    def note(self, text: str) -> None:
        """Say what happened to the connection or the log."""

    def flush(self) -> None:
        """Write buffered output, because all available items have been taken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How following a run ended.

    :param end: the terminal event; None if the log contradicted itself before that event.
    """

    verified: bool
    text: str
    end: Mapping[str, Any] | None
    from_line: int
    lines: int
