"""The terminal entry: how a run ended, and the totals against which a reader checks its view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtail.protocol import RunState
from runtail.protocol import event as events

#: Totals that the record and the terminal entry carry in addition to lines and bytes.
COUNTERS = ("masked", "rewritten_bytes", "late_bytes", "overflow_bytes")


@dataclass(frozen=True, slots=True)
class Tally:
    """The totals of a log just before its terminal entry."""

    #: The next line's number.
    line: int
    chain: bytes
    #: Output bytes ever written, cut and lost ones included.
    total_bytes: int
    #: ``{"from", "to", "bytes", "entries"}`` of the part that the quota cut, as far as the writer knows.
    cut: Mapping[str, int] | None
    counters: Mapping[str, int]


def read_cut(values: Sequence[bytes]) -> dict[str, int] | None:
    """Read the four numbers of a cut as ``append.lua`` returns them; None if nothing was cut."""
    if not values[0]:
        return None
    return dict(zip(("from", "to", "bytes", "entries"), map(int, values), strict=True))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends.

    :param why: one honest sentence.
    :param exit_status: the task's own, if it has one.
    :param signal: the signal that killed its process.
    :param result: what the task returned, as JSON for the record; empty: nothing.
    :param why_line: the number of the line that says why, for the record; None if it is not known.
    """

    state: RunState
    why: str
    exit_status: int | None = None
    signal: int | None = None
    result: str = ""
    why_line: int | None = None

    def payload(self, tally: Tally) -> bytes:
        """Return the terminal entry's bytes."""
        return events.encode(
            events.END,
            state=str(self.state),
            why=self.why,
            exit_status=self.exit_status,
            signal=self.signal,
            lines=tally.line - 1,
            bytes=tally.total_bytes,
            chain=tally.chain.hex(),
            cut=dict(tally.cut) if tally.cut else None,
            **{name: tally.counters.get(name, 0) for name in COUNTERS},
        )

    def next(self, ttl_seconds: int, *, forget_idempotency: str | None = None) -> dict[str, Any]:
        """Return the changes that ``append.lua`` makes to the record together with the terminal entry.

        :param ttl_seconds: how long to keep record and log from now on.
        :param forget_idempotency: a key to free, so that the same request may be made again.
        """
        fields = {"state": str(self.state), "why": self.why}
        if self.exit_status is not None:
            fields["exit_status"] = str(self.exit_status)
        if self.signal is not None:
            fields["signal"] = str(self.signal)
        if self.result:
            fields["result"] = self.result
        if self.why_line is not None:
            fields["why_line"] = str(self.why_line)
        return {"fields": fields, "ttl_seconds": ttl_seconds, "forget_idempotency": forget_idempotency or False}
