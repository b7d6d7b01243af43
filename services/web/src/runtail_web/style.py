"""The style of text: colours, attributes and the link in force, from the sequences before it. Pure.

The page's counterpart is ``ui/src/log/model/style.ts``; ``line_vectors.json`` holds both to the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from runtail_web.plain import ALTERED
from runtail_web.sequences import AFTER_ESC, MAX_PARAMETERS, number

BOLD, DIM, ITALIC, UNDERLINE, STRIKE, INVERSE, HIDDEN = (1 << bit for bit in range(7))
#: Added to a true colour, so that it cannot be taken for one of the 256 of the palette.
TRUE_COLOUR = 0x1000000
#: Longer addresses are not meant for people.
MAX_HREF_CHARS = 2048

_SEQUENCE = re.compile(rf"\x1b(?:{AFTER_ESC})")
_RESET = re.compile(rb"\x1b(?:\[0*(?:;[0-9;:]*)?m|\[!p|c)")
_LINK = re.compile(rb"\x1b(?:\]8;|c)")
_HREF = re.compile(rf"https?://[^\s{ALTERED}]+", re.IGNORECASE)
_ON = {1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 8: HIDDEN, 9: STRIKE, 21: UNDERLINE}
_OFF = {22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 28: HIDDEN, 29: STRIKE}


@dataclass(frozen=True, slots=True)
class Style:
    """The look of text."""

    #: -1: the default; 0-255: the palette; from :data:`TRUE_COLOUR` on: red, green, blue.
    fg: int = -1
    bg: int = -1
    flags: int = 0
    #: Address of an OSC 8 link, always http or https; empty if there is none.
    href: str = ""

    @property
    def sgr(self) -> str:
        """The colours and attributes as the parameters of an SGR sequence, e.g. ``1;31``; empty if there are none."""
        codes = [str(code) for code, flag in _ON.items() if self.flags & flag and code != 21]
        return ";".join([*codes, *_colour(self.fg, 30), *_colour(self.bg, 40)])


PLAIN = Style()


def carried(text: str, style: Style = PLAIN) -> Style:
    """Return the style in force after a text that begins in a given style."""
    for found in _SEQUENCE.finditer(text):
        final, command = found["final"], found["command"]
        if final == "m" and not found["intermediates"]:
            style = _graphics(style, found["parameters"])
        elif final == "p" and found["intermediates"] == "!":
            style = Style(href=style.href)
        elif found["single"] == "c":
            style = PLAIN
        elif command is not None and command.startswith("8;"):
            style = replace(style, href=_address(command))
    return style


def resets(output: bytes) -> bool:
    """Tell whether the output resets all colours somewhere, so that earlier ones do not matter."""
    return _RESET.search(output) is not None


def links(output: bytes) -> bool:
    """Tell whether a link begins or ends in the output, so that earlier ones do not matter."""
    return _LINK.search(output) is not None


def style_after(outputs: Iterable[bytes]) -> Style:
    """Return the style in force after some output."""
    style = PLAIN
    for output in outputs:
        if b"\x1b" in output:
            style = carried(output.decode("utf-8", "replace"), style)
    return style


def _colour(colour: int, base: int) -> list[str]:
    if colour < 0:
        return []
    if colour < 8:
        return [str(base + colour)]
    if colour < 16:
        return [str(base + 52 + colour)]
    if colour < TRUE_COLOUR:
        return [f"{base + 8};5;{colour}"]
    return [f"{base + 8};2;{colour >> 16 & 255};{colour >> 8 & 255};{colour & 255}"]


def _address(command: str) -> str:
    address = command.partition(";")[2].partition(";")[2]
    return address if len(address) <= MAX_HREF_CHARS and _HREF.fullmatch(address) else ""


def _chosen(parts: list[str]) -> int:
    """Return the colour of ``5 n`` or ``2 r g b``; -1 if it is neither, or incomplete."""
    values = [min(number(part), 255) for part in parts]
    if values[:1] == [5] and len(values) > 1:
        return values[1]
    if values[:1] == [2] and len(values) > 3:
        return TRUE_COLOUR | values[1] << 16 | values[2] << 8 | values[3]
    return -1


def _graphics(style: Style, parameters: str) -> Style:
    if re.search(r"[<-?]", parameters):
        return style
    fg, bg, flags = style.fg, style.bg, style.flags
    parts = parameters.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]
    at = 0
    while at < len(parts):
        sub = parts[at].split(":", MAX_PARAMETERS)[:MAX_PARAMETERS]
        code = number(sub[0])
        at += 1
        if code in (38, 48, 58):
            if len(sub) == 1:
                how = number(parts[at]) if at < len(parts) else 0
                length = {5: 2, 2: 4}.get(how, 0)
                colour = _chosen(parts[at : at + length])
                at += length
            else:
                # With six parts, a colour space comes before the colour.
                colour = _chosen([sub[1], *sub[3:]] if number(sub[1]) == 2 and len(sub) >= 6 else sub[1:])
            if code == 38 and colour >= 0:
                fg = colour
            elif code == 48 and colour >= 0:
                bg = colour
        elif len(sub) > 1:
            # The kind of an underline; 0 means no underline.
            if code == 4:
                flags = flags | UNDERLINE if number(sub[1]) else flags & ~UNDERLINE
        elif code == 0:
            fg, bg, flags = -1, -1, 0
        elif 30 <= code <= 37 or 90 <= code <= 97:
            fg = code - (30 if code < 40 else 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            bg = code - (40 if code < 50 else 92)
        elif code == 39:
            fg = -1
        elif code == 49:
            bg = -1
        else:
            flags = (flags | _ON.get(code, 0)) & ~_OFF.get(code, 0)
    return Style(fg, bg, flags, style.href)
