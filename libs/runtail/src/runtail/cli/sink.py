"""The results of following a run: items and notes on the way, and an outcome at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtail.cli import exits
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


class Output(Sink, Protocol):
    """The receiver of a followed log up to its last words."""

    def verdict(self, outcome: Outcome, status: int) -> None:
        """Say how following the run ended.

        :param status: the exit status of this program, for this run.
        """

    def close(self) -> None:
        """Finish the output."""


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


def told(output: Output, outcome: Outcome) -> int:
    """Say how following a run ended, and return the exit status."""
    status = exits.of_end(outcome.end or {}) if outcome.verified else exits.UNVERIFIED
    output.verdict(outcome, status)
    output.close()
    return status
