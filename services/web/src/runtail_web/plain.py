"""The text of a stored line: what a terminal would show in the end, without anything to obey. Pure.

Page, plain text, search and copying agree on it. The page's counterpart is ``ui/src/log/model/ansi.ts``;
``line_vectors.json`` holds both to the same answers.
"""

from __future__ import annotations

import re

from runtail_web.row import Row
from runtail_web.sequences import ACTING_AFTER_ESC, AFTER_ESC, SHIFTS, number

#: Everything that moves the cursor or removes text, and everything else that is not text.
_STEPS = re.compile(rf"(?P<act>\x1b(?:{ACTING_AFTER_ESC})|[\r\b])|\x1b(?:{AFTER_ESC})")
#: Sequences that leave the text as it is, wherever the cursor is. Colours come first because they are the most common.
QUIET = rf"\x1b(?:\[[0-9;:]*+m|(?!{ACTING_AFTER_ESC})(?:{AFTER_ESC}))"
_QUIET = re.compile(QUIET)
_CODED = re.compile(r"[\x1b\r\b]")
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if code != 0x09} | {0x7F: 0x2421}
#: C1 controls, which terminals treat differently, line separators, and characters that change the direction of a text.
_MARKS = [*range(0x80, 0xA0), 0x2028, 0x2029, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_UNSHIFTED = dict.fromkeys(map(ord, SHIFTS))
_SHOWN = _CONTROLS | dict.fromkeys(_MARKS, 0xFFFD)
#: Characters that are shown as others, for a character class.
ALTERED = r"\x00-\x08\x0b-\x1f\x7f" + "".join(map(chr, _MARKS))
#: The characters that they are shown as.
PICTURES = frozenset(map(chr, _SHOWN.values()))


def plain(line: bytes) -> str:
    """Return the text of a stored line, which is given without its newline.

    Control characters become pictures and direction overrides marks; bytes that are not UTF-8 become U+FFFD.
    """
    return plain_text(line.decode("utf-8", "replace"))


def plain_text(text: str) -> str:
    """Do the same as :func:`plain` for a line that is already text."""
    if text.isprintable():
        return text
    text = text.translate(_UNSHIFTED).rstrip("\r")
    if _CODED.search(text):
        # After the removal, the rest may look like another sequence; then draw the original text, not the rest.
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
