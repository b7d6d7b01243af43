"""A terminal's screen: what output leaves on it. Pure.

After ECMA-48 and xterm's control sequences; no line wraps. The screen is the last :data:`SCREEN_ROWS` of the rows
kept here. A program may also go up into the rows above them, since on a pipe it cannot know how high a screen is.
Whatever leaves the top stands in :attr:`Screen.left`, in its order.
"""

import re
from typing import Final

from runtail.shipper.cells import Row
from runtail.shipper.style import PLAIN, Style, with_sgr

#: The size of the terminal that ``runtail.sh(tty=True)`` gives.
SCREEN_ROWS: Final = 40
COLUMNS: Final = 120
#: How many rows a program can go back to.
MOST_ROWS: Final = 100

_TOKEN: Final = re.compile(
    r"([^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[([0-?]{0,4096})([ -/]{0,8})([@-~])"
    r"|\x1b\]8;([^\x00-\x1f\x7f]{0,4096})(?:\x07|\x1b\\)"
    r"|(\x1b[\]PX^_][^\x00-\x1f\x7f]{0,4096}(?:\x07|\x1b\\))"
    r"|\x1b([ -/]{0,8})([0-~])"
    r"|([\x00-\x1f\x7f-\x9f])"
)
_TEXT, _CSI, _LINK, _STRING, _ESCAPE, _CONTROL = 1, 4, 5, 6, 8, 9
#: A number above this one says no more than "as far as it goes".
_LARGEST: Final = 65535
#: All rows together have at most so many cells, apart from what the first columns of each may hold.
_MOST_CELLS: Final = 65536
_SHORT_COLUMNS: Final = 512
#: Cells moved or erased in a row by sequences that cost the program next to nothing.
_MOST_WORK: Final = 1 << 22

