"""The text of a stored line: what a terminal would be left with, without anything to obey. Pure.

Page, plain text, search and copying agree on it. The page's side is ``ui/src/log/model/ansi.ts``; ``line_vectors.json``
holds both to the same answers.
"""

from __future__ import annotations

import re

from runtail_web.row import Row
from runtail_web.sequences import ACTING_AFTER_ESC, AFTER_ESC, SHIFTS, number

#: What moves the cursor or takes text away, and everything else that is not text.
_STEPS = re.compile(rf"(?P<act>\x1b(?:{ACTING_AFTER_ESC})|[\r\b])|\x1b(?:{AFTER_ESC})")
#: What leaves the text as it is, wherever the cursor stands. Colours come first since they are the most.
QUIET = rf"\x1b(?:\[[0-9;:]*+m|(?!{ACTING_AFTER_ESC})(?:{AFTER_ESC}))"
_QUIET = re.compile(QUIET)
_CODED = re.compile(r"[\x1b\r\b]")
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if code != 0x09} | {0x7F: 0x2421}
#: C1 controls, which terminals differ about, line separators, and what changes the direction of a text.
_MARKS = [*range(0x80, 0xA0), 0x2028, 0x2029, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_UNSHIFTED = dict.fromkeys(map(ord, SHIFTS))
_SHOWN = _CONTROLS | dict.fromkeys(_MARKS, 0xFFFD)
#: Characters that are shown as others, for a character class.
ALTERED = r"\x00-\x08\x0b-\x1f\x7f" + "".join(map(chr, _MARKS))
#: What they are shown as.
PICTURES = frozenset(map(chr, _SHOWN.values()))


def plain(line: bytes) -> str:
    """Return the text of a stored line, which comes without its newline.

    Control characters are pictures and direction overrides marks; bytes that are not UTF-8 are U+FFFD.
    """
    return plain_text(line.decode("utf-8", "replace"))


def plain_text(text: str) -> str:
    """As :func:`plain`, for what is text already."""
    if text.isprintable():
        return text
    text = text.translate(_UNSHIFTED).rstrip("\r")
    if _CODED.search(text):
        # What is left of them may look like another one, so that those are not looked for in it.
        quiet = _QUIET.sub("", text)
        if _CODED.search(quiet):
            return _drawn(text)
        text = quiet
    return text.translate(_SHOWN)


def _drawn(text: str) -> str:
    row = Row()
    at = 0
    for found in _STEPS.finditer(text):
        row.write(text[at : found.start()].translate(_SHOWN))
        at = found.end()
        act = found["act"]
        if act is not None:
            row.act(act[-1], number(act[2:-1].lstrip("?").partition(";")[0]))
    row.write(text[at:].translate(_SHOWN))
    return row.text()
