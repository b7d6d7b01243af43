"""A line of output as it is read: what a terminal would be left with, as text without anything to obey. Pure.

The page does the same in the browser; the tests hold both to one list of texts.
"""

from __future__ import annotations

import re

#: Escape sequences: an erasing one with its number, colours, links, and all others.
_SEQUENCES = re.compile(
    r"\x1b(?:"
    r"\[(?P<erase>[0-?]*)K"
    r"|\[[0-?]*+[ -/]*+[@-~]"
    r"|\][^\x07\x1b]*+(?:\x07|\x1b\\)"
    r"|[PX^_][^\x1b]*+\x1b\\"
    r"|[ -/]++[0-~]"
    r"|[0-OQ-WYZ\\`-~]"
    r")"
    r"|[\r\b]"
)
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if code != 0x09} | {0x7F: 0x2421}
_MARKS = [*range(0x80, 0xA0), 0x2028, 0x2029, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SHOWN = _CONTROLS | dict.fromkeys(_MARKS, 0xFFFD)
#: Each one may cost as much as the line: nobody watches more of them in one line.
MAX_ERASURES = 256


def plain(line: bytes) -> str:
    """Return a stored line, without its end, as text.

    Control characters are pictures and direction overrides marks; bytes that are not UTF-8 are U+FFFD.
    """
    text = line.decode("utf-8", "replace").rstrip("\r")
    if "\x1b" not in text and "\r" not in text and "\b" not in text:
        return text.translate(_SHOWN)
    return _drawn(text)


def _drawn(text: str) -> str:
    cells: list[str] = []
    column = at = erasures = 0
    for found in _SEQUENCES.finditer(text):
        column = _write(cells, column, text[at : found.start()])
        at = found.end()
        if found[0] == "\r":
            column = 0
        elif found[0] == "\b":
            column = max(0, column - 1)
        elif found["erase"] is not None and erasures < MAX_ERASURES:
            erasures += _erase(cells, column, found["erase"])
    _write(cells, column, text[at:])
    return "".join(cells)


def _write(cells: list[str], column: int, text: str) -> int:
    cells.extend(" " * (column - len(cells)))
    end = column + len(text)
    cells[column:end] = text.translate(_SHOWN)
    return end


def _erase(cells: list[str], column: int, mode: str) -> int:
    """Erase as CSI K does; return 1 if that may have cost as much as the line is long."""
    if mode in ("", "0"):
        del cells[column:]
        return 0
    if mode == "2":
        cells.clear()
    else:
        end = min(column + 1, len(cells))
        cells[:end] = " " * end
    return 1
