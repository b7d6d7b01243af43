"""One row of a terminal that never wraps: cells, and a cursor that may go back. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

#: A cell that is empty or whose text was removed. No text contains it, because control characters are pictures.
BLANK = "\0"
TAB_COLUMNS = 8
#: A sequence can move the cursor to this column at most, or to the row's end if that is further.
MAX_COLUMN = 1000
#: Cells that may be filled, moved or blanked besides writing: nobody watches more changes in one line.
MAX_WORK_CELLS = 1_000_000


def width(character: str) -> int:
    """Return how many columns a character takes: 0 if it joins the character before it, else 1 or 2."""
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


class Row:
    """Takes text and control functions that move the cursor; the last write wins."""

    def __init__(self) -> None:
        #: One character per cell, or several that share it; empty in further columns of a wide character.
        self._cells: list[str] = []
        self._column = self._saved = self._work = 0
        self._acts: dict[str, Callable[[int], None]] = {
            "\r": lambda _: self._move(0),
            "\b": lambda _: self._move(self._column - 1),
            "G": lambda count: self._move((count or 1) - 1),
            "C": lambda count: self._move(self._column + (count or 1)),
            "D": lambda count: self._move(self._column - (count or 1)),
            "s": self._save,
            "7": self._save,
            "u": lambda _: self._move(self._saved),
            "8": lambda _: self._move(self._saved),
            "K": self._erase_line,
            "J": self._erase_display,
            "P": lambda count: self._delete(count or 1),
            "X": lambda count: self._blank(self._column, self._column + (count or 1)),
            "@": lambda count: self._insert(count or 1),
        }

    def act(self, function: str, parameter: int) -> None:
        """Obey a control character or a sequence.

        :param function: the control character, or the last character of the sequence.
        :param parameter: the first number of the sequence, 0 if it has none.
        """
        act = self._acts.get(function)
        if act is not None:
            act(parameter)

    def text(self) -> str:
        """Return the resulting text."""
        return "".join(self._cells).rstrip(BLANK).replace(BLANK, " ")

    def write(self, text: str) -> None:
        """Write at the cursor."""
        for character in text:
            if character == "\t":
                self._tab()
                continue
            columns = width(character)
            if columns == 0 and self._joined(character):
                continue
            self._reach()
            columns = columns or 1
            end = self._column + columns
            self._split(self._column)
            self._split(end)
            self._cells[self._column : end] = [character] + [""] * (columns - 1)
            self._column = end

    def _tab(self) -> None:
        end = (self._column // TAB_COLUMNS + 1) * TAB_COLUMNS
        # Over existing text, a tab only moves the cursor.
        if self._column >= len(self._cells):
            self._reach()
            self._cells += ["\t"] + [""] * (end - self._column - 1)
        self._column = end

    def _joined(self, character: str) -> bool:
        """Put a character into the cell before the cursor, or into the first one; return False if there is no cell."""
        at = max(0, self._column - 1)
        if at >= len(self._cells):
            return False
        owner = self._owner(at)
        self._cells[owner] = self._cells[owner].replace(BLANK, " ") + character
        return True

    def _owner(self, at: int) -> int:
        while self._cells[at] == "":
            at -= 1
        return at

    def _split(self, at: int) -> None:
        """Split the row at a column: a wide character that extends over the column is lost."""
        if not 0 < at < len(self._cells) or self._cells[at] != "":
            return
        start, end = self._owner(at), at
        while end < len(self._cells) and self._cells[end] == "":
            end += 1
        self._cells[start:end] = [BLANK] * (end - start)

    def _afford(self, cells: int) -> bool:
        self._work += cells
        return self._work <= MAX_WORK_CELLS

    def _reach(self) -> None:
        """Fill the row up to the cursor."""
        missing = self._column - len(self._cells)
        if missing <= 0:
            return
        if self._afford(missing):
            self._cells += [BLANK] * missing
        else:
            self._column = len(self._cells)

    def _move(self, column: int) -> None:
        self._column = max(0, min(column, max(len(self._cells), MAX_COLUMN)))

    def _save(self, _: int) -> None:
        self._saved = self._column

    def _erase_line(self, mode: int) -> None:
        if mode == 2:
            self._cells.clear()
        else:
            self._erase_display(mode)

    def _erase_display(self, mode: int) -> None:
        # In a terminal, erasing the whole display only moves the text out of sight, so no text is lost here.
        if mode == 0:
            self._blank(self._column, len(self._cells))
        elif mode == 1:
            self._blank(0, self._column + 1)

    def _blank(self, start: int, end: int) -> None:
        if start >= len(self._cells):
            return
        self._split(start)
        if end >= len(self._cells):
            del self._cells[start:]
        elif self._afford(end - start):
            self._split(end)
            self._cells[start:end] = [BLANK] * (end - start)

    def _delete(self, count: int) -> None:
        if self._column < len(self._cells) and self._afford(len(self._cells) - self._column):
            end = min(self._column + count, len(self._cells))
            self._split(self._column)
            self._split(end)
            del self._cells[self._column : end]

    def _insert(self, count: int) -> None:
        count = min(count, MAX_COLUMN)
        if self._column < len(self._cells) and self._afford(len(self._cells) - self._column + count):
            self._split(self._column)
            self._cells[self._column : self._column] = [BLANK] * count
