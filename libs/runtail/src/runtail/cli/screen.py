"""A followed run on the screen: its bytes on stdout, everything else as rows on stderr."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TextIO

from runtail.cli.sink import Outcome
from runtail.cli.terminal import Terminal
from runtail.protocol.cursor import Cut
from runtail.protocol.entry import OUTPUT, Entry
from runtail.protocol.event import decode
from runtail.words import clean, cut_words, event_words

#: What a row of a level looks like on a terminal, as parameters of SGR.
ROW_STYLES = {"note": "2", "warning": "33", "error": "31"}
BAR_COLUMNS = 20


class Screen:
    """A terminal, a file or a pipe. A file or a pipe gets the log's own bytes and nothing else.

    :param output: receives the output, in bytes.
    :param rows: receives events and notes, which are not output.
    :param colour: False removes our own colours, and on a terminal also those of the task (NO_COLOR, TERM=dumb).
    :param raw: pass everything through to a terminal.
    """

    def __init__(self, output: BinaryIO, rows: TextIO, *, colour: bool, raw: bool = False) -> None:
        self._output, self._rows = output, rows
        self._terminal, self._rows_terminal = output.isatty(), rows.isatty()
        self._colour = colour
        self._filter = Terminal(colour=colour) if self._terminal and not raw else None
        self._line_open = False
        self._live = ""

    def take(self, item: Entry | Cut, _wire: Mapping[str, Any], first: int) -> None:
        """Show one item; of output, only the part from line *first* on."""
        show(item, first, self._write, self.row)

    def live(self, live: Mapping[str, Any] | None) -> None:
        """Show the unfinished line and the progress in place, on a terminal."""
        from rich.cells import cell_len

        if not self._terminal or self._line_open:
            return
        text = live_text(live, shutil.get_terminal_size().columns - 1) if live else ""
        if text == self._live:
            return
        # Overwrite the old text with blanks, because not every terminal knows a sequence for this.
        blank = " " * max(0, cell_len(self._live) - cell_len(text))
        self._output.write(f"\r{text}{blank}".encode())
        if not text:
            self._output.write(b"\r")
        self._live = text

    def note(self, text: str) -> None:
        """Say what happened to the connection or the log."""
        self.row(text, "note")

    def row(self, text: str, level: str = "note") -> None:
        """Write a separate row."""
        self.live(None)
        self.flush()
        row = f"── {text}"
        if self._rows_terminal:
            if self._colour:
                row = f"\x1b[{ROW_STYLES[level]}m{row}\x1b[0m"
            if self._line_open and self._terminal:
                # In the middle of a line, the row begins below the line.
                row, self._line_open = f"\n{row}", False
        self._rows.write(f"{row}\n")
        self._rows.flush()

    def verdict(self, outcome: Outcome, _status: int) -> None:
        """Say how all ended."""
        self.row(outcome.text, "note" if outcome.verified else "error")

    def flush(self) -> None:
        """Write buffered output."""
        self._output.flush()

    def close(self) -> None:
        """Restore the terminal's original state."""
        self.live(None)
        if self._terminal and self._colour:
            self._output.write(b"\x1b[0m")
        if self._terminal and self._line_open:
            self._output.write(b"\n")
        self.flush()

    def _write(self, payload: bytes) -> None:
        if not payload:
            return
        self._line_open = not payload.endswith(b"\n")
        self._output.write(self._filter.feed(payload) if self._filter else payload)


def show(item: Entry | Cut, first: int, write: Callable[[bytes], object], row: Callable[[str, str], object]) -> None:
    """Hand on one item of a log.

    :param first: of output, only the part from this line on is wanted.
    :param write: takes output.
    :param row: takes what happened between, in words, and its level.
    """
    if isinstance(item, Cut):
        row(cut_words(item), "error")
    elif item.type == OUTPUT:
        write(since(item, first))
    elif item.from_line >= first:
        event = decode(item)
        if event["kind"] != "endgroup":
            level, text = event_words(event)
            row(text, level)


def since(entry: Entry, first: int) -> bytes:
    """Return an entry's output from line *first* on, byte for byte."""
    before = first - entry.from_line
    if before <= 0:
        return entry.payload
    if before >= entry.n:
        return b""
    return entry.payload.split(b"\n", before)[before]


def live_text(live: Mapping[str, Any], columns: int) -> str:
    """Return the unfinished line and the progress in at most *columns* columns."""
    from rich.cells import set_cell_size

    parts = []
    progress = live.get("progress")
    if isinstance(progress, Mapping):
        share = min(1.0, max(0.0, float(progress.get("value") or 0)))
        full = round(share * BAR_COLUMNS)
        parts.append(f"[{'#' * full}{'-' * (BAR_COLUMNS - full)}] {share:4.0%} {clean(progress.get('text'))}".rstrip())
    # A terminal would show the text after the last carriage return.
    text = clean(str(live.get("text") or "").rstrip("\r").rpartition("\r")[2])
    if text:
        parts.append(text)
    return set_cell_size("  ".join(parts), max(1, columns)).rstrip()
