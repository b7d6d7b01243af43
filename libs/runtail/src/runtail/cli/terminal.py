"""A run's output for a terminal: colours and links, but no other control sequences. Pure.

A task's output may come from anywhere. On its reader's terminal, it could write the clipboard (OSC 52), set the title,
send queries whose answers the terminal types into the reader's shell, or hide earlier output.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from typing import Final

#: A sequence of a known form (CSI, OSC and other strings up to their end, two characters), or a control character.
_SEQUENCE: Final = re.compile(
    r"\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|\x1b\](?P<osc>[^\x00-\x1f\x7f]*)(?:\x07|\x1b\\)"
    r"|\x1b[PX^_][^\x00-\x1f\x7f]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
#: Text that may become a sequence together with the next output.
_UNFINISHED: Final = re.compile(r"\x1b(?:[ -/]*|\[[0-?]*[ -/]*|[\]PX^_][^\x00-\x1f\x7f]*\x1b?)\Z")
_MAX_UNFINISHED_CHARS: Final = 4096
_COLOUR: Final = re.compile(r"[0-9;:]*m")
_ERASE: Final = re.compile(r"[0-2]?K")
#: The end of a link, or the beginning of a link to the web.
_LINK: Final = re.compile(r"8;[^;]*;(?:https?://[!-~]*)?")


def one_line(line: bytes, *, colour: bool) -> str:
    """Return a line in a form that stays on its line, whatever stands before it there.

    Of a line that was written over itself, only what it showed at the end.
    """
    text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
    shown = _SEQUENCE.sub(lambda found: found[0] if colour and _is_welcome(found) else "", text)
    return f"{shown}\x1b[0m" if "\x1b" in shown else shown


def words_of(line: bytes) -> str:
    """Return what can be read on a line: without control sequences."""
    return _SEQUENCE.sub("", line.decode("utf-8", "replace")).rstrip("\r")


def _is_welcome(found: re.Match[str]) -> bool:
    """Tell whether it is a colour or a link."""
    if found["csi"] is not None:
        return _COLOUR.fullmatch(found["csi"]) is not None
    return found["osc"] is not None and _LINK.fullmatch(found["osc"]) is not None


def wants_colour(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether to use colours: not if NO_COLOR is set and not empty, and not on a dumb terminal."""
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


class Terminal:
    """Filters one run's output, wherever it is split.

    :param colour: False removes colours and links as well.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""

    def feed(self, payload: bytes) -> bytes:
        """Return the part of the output that may be shown."""
        text = self._unfinished + self._decoder.decode(payload)
        self._unfinished = ""
        end = _UNFINISHED.search(text)
        if end and len(end[0]) <= _MAX_UNFINISHED_CHARS:
            text, self._unfinished = text[: end.start()], end[0]
        return _SEQUENCE.sub(self._kept, text).encode()

    def _kept(self, found: re.Match[str]) -> str:
        erases = found["csi"] is not None and _ERASE.fullmatch(found["csi"])
        return found[0] if erases or (self._colour and _is_welcome(found)) else ""
