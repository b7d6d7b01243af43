"""A terminal's screen: rows, a cursor, and the operations on them. Pure.

Lines do not wrap. The screen is the last :data:`SCREEN_ROWS` of the rows kept here. A program may also go up into the
rows above them, since on a pipe it cannot know how high a screen is. Rows that leave the top are kept in
:attr:`Screen.left`, in their order.
"""

from typing import Final

from runtail.worker.shipper.output.cells import Row
from runtail.worker.shipper.output.style import PLAIN, Style

#: The size of the terminal that ``runtail.sh(tty=True)`` gives.
SCREEN_ROWS: Final = 40
COLUMNS: Final = 120
#: How many rows a program can go back to.
MOST_ROWS: Final = 100

#: A number above this means only "as far as possible".
LARGEST: Final = 65535
#: All rows together have at most this many cells, not counting what the first columns of each may hold.
_MOST_CELLS: Final = 65536
_SHORT_COLUMNS: Final = 512


class Screen:
    """Rows, a cursor and a style.

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
        most_columns: int = LARGEST,
    ) -> None:
        self.rows = [Row()]
        self.x = self.y = 0
        self.style = style
        #: Rows that left the top, oldest first; their taker removes them.
        self.left: list[Row] = []
        #: How far above the last row the cursor has been, and how many rows came since it was there.
        self.reach = self.advanced = 0
        self.margins: tuple[int, int] | None = None
        #: What a program has saved: row, column, style, character sets.
        self.saved: tuple[int, int, Style, list[bool], int] = (0, 0, PLAIN, [False, False], 0)
        self.inserts = False
        #: Whether the program has hidden the cursor.
        self.hidden = False
        #: The character sets G0 and G1 (True: line drawing), and which of them is in use.
        self.drawing = [False, False]
        self.shifted = 0
        #: Cells moved or erased lately; the code that begins a new row resets it.
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
        """The row that holds the cursor."""
        while self.y >= len(self.rows):
            self.rows.append(Row())
        return self.rows[self.y]

    def newline(self) -> None:
        r"""End the row, as ``\n`` does: the next one begins at its first column."""
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
        """Move rows out at the top of the scroll region, and blank ones in at its bottom."""
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
        """Move rows out at the bottom of the scroll region, and blank ones in at its top."""
        self._insert_rows(self._region()[0], count)

    def _insert_rows(self, at: int, count: int) -> None:
        _, last = self._region()
        count = min(count, last - at + 1)
        if not any(row.is_line for row in self.rows[at : last + 1]):
            return
        # A terminal forgets rows that fall off the bottom; a log does not.
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
        """Return the first and last row of the scroll region; all of its rows exist afterwards."""
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

    def put(self, text: str) -> int:
        """Write printable text; return how many characters had room."""
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
        """Return how many more cells the cursor's row may take from the cursor on."""
        room = self.most_columns - self.x
        if len(self.rows) > 1:
            free = max(0, _MOST_CELLS - sum(map(len, self.rows))) + max(0, len(self.row) - self.x)
            room = min(room, max(free, _SHORT_COLUMNS - self.x))
        return room

    def to_column(self, column: int) -> None:
        """Move within the row, no further than its edge."""
        # A program goes beyond the edge to find it; text that is longer has moved the edge.
        edge = max(COLUMNS, len(self.row), self.x + 1) - 1
        self.x = max(0, min(column, edge, self.most_columns))

    def to_row(self, row: int) -> None:
        """Move to a row of :attr:`rows`."""
        if row < self.y:
            self.reach = max(self.reach, len(self.rows) - 1 - row)
            self.advanced = 0
        self.y = row
        _ = self.row

    def up(self, count: int) -> None:
        """CUU: move up; within the scroll region if the cursor is in it."""
        limit = 0
        if self.margins and self.y >= self.top + self.margins[0]:
            limit = self.top + self.margins[0]
        self.to_row(max(limit, self.y - count))

    def down(self, count: int) -> None:
        """CUD: move down; within the scroll region if the cursor is in it."""
        limit = self.top + self._screen_rows - 1
        if self.margins and self.y <= self.top + self.margins[1]:
            limit = self.top + self.margins[1]
        self.to_row(max(self.y, min(limit, self.y + count)))

    def to(self, row: int, column: int) -> None:
        """CUP: move to a place on the screen, row and column counted from 0."""
        self.to_row(self.top + min(max(row, 0), self._screen_rows - 1))
        self.to_column(column)

    def save(self) -> None:
        """DECSC."""
        self.saved = (self.y - self.top, self.x, self.style, [*self.drawing], self.shifted)

    def restore(self) -> None:
        """DECRC."""
        row, self.x, self.style, drawing, self.shifted = self.saved
        self.drawing = [*drawing]
        self.to_row(self.top + min(max(row, -self.top), self._screen_rows - 1))

    def clear(self) -> None:
        """Begin with an empty screen; its old content leaves the top, as into a terminal's history."""
        row = self.y - self.top
        self._leave(0, len(self.rows))
        self.rows = [Row()]
        self.y = max(0, row)
        _ = self.row

    def insert(self, count: int) -> None:
        """ICH."""
        self.row.insert(self.x, count, COLUMNS)
        self.work += len(self.row)

    def delete(self, count: int) -> None:
        """DCH."""
        self.row.delete(self.x, count)
        self.work += len(self.row)

    def blank(self, count: int) -> None:
        """ECH."""
        self.row.erase(self.x, self.x + count)
        self.work += min(count, len(self.row))

    def repeat(self, count: int) -> None:
        """REP: repeat the character before the cursor *count* times."""
        row = self.row
        at = self.x - 1
        if at > 0 and at < len(row) and row.characters[at] == "":
            at -= 1
        if 0 <= at < len(row):
            self.put(row.characters[at][:1] * min(count, max(0, COLUMNS - self.x)))

    def tabs(self, count: int) -> None:
        """CHT, and CBT with a negative count."""
        if count > 0:
            self.to_column(self.x // 8 * 8 + 8 * count)
        else:
            self.to_column((self.x + 7) // 8 * 8 + 8 * count)

    def rows_at_cursor(self, count: int, *, insert: bool) -> None:
        """IL and DL."""
        first, last = self._region()
        if not first <= self.y <= last:
            return
        self.x = 0
        if insert:
            self._insert_rows(self.y, count)
        else:
            self._delete_rows(self.y, count)

    def set_margins(self, numbers: list[int]) -> None:
        """DECSTBM."""
        first = max(1, numbers[0]) - 1
        last = min((numbers[1] if len(numbers) > 1 else 0) or self._screen_rows, self._screen_rows) - 1
        if first >= last:
            return
        self.margins = None if (first, last) == (0, self._screen_rows - 1) else (first, last)
        self.to(0, 0)
