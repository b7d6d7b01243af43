"""The escape sequences of a terminal (ECMA-48), and what of them concerns one stored line. Pure.

A sequence never goes over the end of a line. What is none (cut off, or broken by another character) is text.
"""

from __future__ import annotations

#: What may follow ESC: CSI; OSC; DCS, SOS, PM and APC; the designation of a character set and its like; one character.
#: For texts and for bytes.
AFTER_ESC = (
    r"\[(?P<parameters>[0-?]*+)(?P<intermediates>[ -/]*+)(?P<final>[@-~])"
    r"|\](?P<command>[^\x07\x1b\n]*+)(?:\x07|\x1b\\)"
    r"|[PX^_][^\x1b\n]*+\x1b\\"
    r"|[ -/]++[0-~]"
    r"|(?P<single>[0-OQ-WYZ\\`-~])"
)
#: Those that move the cursor within its line, or take away more than what stands behind it.
MOVING_AFTER_ESC = r"\[\??0*[1-9][0-9;]*[JK]|\[[0-9;]*[@CDGPX]|\[[su]|[78]"
#: Those that take away what stands behind the cursor: nothing, unless it was moved back.
ERASING_END_AFTER_ESC = r"\[\??0*(?:;[0-9;]*)?[JK]"
#: All others leave the text as it is.
ACTING_AFTER_ESC = f"{MOVING_AFTER_ESC}|{ERASING_END_AFTER_ESC}"
#: Shift out and shift in, to another character set and back: its letters are shown as they are. A terminal obeys them
#: inside of sequences as well.
SHIFTS = "\x0e\x0f"

#: Parameters beyond this many in one sequence are noise.
MAX_PARAMETERS = 64
#: Larger numbers mean nothing else.
MAX_NUMBER = 10**9


def number(digits: str) -> int:
    """Return a parameter as a number; without digits it is 0."""
    # Python refuses to read very long ones.
    significant = digits.lstrip("0")
    return min(int(significant[:11] or "0"), MAX_NUMBER)


def numbers(parameters: str) -> list[int] | None:
    """Return the parameters of a sequence, at least one; None if they are more than numbers."""
    parts = parameters.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]
    if not all(part == "" or part.isdecimal() for part in parts):
        return None
    return [number(part) for part in parts]
