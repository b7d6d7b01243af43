"""The escape sequences of a terminal (ECMA-48), as far as they concern one stored line. Pure.

A sequence never extends past the end of a line. An incomplete one (cut off, or broken by another character) is text.
"""

from __future__ import annotations

#: What may follow ESC: CSI; OSC; DCS, SOS, PM and APC; the designation of a character set and the like; one character.
#: For text and for bytes.
AFTER_ESC = (
    r"\[(?P<parameters>[0-?]*+)(?P<intermediates>[ -/]*+)(?P<final>[@-~])"
    r"|\](?P<command>[^\x07\x1b\n]*+)(?:\x07|\x1b\\)"
    r"|[PX^_][^\x1b\n]*+\x1b\\"
    r"|[ -/]++[0-~]"
    r"|(?P<single>[0-OQ-WYZ\\`-~])"
)
#: Sequences that move the cursor within its line, or remove more than the text after it.
MOVING_AFTER_ESC = r"\[\??0*[1-9][0-9;]*[JK]|\[[0-9;]*[@CDGPX]|\[[su]|[78]"
#: Sequences that remove the text after the cursor: there is nothing, unless the cursor was moved back.
ERASING_END_AFTER_ESC = r"\[\??0*(?:;[0-9;]*)?[JK]"
#: All other sequences leave the text as it is.
ACTING_AFTER_ESC = f"{MOVING_AFTER_ESC}|{ERASING_END_AFTER_ESC}"
#: Shift out and shift in, to another character set and back; its letters are shown as they are. A terminal obeys these
#: characters inside sequences as well.
SHIFTS = "\x0e\x0f"

#: Parameters beyond this many in one sequence are noise.
MAX_PARAMETERS = 64
#: Larger numbers have the same effect.
MAX_NUMBER = 10**9


def number(digits: str) -> int:
    """Return a parameter as a number, 0 if it has no digits."""
    # Python refuses to convert very long numbers.
    significant = digits.lstrip("0")
    return min(int(significant[:11] or "0"), MAX_NUMBER)


def numbers(parameters: str) -> list[int] | None:
    """Return the parameters of a sequence, at least one; None if they are not all numbers."""
    parts = parameters.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]
    if not all(part == "" or part.isdecimal() for part in parts):
        return None
    return [number(part) for part in parts]
