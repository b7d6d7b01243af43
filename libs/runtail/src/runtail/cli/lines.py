"""A followed run line by line: only lines that a pattern finds, or with the run's name before each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, TextIO

from runtail.cli.screen import ROW_STYLES, show
from runtail.cli.sink import Outcome
from runtail.cli.terminal import one_line, words_of
from runtail.protocol.cursor import Cut
from runtail.protocol.entry import Entry


class Lines:
    """Writes whole lines, so that those of several runs can stand among each other.

    A file or a pipe gets the lines' own bytes, after the prefix. A terminal gets only what stays on its line.

    :param output: receives the lines.
    :param rows: receives events and notes, which are not output.
    :param held: entered for each line and row; whoever writes to the same outputs must share it.
    :param prefix: stands before each line and each row; may be empty.
    :param prefix_style: the prefix's colour on a terminal, as a parameter of SGR.
    :param wanted: lines in which it finds nothing are left out, and counted.
    :param colour: False removes all colours from a terminal.
    """

    def __init__(
        self,
        output: BinaryIO,
        rows: TextIO,
        held: AbstractContextManager[object],
        *,
        prefix: str = "",
        prefix_style: str = "",
        wanted: re.Pattern[str] | None = None,
        colour: bool,
    ) -> None:
        self._output, self._rows, self._held = output, rows, held
        self._wanted, self._colour = wanted, colour
        self._terminal, self._rows_terminal = output.isatty(), rows.isatty()
        styled = f"\x1b[{prefix_style}m{prefix}\x1b[0m" if prefix and prefix_style and colour else prefix
        self._prefix = (styled if self._terminal else prefix).encode()
        self._row_prefix = styled if self._rows_terminal else prefix
        self._begun: list[bytes] = []
        self._lines = self._left_out = 0

    def take(self, item: Entry | Cut, _wire: Mapping[str, Any], first: int) -> None:
        """Show one item; of output, only the part from line *first* on."""
        show(item, first, self._feed, self.row)

    def live(self, live: Mapping[str, Any] | None) -> None:
        """Do nothing: an unfinished line would be written over by those of others, or may not be wanted in the end."""

    def note(self, text: str) -> None:
        """Say what happened to the connection or the log."""
        self.row(text, "note")

    def row(self, text: str, level: str = "note") -> None:
        """Write a separate row."""
        row = f"── {text}"
        if self._rows_terminal and self._colour:
            row = f"\x1b[{ROW_STYLES[level]}m{row}\x1b[0m"
        with self._held:
            self._output.flush()
            self._rows.write(f"{self._row_prefix}{row}\n")
            self._rows.flush()

    def flush(self) -> None:
        """Write buffered output."""
        with self._held:
            self._output.flush()

    def verdict(self, outcome: Outcome, _status: int) -> None:
        """Write a last line that has no end, how many lines were left out, and how all ended."""
        rest = b"".join(self._begun)
        self._begun.clear()
        if rest:
            # After a prefix, or on a terminal, what comes next must not stand on the same line.
            self._line(rest, b"\n" if self._prefix or self._terminal else b"")
        if self._wanted is not None:
            lines = "line" if self._lines == 1 else "lines"
            self.row(f"{self._left_out:,} of {self._lines:,} {lines} left out by --grep")
        self.row(outcome.text, "note" if outcome.verified else "error")

    def close(self) -> None:
        """Finish the output."""
        self.flush()

    def _feed(self, payload: bytes) -> None:
        *ended, rest = payload.split(b"\n")
        for line in ended:
            self._begun.append(line)
            self._line(b"".join(self._begun), b"\n")
            self._begun.clear()
        if rest:
            self._begun.append(rest)

    def _line(self, line: bytes, end: bytes) -> None:
        self._lines += 1
        if self._wanted is not None and not self._wanted.search(words_of(line)):
            self._left_out += 1
            return
        shown = one_line(line, colour=self._colour).encode() if self._terminal else line
        with self._held:
            self._output.write(self._prefix + shown + end)
