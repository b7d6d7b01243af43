"""A followed run as JSON, one object per line: the items of the log in their wire form, then the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, BinaryIO

import orjson

from runtail.cli.sink import Outcome
from runtail.protocol.cursor import Cut
from runtail.protocol.entry import Entry

_C1 = re.compile(rb"\x7f|\xc2[\x80-\x9f]")


class JsonLines:
    """Writes complete entries and cuts, so that a program can check their digests again.

    :param run_id: stands in every object, where there are objects of several runs; empty: in none.
    :param held: entered for each object; whoever writes to the same output must share it.
    """

    def __init__(self, output: BinaryIO, run_id: str = "", held: AbstractContextManager[object] | None = None) -> None:
        self._output, self._held = output, held or nullcontext()
        self._named = {"run_id": run_id} if run_id else {}

    def write(self, value: Mapping[str, Any]) -> None:
        """Write one object."""
        line = orjson.dumps({**self._named, **value}, option=orjson.OPT_APPEND_NEWLINE)
        # JSON escapes all control characters except these, which some terminals obey.
        with self._held:
            self._output.write(_C1.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), line))

    def take(self, item: Entry | Cut, wire: Mapping[str, Any], first: int) -> None:
        """Write one item if any part of it is at or after line *first*."""
        end = item.to_line + 1 if isinstance(item, Cut) else item.next_line
        if end > first or (end == first and isinstance(item, Entry) and item.n == 0):
            self.write(wire)

    def live(self, live: Mapping[str, Any] | None) -> None:
        """Do nothing: the unfinished line is not part of the log."""

    def note(self, text: str) -> None:
        """Write what happened to the connection or the log."""
        self.write({"note": text})

    def verdict(self, outcome: Outcome, status: int) -> None:
        """Write the last object.

        :param status: the exit status of this program.
        """
        self.write(
            {
                "verdict": {
                    "verified": outcome.verified,
                    "from": outcome.from_line,
                    "lines": outcome.lines,
                    "text": outcome.text,
                    "status": status,
                }
            }
        )

    def flush(self) -> None:
        """Write buffered output."""
        with self._held:
            self._output.flush()

    def close(self) -> None:
        """Finish the output."""
        self.flush()
