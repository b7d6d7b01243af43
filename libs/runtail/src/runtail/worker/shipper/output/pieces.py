"""Where a long line may be cut: between characters, and outside of escape sequences. Pure."""

import re
from typing import Final

#: A sequence longer than this is cut like text.
LONGEST_SEQUENCE: Final = 4112

_COMPLETE: Final = re.compile(
    rb"\x1b(?:\[[0-?]{0,4096}[ -/]{0,8}[@-~]|[\]PX^_][^\x00-\x1f\x7f]{0,4096}(?:\x07|\x1b\\)|[ -/]{0,8}[0-Z\\`-~])"
)
_BEGUN: Final = re.compile(rb"\x1b(?:[ -/]{0,8}|\[[0-?]{0,4096}[ -/]{0,8}|[\]PX^_][^\x00-\x1f\x7f]{0,4096}\x1b?)")

#: A string that a terminal takes in without showing it (an image, for example), as far as it has come: OSC with a
#: number, sixels and similar strings, kitty's graphics, and continuations of any of these.
_STRING: Final = re.compile(rb"\x1b(?:(\])(?:[0-9]{1,4};|;)|(P)(?:[0-9;]{0,64}[a-z]|;)|(_)[G;])[^\x00-\x1f\x7f]*")
#: How the rest of such a string begins in the next piece. No command has this name.
_AGAIN: Final = {b"]": b"\x1b];", b"P": b"\x1bP;", b"_": b"\x1b_;"}


def control_string(piece: bytes, *, begun: bool) -> bytes:
    """Return what the next piece must begin with if *piece* ends inside a long control string, else nothing.

    Otherwise megabytes of an image would become text: none of its pieces has both ends.

    :param begun: the piece continues such a string.
    """
    start = piece.rfind(b"\x1b")
    found = _STRING.fullmatch(piece, start) if start >= 0 else None
    if found is None or not (begun or len(piece) - start > LONGEST_SEQUENCE):
        return b""
    return _AGAIN[found[found.lastindex or 1]]


def piece_end(line: bytes, start: int, size: int) -> int:
    """Return where the piece of *line* from *start*, of at most *size* bytes, ends; the line goes on after it.

    The result depends only on those bytes and the byte after them.
    """
    end = start + size
    escape = line.find(b"\x1b", max(start, end - LONGEST_SEQUENCE), end)
    while escape >= 0:
        if complete := _COMPLETE.match(line, escape, end):
            escape = line.find(b"\x1b", complete.end(), end)
        elif escape > start and _BEGUN.fullmatch(line, escape, end):
            return escape
        else:
            escape = line.find(b"\x1b", escape + 1, end)
    cut = end
    while cut > start and end - cut < 4 and line[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut if cut > start and line[cut] >= 0xC0 else end


def tail_start(line: bytes, size: int) -> int:
    """Return where the last *size* bytes of *line* begin, or a few fewer: not within a character or a sequence."""
    start = max(0, len(line) - size)
    if not start:
        return 0
    first = max(0, start - LONGEST_SEQUENCE)
    for sequence in _COMPLETE.finditer(line, first):
        if sequence.start() >= start:
            break
        start = max(start, sequence.end())
    while start < len(line) and line[start] & 0xC0 == 0x80:
        start += 1
    return start
