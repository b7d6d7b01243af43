"""One row of a terminal: the content of its cells. Pure.

A character takes no cell, one or two (a wide one). The second cell of a wide character holds
an empty string; a character that takes no cell belongs to the character before it.
"""

import unicodedata
from itertools import groupby
from typing import Final

from runtail.worker.shipper.output.style import PLAIN, Style, codes

#: The most characters that join one cell; more are noise, and their number would be unlimited.
MOST_JOINED: Final = 16
_WIDTHS: dict[str, int] = {}
_MOST_WIDTHS: Final = 65536


def width(character: str) -> int:
    """Return how many cells a character takes: 0, 1 or 2 (Unicode's East Asian Width; ambiguous ones are narrow)."""
    known = _WIDTHS.get(character)
    if known is None:
        known = _width(character)
        if len(_WIDTHS) < _MOST_WIDTHS:
            _WIDTHS[character] = known
    return known


def _width(character: str) -> int:
    category = unicodedata.category(character)
    # Vowels and final consonants of Korean syllables are drawn into the cell of the first consonant.
    joins = "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff"
    if (category in ("Mn", "Me", "Cf", "Cc", "Zl", "Zp") and character != "\u00ad") or joins:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Row:
    """The cells of one row, each with its style."""

    __slots__ = ("changed", "characters", "line", "styles", "touched")

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.styles: list[Style] = []
        #: Something wrote here or ended the row: it is a line, even if it is empty.
        self.touched = False
        #: The given-out line that shows this row, and whether the row was changed since.
        self.line: int | None = None
        self.changed = False

    def __len__(self) -> int:
        return len(self.characters)

    @property
    def is_line(self) -> bool:
        """Whether this is more than a place that the cursor has passed or never reached."""
        return self.touched or self.line is not None

    @property
    def blank(self) -> bool:
        """Whether nothing is visible here."""
        return not self._seen()

    def copy(self) -> "Row":
        """Return another row with the same cells."""
        row = Row()
        row.characters, row.styles, row.touched = [*self.characters], [*self.styles], self.touched
        return row

    def put(self, column: int, text: str, style: Style) -> int:
        """Write printable *text* from *column* on; return the column after it."""
        self._write()
        self._reach(column)
        if text.isascii():
            end = column + len(text)
            self._part(column)
            self._part(end)
            self.characters[column:end] = text
            self.styles[column:end] = [style] * len(text)
            return end
        for character in text:
            cells = width(character)
            if cells == 0:
                self._join(column, character)
                continue
            self._part(column)
            self._part(column + cells)
            self.characters[column : column + cells] = (character, "")[:cells]
            self.styles[column : column + cells] = [style] * cells
            column += cells
        return column

    def insert(self, column: int, count: int, limit: int) -> None:
        """Make room for *count* cells; cells that move beyond *limit* are lost."""
        if column >= len(self):
            return
        self._write()
        self._part(column)
        count = min(count, max(limit, len(self)) - column)
        limit = max(limit, len(self))
        self.characters[column:column] = " " * count
        self.styles[column:column] = [PLAIN] * count
        self.truncate(limit)

    def delete(self, column: int, count: int) -> None:
        """Remove *count* cells; the cells after them move up."""
        if column >= len(self):
            return
        self._write()
        end = min(len(self), column + count)
        self._part(column)
        self._part(end)
        del self.characters[column:end]
        del self.styles[column:end]

    def erase(self, first: int, end: int) -> None:
        """Blank the cells from *first* up to, but not including, *end*."""
        end = min(end, len(self))
        if first >= end:
            return
        if end == len(self):
            self.truncate(first)
            return
        self._write()
        self._part(first)
        self._part(end)
        self.characters[first:end] = " " * (end - first)
        self.styles[first:end] = [PLAIN] * (end - first)

    def truncate(self, column: int) -> None:
        """Erase everything from *column* on."""
        if column >= len(self):
            return
        self._write()
        self._part(column)
        del self.characters[column:]
        del self.styles[column:]

    def encoded(self, before: Style, after: Style, *, whole: bool = False) -> bytes:
        """Return the text of this row, with the codes from style *before* and to style *after*.

        :param whole: include the blanks at its end.
        """
        end = len(self) if whole else self._seen()
        parts: list[str] = []
        style, at = before, 0
        for wanted, cells in groupby(self.styles[:end]):
            size = sum(1 for _ in cells)
            parts += (codes(style, wanted), *self.characters[at : at + size])
            style, at = wanted, at + size
        parts.append(codes(style, after))
        return "".join(parts).encode("utf-8", "surrogateescape")

    def _seen(self) -> int:
        """Return the column after the last visible cell."""
        end = len(self)
        while end and self.characters[end - 1] == " " and not self.styles[end - 1].shows_blanks:
            end -= 1
        return end

    def _write(self) -> None:
        self.touched = self.changed = True

    def _reach(self, column: int) -> None:
        missing = column - len(self)
        if missing > 0:
            self.characters += " " * missing
            self.styles += [PLAIN] * missing

    def _part(self, column: int) -> None:
        """Note that something ends before *column*: half of a wide character becomes a blank (xterm does the same)."""
        if 0 < column < len(self) and self.characters[column] == "":
            self.characters[column - 1] = self.characters[column] = " "

    def _join(self, column: int, character: str) -> None:
        at = min(column, len(self)) - 1
        if at >= 0 and self.characters[at] == "":
            at -= 1
        if at >= 0 and len(self.characters[at]) <= MOST_JOINED:
            self.characters[at] += character
