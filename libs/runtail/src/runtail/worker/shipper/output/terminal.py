"""What a terminal does with output: turns text and sequences into a screen. Pure.

Follows ECMA-48 and xterm's control sequences (ctlseqs). Unknown sequences do nothing.
"""

import re
from collections.abc import Callable
from typing import Final

from runtail.worker.shipper.output.screen import LARGEST, Screen
from runtail.worker.shipper.output.style import PLAIN, Style, with_sgr

_TOKEN: Final = re.compile(
    r"([^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[([0-?]{0,4096})([ -/]{0,8})([@-~])"
    r"|\x1b\]8;([^\x00-\x1f\x7f]{0,4096})(?:\x07|\x1b\\)"
    r"|(\x1b[\]PX^_][^\x00-\x1f\x7f]{0,4096}(?:\x07|\x1b\\))"
    r"|\x1b([ -/]{0,8})([0-~])"
    r"|([\x00-\x1f\x7f-\x9f])"
)
_TEXT, _CSI, _LINK, _STRING, _ESCAPE, _CONTROL = 1, 4, 5, 6, 8, 9
#: Parameters of sequences that move something; other parameters are private.
_NUMBERS: Final = re.compile(r"\??[0-9;:]{0,64}")
#: The most cells moved or erased in a row by sequences that cost the program next to nothing.
_MOST_WORK: Final = 1 << 22

#: DEC's line drawing characters, 0x5f to 0x7e.
_DRAWN: Final = dict(zip(range(0x5F, 0x7F), " ◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))


class Terminal(Screen):
    """A screen that takes written output."""

    def write(self, text: str) -> int:
        """Take *text*, which does not end within a sequence; return how much of it was taken.

        This is all of it, unless a row grew too long or costs too much: then the caller begins a new row and writes
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
                taken = self.put(shown)
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
            self.save()
        elif final == "8":
            self.restore()
        elif final == "D":
            self.row.touched = True
            self.index()
        elif final == "E":
            self.newline()
        elif final == "M":
            if self.y == (self.top + self.margins[0] if self.margins else 0):
                self.scroll_down(1)
            else:
                self.to_row(max(0, self.y - 1))
        elif final == "c":
            self._soft_reset()
            self.style = PLAIN
            self.clear()
            self.to(0, 0)

    def _soft_reset(self) -> None:
        """DECSTR: reset colours and modes to their initial state; text, cursor and link stay."""
        self.style, self.margins, self.inserts, self.hidden = Style(link=self.style.link), None, False, False
        self.drawing, self.shifted = [False, False], 0
        self.saved = (0, 0, PLAIN, [False, False], 0)

    def _csi(self, parameters: str, intermediate: str, final: str) -> None:
        if intermediate == "!" and final == "p":
            self._soft_reset()
        if intermediate:
            return
        if final == "m":
            if not parameters or parameters[0] not in "<=>?":
                self.style = with_sgr(self.style, parameters)
            return
        private = parameters[:1] == "?"
        if not _NUMBERS.fullmatch(parameters) or (private and final not in "JKhl"):
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
                # The other screen: empty when it is entered, and empty when it is left.
                if number == 1049 and on:
                    self.save()
                self.clear()
                if number == 1049 and not on:
                    self.x, self.style = 0, self.saved[2]
                self.to_row(0)

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


def _number(part: str) -> int:
    digits = part.partition(":")[0].lstrip("0")
    if not digits.isdecimal() or not digits.isascii():
        return 0
    return int(digits) if len(digits) <= 5 else LARGEST


def _second(numbers: list[int]) -> int:
    return max(1, numbers[1] if len(numbers) > 1 else 1)


def _next_line(screen: Screen, count: int) -> None:
    screen.down(count)
    screen.x = 0


def _line_before(screen: Screen, count: int) -> None:
    screen.up(count)
    screen.x = 0


#: The effect of CSI ... with a final character: (screen, first number but at least 1, all numbers).
_MOVES: Final[dict[str, Callable[[Screen, int, list[int]], None]]] = {
    "@": lambda s, n, _: s.insert(n),
    "A": lambda s, n, _: s.up(n),
    "B": lambda s, n, _: s.down(n),
    "e": lambda s, n, _: s.down(n),
    "C": lambda s, n, _: s.to_column(s.x + n),
    "a": lambda s, n, _: s.to_column(s.x + n),
    "D": lambda s, n, _: s.to_column(s.x - n),
    "E": lambda s, n, _: _next_line(s, n),
    "F": lambda s, n, _: _line_before(s, n),
    "G": lambda s, n, _: s.to_column(n - 1),
    "`": lambda s, n, _: s.to_column(n - 1),
    "H": lambda s, n, all_: s.to(n - 1, _second(all_) - 1),
    "f": lambda s, n, all_: s.to(n - 1, _second(all_) - 1),
    "d": lambda s, n, _: s.to(n - 1, s.x),
    "I": lambda s, n, _: s.tabs(n),
    "Z": lambda s, n, _: s.tabs(-n),
    "L": lambda s, n, _: s.rows_at_cursor(n, insert=True),
    "M": lambda s, n, _: s.rows_at_cursor(n, insert=False),
    "P": lambda s, n, _: s.delete(n),
    "X": lambda s, n, _: s.blank(n),
    "S": lambda s, n, _: s.scroll_up(n),
    "T": lambda s, n, _: s.scroll_down(n),
    "b": lambda s, n, _: s.repeat(n),
    "r": lambda s, _, all_: s.set_margins(all_),
    "s": lambda s, _, __: s.save(),
    "u": lambda s, _, __: s.restore(),
}
