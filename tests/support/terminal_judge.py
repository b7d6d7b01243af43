"""pyte as the judge of what a terminal shows, put right where ECMA-48 or xterm's document says otherwise.

Each method of :class:`Judge` is one such difference, with its reason. Besides, the rows that a terminal forgets go to
its history here, as they go to the log.
"""

import copy
import re
import unicodedata
from typing import Any

import pyte
from pyte.screens import Margins
from wcwidth import wcwidth

COLUMNS = 120
_TOKEN = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][0-~]|\x1b[^\[]|.|\n", re.DOTALL)
_CODES = re.compile(r"\x1b(?:\[[0-?]*[@-~]|[()][0-~]|[78])")


class Judge(pyte.HistoryScreen):
    """A screen of *rows* rows that keeps everything that left its top. Lines do not wrap; ``\\n`` begins a line."""

    def __init__(self, rows: int) -> None:
        super().__init__(COLUMNS, rows, history=1_000_000)
        self.set_mode(pyte.modes.LNM)
        self.reset_mode(7, private=True)

    def cursor_up(self, count: int | None = None) -> None:
        """xterm, CUU: a cursor above the scroll region goes up to the screen's top. pyte moves it down."""
        top = self.margins.top if self.margins and self.cursor.y >= self.margins.top else 0
        self.cursor.y = max(self.cursor.y - (count or 1), top)

    def cursor_down(self, count: int | None = None) -> None:
        """xterm, CUD: likewise below it."""
        bottom = self.margins.bottom if self.margins and self.cursor.y <= self.margins.bottom else self.lines - 1
        self.cursor.y = min(self.cursor.y + (count or 1), bottom)

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """xterm, DECSTBM: the cursor goes home, also when the margins are reset. pyte leaves it then."""
        super().set_margins(top, bottom)
        self.cursor_position()

    def ensure_vbounds(self, use_margins: bool | None = None) -> None:
        """xterm, DECRC: the saved position comes back as it was. pyte moves it into the scroll region."""
        super().ensure_vbounds(False)

    def restore_cursor(self) -> None:
        """xterm, DECRC: what was saved stays saved. pyte has a stack and takes it off."""
        # (A restored cursor is the saved one itself: it would move along.)
        saved = [point._replace(cursor=copy.copy(point.cursor)) for point in self.savepoints[-1:]]
        super().restore_cursor()
        self.savepoints += saved
        if not saved:
            # VT510, DECRC: where nothing was saved the attributes are off. pyte leaves them on.
            self.cursor.attrs = self.default_char

    def delete_lines(self, count: int | None = None) -> None:
        """ECMA-48, DL. pyte forgets to clear a row when nothing was ever written to the one that takes its place."""
        for y in range(self.lines):
            _ = self.buffer[y]
        super().delete_lines(count)

    def insert_lines(self, count: int | None = None) -> None:
        """What falls off the bottom is forgotten by a terminal and kept by a log."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if top <= self.cursor.y <= bottom:
            for fallen in range(min(count or 1, bottom - self.cursor.y + 1)):
                self._keep(bottom - fallen)
        super().insert_lines(count)

    def reverse_index(self) -> None:
        """As :meth:`insert_lines`."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y != top:
            self.cursor_up()
            return
        self._keep(bottom)
        for y in range(bottom, top, -1):
            self.buffer[y] = self.buffer[y - 1]
        self.buffer.pop(top, None)

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """xterm, ED 2 erases; a log keeps what was there (as VTE and PuTTY push it into their history)."""
        if how == 2:
            for y in range(self.lines):
                self._keep(y)
        super().erase_in_display(how, *args, **kwargs)

    def delete_characters(self, count: int | None = None) -> None:
        """As :meth:`mend_wide`: afterwards two halves could pass for one character."""
        self._part(self.cursor.x)
        self._part(self.cursor.x + (count or 1))
        super().delete_characters(count)

    def mend_wide(self) -> None:
        """xterm: what is left of a wide character that was half overwritten is a blank. pyte leaves an empty cell."""
        row = self.buffer[self.cursor.y]

        def begins(x: int) -> bool:
            return x in row and row[x].data != "" and wcwidth(row[x].data[0]) == 2

        for x in sorted(row):
            second = row[x].data == ""
            if (second and not begins(x - 1)) or (begins(x) and not (x + 1 in row and row[x + 1].data == "")):
                row[x] = row[x]._replace(data=" ")

    def take(self, data: str) -> "Judge":
        """Show *data*; answer the screen."""
        stream = pyte.Stream(self)
        for token in _TOKEN.findall(data):
            stream.feed(token)
            self.mend_wide()
        return self

    def rows(self) -> list[dict[int, Any]]:
        """All rows there have been, the history's first."""
        return [*self.history.top, *(self.buffer[y] for y in range(self.lines))]

    def shown(self) -> list[str]:
        """The text of all rows that can be seen."""
        texts = ("".join(row[x].data if x in row else " " for x in range(COLUMNS)) for row in self.rows())
        return [text.rstrip() for text in texts if text.strip()]

    def _part(self, x: int) -> None:
        row = self.buffer[self.cursor.y]
        if x in row and row[x].data == "" and x - 1 in row:
            row[x - 1], row[x] = row[x - 1]._replace(data=" "), row[x]._replace(data=" ")

    def _keep(self, y: int) -> None:
        self.history.top.append(copy.copy(self.buffer[y]))


def seen(lines: list[str]) -> list[str]:
    """Stored lines as they are seen: no codes, tabs as blanks, no blanks at the end, no empty lines."""
    shown = (unicodedata.normalize("NFC", _tabs(_CODES.sub("", line)).rstrip()) for line in lines)
    return [line for line in shown if line]


def _tabs(line: str) -> str:
    parts: list[str] = []
    column = 0
    for character in line:
        if character == "\t":
            character = " " * (8 - column % 8)
            column += len(character)
        else:
            column += max(0, wcwidth(character))
        parts.append(character)
    return "".join(parts)
