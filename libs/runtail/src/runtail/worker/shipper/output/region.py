"""Rows that may still change: which of them become lines of the log, and when. Pure.

A line in which the cursor moves is drawn into one row and given out when it ends. Once something moves up or down,
the region is *open*: the rows above come back, and a row is given out when the program no longer reaches it. Lines
that were given out stay unchanged; if their rows change, the log says that they were redrawn, and the rows are given
out again.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from runtail.worker.shipper.output.cells import Row
from runtail.worker.shipper.output.history import History
from runtail.worker.shipper.output.pieces import piece_end
from runtail.worker.shipper.output.screen import MOST_ROWS, SCREEN_ROWS
from runtail.worker.shipper.output.style import PLAIN, Style, codes_of, style_after
from runtail.worker.shipper.output.terminal import Terminal

#: Sequences that need the rows above, or announce that they will: hiding the cursor does.
_VERTICAL: Final = re.compile(
    r"\x1b(?:[78DEMc]|\[\??(?:[0-9;:]*[ABEFHLMSTdefrsu]|0*[12]J|(?:[0-9]*;)*(?:25l|(?:47|1047|1049)[hl])))"
)
_HIDES_CURSOR: Final = re.compile(r"\x1b\[\?(?:[0-9]*;)*25l")
#: While the cursor is hidden, a program may add this many rows to those that it redraws.
_MAY_GROW_ROWS: Final = 10
#: Sequences that go back into (1), or away from, the part of a line that has left as a piece.
_LEAVES: Final = re.compile(r"(\r|\x1b\[\??[0-9;:]*[G`])|" + _VERTICAL.pattern)
#: The beginning of a character or of a sequence at the end of the input; a sequence is at most this long.
_INCOMPLETE: Final = re.compile(
    rb"(?:\x1b(?:[ -/]{0,8}|\[[0-?]{0,4096}[ -/]{0,8}|[\]PX^_][^\x00-\x1f\x7f]{0,4096}\x1b?)"
    rb"|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
_LONGEST_SEQUENCE: Final = 4112


class Region:
    """Draws output into rows and gives them out through *history*."""

    def __init__(
        self,
        history: History,
        mask: Callable[[bytes], bytes] = bytes,
        *,
        max_line_bytes: int,
        screen_rows: int = SCREEN_ROWS,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._history = history
        self._mask = mask
        self._max_line_bytes = max_line_bytes
        self._most_rows = most_rows
        self._screen = Terminal(screen_rows=screen_rows, most_rows=most_rows, most_columns=max_line_bytes)
        self._open = False
        #: A sequence announced that the program will move up; how far is unknown.
        self._announced = False
        #: Numbers of the lines that show rows of the screen, and how many lines were given out since the region opened.
        self._log: list[int] = []
        self._given = 0
        self._held = b""
        #: Bytes taken in minus bytes given out, since the region was begun.
        self._balance = 0
        self._rewritten_bytes = 0
        #: Counts the vertical moves.
        self.moves = 0
        #: Whether anything was ever drawn.
        self.begun = False

    @property
    def style(self) -> Style:
        """The style in which text would be written now."""
        return self._screen.style

    @property
    def rewritten_bytes(self) -> int:
        """How many bytes fewer were given out, or would be now, than came in."""
        held = sum(len(row.encoded(PLAIN, PLAIN)) + 1 for row in self._screen.rows if row.touched and row.line is None)
        return self._rewritten_bytes + max(0, self._balance - len(self._held) - max(0, held - 1))

    @rewritten_bytes.setter
    def rewritten_bytes(self, count: int) -> None:
        self._rewritten_bytes = count

    @property
    def waits(self) -> bool:
        """Whether the rows held back are whole lines that later output may or may not come back to."""
        screen = self._screen
        below = screen.rows[screen.y :]
        return self._open and not screen.margins and not screen.x and not any(row.touched for row in below)

    def line_end(self) -> bytes:
        """Return what must come for the next byte to begin a line of its own, below everything visible."""
        screen = self._screen
        last = max((at for at, row in enumerate(screen.rows) if not row.blank), default=-1)
        if last < screen.y and not self._held:
            return b"\r" if screen.x else b""
        return b"\n" * (max(0, last - screen.y) + 1)

    def begin(self) -> None:
        """Draw the line that begins now."""
        self.begun = True
        screen = self._screen
        screen.rows, screen.x, screen.y = [Row()], 0, 0
        screen.style = self._history.style
        screen.reach = screen.advanced = screen.work = 0

    def write(self, data: bytes, *, final: bool = False) -> None:
        """Take output without newlines; *final*: the line ends here."""
        self._balance += len(data)
        data = self._held + data
        self._held = b""
        if not final and (found := _INCOMPLETE.search(data, max(0, len(data) - _LONGEST_SEQUENCE))):
            data, self._held = data[: found.start()], data[found.start() :]
        text = data.decode("utf-8", "surrogateescape")
        while text:
            end, leaves = len(text), None
            if self._history.continued and (leaves := _LEAVES.search(text)):
                end = leaves.start()
            elif _VERTICAL.search(text):
                self._open_up(announced=_HIDES_CURSOR.search(text) is not None)
            taken = self._screen.write(text[:end])
            self._take_left()
            if taken < end:
                self._give_cursor_row()
            elif leaves:
                self._leave_long_line(_VERTICAL.match(leaves[0]) is not None)
                # The cursor was at the beginning of a row that is empty now, or moves where no piece is in its way.
                taken = leaves.end() if leaves[1] else taken
            text = text[taken:]

    def newline(self) -> bool:
        """Take a newline; return whether nothing is held any more, so that plain text may follow."""
        if self._held:
            self.write(b"", final=True)
        self._balance += 1
        screen = self._screen
        if not self._open:
            self._give(screen.row, screen.style)
            screen.rows, screen.x, screen.y = [Row()], 0, 0
            return self._rest()
        screen.newline()
        self._take_left()
        bottom = len(screen.rows) - 1
        if self._announced and not screen.reach:
            return False
        reach = screen.reach + (_MAY_GROW_ROWS if screen.hidden else 0)
        if screen.y == bottom and screen.advanced > reach and not screen.margins:
            return self.close()
        self._settle(min(screen.y, bottom - reach))
        return False

    def close(self) -> bool:
        """Give out the rows above the cursor; return as :meth:`newline` does."""
        screen = self._screen
        if not self._open:
            return False
        self._settle(screen.y)
        if screen.margins or any(row.touched for row in screen.rows[screen.y + 1 :]):
            return False
        shown = b"".join(row.encoded(PLAIN, PLAIN) + b"\n" for row in screen.rows[: screen.y])
        self._history.remember(shown, PLAIN, [self._given - line for line in self._log])
        self._open = self._announced = False
        self._log, self._given = [], 0
        screen.rows, screen.y = [screen.row], 0
        screen.reach = screen.advanced = 0
        return not screen.x and not screen.row.touched and self._rest()

    def settle(self) -> None:
        """Give out the rows above the cursor: something that is not output follows them."""
        self._settle(self._screen.y)

    def part(self) -> None:
        """Note that lines from elsewhere follow the lines given out so far: changes to these come as new lines."""
        for row in self._screen.rows:
            row.line = None
        self._log, self._given = [], 0
        self._history.forget()

    def finish(self) -> None:
        """Give out everything; nothing comes back to it."""
        if self._held:
            self.write(b"", final=True)
        screen = self._screen
        ended = [row for row in screen.rows[: screen.y] if row.is_line]
        rest = screen.rows[screen.y :]
        while rest and rest[-1].blank:
            rest.pop()
        # Blank rows below everything are the rest of a screen, as rich leaves it below its bars.
        while self._open and ended and not rest and ended[-1].blank and ended[-1].line is None:
            ended.pop()
        # Where the cursor only passed, or never was, there is no line.
        screen.rows = ended + [row for row in rest if row.is_line]
        self._settle(len(screen.rows) - 1 if rest else len(ended))
        self._supersede(self._matching())
        if rest and len(self._log) < len(screen.rows):
            self._give_long(self._encoded(rest[-1], self._history.style, screen.style), end=b"")
        self._open = self._announced = False
        self._log, self._given = [], 0
        self._history.forget()
        self._rest()
        self.begin()

    def rows(self, more: bytes) -> list[bytes]:
        """Return what a terminal shows of output that is not given out yet, each row with its codes.

        :param more: text that may come at the cursor, to be shown too.
        """
        screen = self._screen
        rows = screen.rows[self._matching() :]
        at = screen.y - len(screen.rows) + len(rows)
        if at >= 0 and (text := more.decode("ascii", "ignore")).isprintable() and text:
            rows[at] = screen.row.copy()
            rows[at].put(screen.x, text, screen.style)
        while rows and rows[-1].blank:
            rows.pop()
        return [self._encoded(row, PLAIN, PLAIN) for row in rows if row.touched]

    def _open_up(self, *, announced: bool) -> None:
        self.moves += 1
        self._announced = self._announced or announced
        if self._open:
            return
        self._open, self._given = True, 0
        history, screen = self._history, self._screen
        past = history.take_back(self._most_rows - 1)
        for line in past:
            row = _row(line.text.rstrip(b"\r"), line.style)
            row.touched, row.changed = True, False
            if line.back is not None:
                row.line = -line.back
                self._log.append(row.line)
            else:
                self._balance += len(line.text) + 1
            screen.rows.insert(screen.y, row)
            screen.y += 1
        history.forget()

    def _take_left(self) -> None:
        """Give out the rows that left the top of the screen: they are final."""
        screen = self._screen
        if not screen.left:
            return
        left, screen.left = screen.left, []
        for row in left:
            if self._log and row.line == self._log[0] and not row.changed:
                del self._log[0]
            else:
                self._supersede(0)
                self._give(row, PLAIN)

    def _matching(self) -> int:
        """Return how many of the lines that show rows of the screen still match them, counted from the first."""
        matching = 0
        for row, line in zip(self._screen.rows, self._log, strict=False):
            if row.line != line or row.changed:
                break
            matching += 1
        return matching

    def _settle(self, end: int) -> None:
        """Give out the rows before *end* as they are now, unless lines already show them so."""
        matching = self._matching()
        if end <= matching:
            return
        self._supersede(matching)
        for row in self._screen.rows[matching:end]:
            self._give(row, PLAIN)
            assert row.line is not None
            self._log.append(row.line)

    def _supersede(self, matching: int) -> None:
        """Report the lines after the first *matching* ones as redrawn: their rows look different now."""
        if matching < len(self._log):
            self._history.tell_redrawn(self._given - self._log[matching])
            del self._log[matching:]

    def _give(self, row: Row, after: Style) -> None:
        row.line, row.changed = self._given, False
        self._give_long(self._encoded(row, self._history.style, after), end=b"\n")

    def _encoded(self, row: Row, before: Style, after: Style) -> bytes:
        text = "".join(row.characters).encode("utf-8", "surrogateescape")
        masked = self._mask(text)
        if masked == text:
            return row.encoded(before, after)
        return codes_of(before, PLAIN) + masked.rstrip(b" ") + codes_of(PLAIN, after)

    def _give_long(self, line: bytes, *, end: bytes) -> None:
        history, start = self._history, 0
        while len(line) - start > self._max_line_bytes:
            stop = piece_end(line, start, self._max_line_bytes)
            self._balance -= history.give_piece(line[start:stop])
            self._given += 1
            start = stop
        if end:
            self._balance -= history.give(line[start:] + end, remember=not self._open)
            self._given += 1
        elif start < len(line):
            self._balance -= history.give_piece(line[start:], continues=False)
            self._given += 1

    def _give_cursor_row(self) -> None:
        """Give out the row at the cursor, which is too long, in pieces; an empty row continues its line."""
        screen, history = self._screen, self._history
        if self._open:
            row = screen.row
            screen.rows = [*(other for other in screen.rows if other is not row), row]
            screen.y = len(screen.rows) - 1
            self._settle(screen.y)
            self._supersede(self._matching())
            self._open = self._announced = False
            self._log, self._given = [], 0
        line, start = self._encoded(screen.row, history.style, screen.style), 0
        while start < len(line):
            stop = len(line)
            if stop - start > self._max_line_bytes:
                stop = piece_end(line, start, self._max_line_bytes)
            self._balance -= history.give_piece(line[start:stop])
            start = stop
        screen.rows, screen.x, screen.y = [Row()], 0, 0
        screen.margins, screen.work, screen.reach, screen.advanced = None, 0, 0, 0

    def _leave_long_line(self, for_good: bool) -> None:
        """Handle a move back into a piece: the row leaves as the next piece, or ends the line."""
        screen = self._screen
        if for_good:
            # Rows are held back and may come again; the end of a line that began with pieces cannot.
            self._give(screen.row, screen.style)
            screen.rows, screen.y = [Row()], 0
        elif len(screen.row):
            self._give_cursor_row()
        screen.x = screen.x if for_good else 0

    def _rest(self) -> bool:
        """Settle the account; return whether plain text may follow: not while letters draw lines."""
        self._rewritten_bytes += max(0, self._balance)
        self._balance = 0
        return not self._screen.drawing[self._screen.shifted]

    def save(self) -> dict[str, Any]:
        """Return everything needed to continue, as JSON values."""
        screen = self._screen
        return {
            "rows": [
                [row.encoded(PLAIN, PLAIN, whole=True).decode("latin-1"), row.line, row.changed, row.touched]
                for row in screen.rows
            ],
            "at": [screen.x, screen.y],
            "style": codes_of(PLAIN, screen.style).decode("latin-1"),
            "kept": [*screen.saved[:2], codes_of(PLAIN, screen.saved[2]).decode("latin-1"), *screen.saved[3:]],
            "reach": [screen.reach, screen.advanced, screen.work],
            "modes": [screen.margins, screen.inserts, screen.hidden, screen.drawing, screen.shifted],
            "open": [self._open, self._announced, self._log, self._given],
            "held": self._held.decode("latin-1"),
            "balance": [self._balance, self._rewritten_bytes],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore the state that :meth:`save` returned."""
        self.begun = True
        screen = self._screen
        screen.rows = []
        for text, line, changed, touched in saved["rows"]:
            row = _row(text.encode("latin-1"), PLAIN)
            row.line, row.changed, row.touched = line, changed, touched
            screen.rows.append(row)
        screen.x, screen.y = saved["at"]
        screen.style = _style(saved["style"])
        at_row, at_column, style, drawing, shifted = saved["kept"]
        screen.saved = (at_row, at_column, _style(style), drawing, shifted)
        screen.reach, screen.advanced, screen.work = saved["reach"]
        margins, screen.inserts, screen.hidden, screen.drawing, screen.shifted = saved["modes"]
        screen.margins = tuple(margins) if margins else None
        self._open, self._announced, self._log, self._given = saved["open"]
        self._held = saved["held"].encode("latin-1")
        self._balance, self._rewritten_bytes = saved["balance"]


def _row(text: bytes, style: Style) -> Row:
    """Return the row that *text* makes; *text* only moves forward."""
    screen = Terminal(style)
    screen.write(text.decode("utf-8", "surrogateescape"))
    return screen.rows[0]


def _style(saved: str) -> Style:
    return style_after(saved.encode("latin-1"), PLAIN)