#: DEC's line drawing characters, 0x5f to 0x7e.
_DRAWN: Final = dict(zip(range(0x5F, 0x7F), " ◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))


class Screen:
    """Rows, a cursor and a style. :meth:`write` takes everything but newlines.

    :param screen_rows: how high the screen is.
    :param most_rows: how many rows are kept.
    :param most_columns: a row is at most about this long.
    """

    def __init__(
        self,
        style: Style = PLAIN,
        *,
        screen_rows: int = SCREEN_ROWS,
        most_rows: int = MOST_ROWS,
        most_columns: int = _LARGEST,
    ) -> None:
        self.rows = [Row()]
        self.x = self.y = 0
        self.style = style
        #: Rows that left the top, oldest first; whoever takes them removes them.
        self.left: list[Row] = []
        #: How far above the last row the cursor has been, and how many rows came since it was there.
        self.reach = self.advanced = 0
        self.margins: tuple[int, int] | None = None
        #: What a program has saved: row, column, style, character sets.
        self.saved: tuple[int, int, Style, list[bool], int] = (0, 0, PLAIN, [False, False], 0)
        self.inserts = False
        #: The program has hidden the cursor.
        self.hidden = False
        #: The character sets G0 and G1 (True: line drawing), and which of them is in use.
        self.drawing = [False, False]
        self.shifted = 0
        #: Cells moved or erased lately; whoever begins a new row sets it back.
        self.work = 0
        self._screen_rows = screen_rows
        self._most_rows = most_rows
        self.most_columns = most_columns

    @property
    def top(self) -> int:
        """Index of the screen's first row."""
        return max(0, len(self.rows) - self._screen_rows)

    @property
    def row(self) -> Row:
        """The row in which the cursor is."""
        while self.y >= len(self.rows):
            self.rows.append(Row())
        return self.rows[self.y]

    def write(self, text: str) -> int:
        """Take *text*, which ends with no part of a sequence; answer how much of it was taken.

        That is all of it, unless a row grew too long or costs too much: then the caller begins a new row and writes
        the rest. Where that happens does not depend on how the text was split.
        """
        at = 0
        while match := _TOKEN.match(text, at):
            if self.work > _MOST_WORK:
                return at
            kind = match.lastindex
            if kind == _TEXT:
                shown = match[1]
                if self.drawing[self.shifted]:
                    shown = shown.translate(_DRAWN)
                taken = self._put(shown)
                if taken < len(shown):
                    return at + taken
            elif kind == _CSI:
                self._csi(match[2], match[3], match[4])
            elif kind == _LINK:
                self.style = self.style.with_link(match[5])
            elif kind == _ESCAPE:
                self._escape(match[7], match[8])
            elif kind == _CONTROL:
                self._control(match[9])
            at = match.end()
        return len(text)

    def newline(self) -> None:
        """End the row, as ``\\n`` does: the next one begins at its first column."""
        self.row.touched = True
        self.x = 0
        self.index()

    def index(self) -> None:
        """Move down, scrolling where the screen or the scroll region ends."""
        top = self.top
        if self.margins and self.y == top + self.margins[1]:
            self.scroll_up(1)
        elif self.margins and self.y == top + self._screen_rows - 1:
            return
        else:
            self.y += 1
            if self.y == len(self.rows):
                self.rows.append(Row())
                self._bottom_moved(1)

    def scroll_up(self, count: int) -> None:
        """Rows leave the top of the scroll region, blank ones come in at its bottom."""
        first, last = self._region()
        count = min(count, last - first + 1)
        if not any(row.is_line for row in self.rows[first : last + 1]):
            return
        blank = [Row() for _ in range(count)]
        if first == self.top:
            self.rows[last + 1 : last + 1] = blank
            self.y += count
            self._bottom_moved(count)
        else:
            self._leave(first, count)
            self.rows[last + 1 - count : last + 1 - count] = blank

    def scroll_down(self, count: int) -> None:
        """Rows leave the bottom of the scroll region, blank ones come in at its top."""
        self._insert_rows(self._region()[0], count)

    def _insert_rows(self, at: int, count: int) -> None:
        _, last = self._region()
        count = min(count, last - at + 1)
        if not any(row.is_line for row in self.rows[at : last + 1]):
            return
        # What falls off the bottom a terminal forgets; a log does not.
        fallen = self.rows[last + 1 - count : last + 1]
        self.left += [row for row in reversed(fallen) if not row.blank]
        del self.rows[last + 1 - count : last + 1]
        self.rows[at:at] = [Row() for _ in range(count)]

    def _delete_rows(self, at: int, count: int) -> None:
        _, last = self._region()
        count = min(count, last - at + 1)
        del self.rows[at : at + count]
        self.rows[last + 1 - count : last + 1 - count] = [Row() for _ in range(count)]

    def _leave(self, first: int, count: int) -> None:
        self.left += [row for row in self.rows[first : first + count] if row.is_line]
        del self.rows[first : first + count]

    def _region(self) -> tuple[int, int]:
        """First and last row of the scroll region; all of its rows exist afterwards."""
        top = self.top
        while len(self.rows) < top + self._screen_rows:
            self.rows.append(Row())
        first, last = self.margins or (0, self._screen_rows - 1)
        return top + first, top + last

    def _bottom_moved(self, count: int) -> None:
        self.advanced += count
        surplus = len(self.rows) - self._most_rows
        if surplus > 0:
            self._leave(0, surplus)
            self.y -= surplus

    def _put(self, text: str) -> int:
        """Write printable text; answer how many characters had room."""
        row = self.row
        if self.inserts:
            row.insert(self.x, len(text), COLUMNS)
            self.work += len(row)
        if self.x + 2 * len(text) <= _SHORT_COLUMNS:
            self.x = row.put(self.x, text, self.style)
            return len(text)
        if text.isascii():
            taken = max(0, min(len(text), self._room()))
            self.x = row.put(self.x, text[:taken], self.style)
            return taken
        for taken, character in enumerate(text):
            if self._room() <= 0:
                return taken
            self.x = row.put(self.x, character, self.style)
        return len(text)

    def _room(self) -> int:
        """How many more cells the cursor's row may take from the cursor on."""
        room = self.most_columns - self.x
        if len(self.rows) > 1:
            free = max(0, _MOST_CELLS - sum(map(len, self.rows))) + max(0, len(self.row) - self.x)
            room = min(room, max(free, _SHORT_COLUMNS - self.x))
        return room

    def _to_column(self, column: int) -> None:
        # Beyond the edge a program goes to find it; text that is longer has moved it.
        edge = max(COLUMNS, len(self.row), self.x + 1) - 1
        self.x = max(0, min(column, edge, self.most_columns))

    def _to_row(self, row: int) -> None:
        if row < self.y:
            self.reach = max(self.reach, len(self.rows) - 1 - row)
            self.advanced = 0
        self.y = row
        _ = self.row

    def _up(self, count: int) -> None:
        limit = 0
        if self.margins and self.y >= self.top + self.margins[0]:
            limit = self.top + self.margins[0]
        self._to_row(max(limit, self.y - count))

    def _down(self, count: int) -> None:
        limit = self.top + self._screen_rows - 1
        if self.margins and self.y <= self.top + self.margins[1]:
            limit = self.top + self.margins[1]
        self._to_row(max(self.y, min(limit, self.y + count)))

    def _to(self, row: int, column: int) -> None:
        self._to_row(self.top + min(max(row, 0), self._screen_rows - 1))
        self._to_column(column)

    def _control(self, control: str) -> None:
        if control == "\r":
            self.x = 0
        elif control == "\b":
            self.x = max(0, self.x - 1)
        elif control == "\t":
            self.x = min(self.x // 8 * 8 + 8, self.most_columns)
        elif control in "\x0e\x0f":
            self.shifted = int(control == "\x0e")

    def _escape(self, intermediate: str, final: str) -> None:
        if intermediate in ("(", ")"):
            self.drawing[intermediate == ")"] = final == "0"
        elif intermediate:
            return
        elif final == "7":
            self._save()
        elif final == "8":
            self._restore()
        elif final == "D":
            self.row.touched = True
            self.index()
        elif final == "E":
            self.newline()
        elif final == "M":
            if self.y == (self.top + self.margins[0] if self.margins else 0):
                self.scroll_down(1)
            else:
                self._to_row(max(0, self.y - 1))
        elif final == "c":
            self.style, self.margins, self.inserts = PLAIN, None, False
            self.drawing, self.shifted = [False, False], 0
            self.clear()
            self._to(0, 0)

    def _save(self) -> None:
        self.saved = (self.y - self.top, self.x, self.style, [*self.drawing], self.shifted)

    def _restore(self) -> None:
        row, self.x, self.style, drawing, self.shifted = self.saved
        self.drawing = [*drawing]
        self._to_row(self.top + min(max(row, -self.top), self._screen_rows - 1))

    def clear(self) -> None:
        """Begin with an empty screen; what stood on it leaves the top, as into a terminal's history."""
        row = self.y - self.top
        self._leave(0, len(self.rows))
        self.rows = [Row()]
        self.y = max(0, row)
        _ = self.row

    def _csi(self, parameters: str, intermediate: str, final: str) -> None:
        if intermediate:
            return
        if final == "m":
            if not parameters or parameters[0] not in "<=>?":
                self.style = with_sgr(self.style, parameters)
            return
        private = parameters[:1] == "?"
        if parameters[:1] in ("<", "=", ">") or (private and final not in "JKhl"):
            return
        numbers = [_number(part) for part in parameters[private:].split(";", 8)[:8]]
        if final in "hl":
            self._mode(numbers, on=final == "h", private=private)
        elif final in "JK":
            self._erase(numbers[0], rows=final == "J")
        elif final in _MOVES:
            _MOVES[final](self, max(1, numbers[0]), numbers)

    def _mode(self, numbers: list[int], *, on: bool, private: bool) -> None:
        for number in numbers:
            if not private:
                if number == 4:
                    self.inserts = on
            elif number == 25:
                self.hidden = not on
            elif number in (47, 1047, 1049):
                # Another screen: like a new one, and like a new one when it is left.
                if number == 1049 and on:
                    self._save()
                self.clear()
                if number == 1049 and not on:
                    self.x, self.style = 0, self.saved[2]
                self._to_row(0)

    def _erase(self, how: int, *, rows: bool) -> None:
        row = self.row
        if rows and how == 2:
            self.clear()
        elif how == 0:
            row.truncate(self.x)
            if rows:
                del self.rows[self.y + 1 :]
        elif how == 1:
            row.erase(0, self.x + 1)
            for above in self.rows[self.top : self.y] if rows else ():
                above.truncate(0)
        elif how == 2:
            row.truncate(0)
        self.work += len(row)

    def _insert(self, count: int) -> None:
        self.row.insert(self.x, count, COLUMNS)
        self.work += len(self.row)

    def _delete(self, count: int) -> None:
        self.row.delete(self.x, count)
        self.work += len(self.row)

    def _blank(self, count: int) -> None:
        self.row.erase(self.x, self.x + count)
        self.work += min(count, len(self.row))

    def _repeat(self, count: int) -> None:
        row = self.row
        at = self.x - 1
        if at > 0 and at < len(row) and row.characters[at] == "":
            at -= 1
        if 0 <= at < len(row):
            self._put(row.characters[at][:1] * min(count, max(0, COLUMNS - self.x)))

    def _tabs(self, count: int) -> None:
        if count > 0:
            self._to_column(self.x // 8 * 8 + 8 * count)
        else:
            self._to_column((self.x + 7) // 8 * 8 + 8 * count)

    def _rows_at_cursor(self, count: int, *, insert: bool) -> None:
        first, last = self._region()
        if not first <= self.y <= last:
            return
        self.x = 0
        if insert:
            self._insert_rows(self.y, count)
        else:
            self._delete_rows(self.y, count)

    def _set_margins(self, numbers: list[int]) -> None:
        first = max(1, numbers[0]) - 1
        last = min((numbers[1] if len(numbers) > 1 else 0) or self._screen_rows, self._screen_rows) - 1
        if first >= last:
            return
        self.margins = None if (first, last) == (0, self._screen_rows - 1) else (first, last)
        self._to(0, 0)


def _number(part: str) -> int:
    digits = part.partition(":")[0].lstrip("0")
    if not digits.isdecimal() or not digits.isascii():
        return 0
    return int(digits) if len(digits) <= 5 else _LARGEST


def _second(numbers: list[int]) -> int:
    return max(1, numbers[1] if len(numbers) > 1 else 1)


def _next_line(screen: Screen, count: int) -> None:
    screen._down(count)
    screen.x = 0


def _line_before(screen: Screen, count: int) -> None:
    screen._up(count)
    screen.x = 0


#: What CSI ... with a final character does: (screen, first number but at least 1, all numbers).
_MOVES: Final = {
    "@": lambda s, n, _: s._insert(n),
    "A": lambda s, n, _: s._up(n),
    "B": lambda s, n, _: s._down(n),
    "e": lambda s, n, _: s._down(n),
    "C": lambda s, n, _: s._to_column(s.x + n),
    "a": lambda s, n, _: s._to_column(s.x + n),
    "D": lambda s, n, _: s._to_column(s.x - n),
    "E": lambda s, n, _: _next_line(s, n),
    "F": lambda s, n, _: _line_before(s, n),
    "G": lambda s, n, _: s._to_column(n - 1),
    "`": lambda s, n, _: s._to_column(n - 1),
    "H": lambda s, n, all_: s._to(n - 1, _second(all_) - 1),
    "f": lambda s, n, all_: s._to(n - 1, _second(all_) - 1),
    "d": lambda s, n, _: s._to(n - 1, s.x),
    "I": lambda s, n, _: s._tabs(n),
    "Z": lambda s, n, _: s._tabs(-n),
    "L": lambda s, n, _: s._rows_at_cursor(n, insert=True),
    "M": lambda s, n, _: s._rows_at_cursor(n, insert=False),
    "P": lambda s, n, _: s._delete(n),
    "X": lambda s, n, _: s._blank(n),
    "S": lambda s, n, _: s.scroll_up(n),
    "T": lambda s, n, _: s.scroll_down(n),
    "b": lambda s, n, _: s._repeat(n),
    "r": lambda s, _, all_: s._set_margins(all_),
    "s": lambda s, _, __: s._save(),
    "u": lambda s, _, __: s._restore(),
}
