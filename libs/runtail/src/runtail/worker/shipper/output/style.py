"""Colours and links: the style in force at a place in the output, and its codes. Pure.

Only what a page or a terminal can show is kept: colours, attributes such as bold, and OSC 8 links.
"""

import functools
import re
from typing import Final, NamedTuple

#: The same limit as the page's: codes beyond this many in one sequence are noise.
_MOST_PARAMETERS: Final = 64
#: No colour has a longer number.
_LONGEST_NUMBER: Final = 5

_SGR: Final = re.compile(rb"\x1b\[([0-9;:]*)m")
_LINK: Final = re.compile(rb"\x1b\]8;([^\x00-\x1f\x7f]*)(?:\x07|\x1b\\)")

#: Attributes, and the code that ends each (ECMA-48, 8.3.117).
_ENDED_BY: Final = {
    **dict.fromkeys(("1", "2"), "22"),
    **dict.fromkeys(("3", "20"), "23"),
    **dict.fromkeys(("4", "21"), "24"),
    **dict.fromkeys(("5", "6"), "25"),
    "7": "27",
    "8": "28",
    "9": "29",
    "53": "55",
    "58": "59",
    **dict.fromkeys(("51", "52"), "54"),
}
#: Underlined, inverse, struck out, framed, overlined.
_DRAWN_ON_BLANKS: Final = frozenset(("4", "21", "7", "9", "51", "52", "53"))
_ENDS: Final = frozenset(_ENDED_BY.values())
_FOREGROUNDS: Final = frozenset(map(str, (*range(30, 38), *range(90, 98))))
_BACKGROUNDS: Final = frozenset(map(str, (*range(40, 48), *range(100, 108))))


class Style(NamedTuple):
    """A character's appearance, as the parameters that produce it."""

    foreground: str = ""
    background: str = ""
    #: Codes in the order in which they were given.
    attributes: tuple[str, ...] = ()
    #: Parameters and address of an OSC 8 link: ``id=1;https://...``; empty if there is no link.
    link: str = ""

    @property
    def parameters(self) -> str:
        """The SGR parameters that turn the default style into this one."""
        return ";".join(filter(None, (*self.attributes, self.foreground, self.background)))

    @property
    def shows_blanks(self) -> bool:
        """Whether a blank in this style can be seen."""
        return bool(self.background or self.link) or any(_key(code) in _DRAWN_ON_BLANKS for code in self.attributes)

    def with_link(self, body: str) -> "Style":
        """Return this style after ``OSC 8 ; body``."""
        return self._replace(link=body if body.partition(";")[2] else "")


PLAIN: Final = Style()


def codes(before: Style, after: Style) -> str:
    """Return the codes that lead from style *before* to style *after*."""
    if before == after:
        return ""
    written = f"\x1b]8;{after.link or ';'}\x1b\\" if before.link != after.link else ""
    had, wanted = before.parameters, after.parameters
    if had == wanted:
        return written
    return f"{written}\x1b[{'0' if had else ''}{';' if had and wanted else ''}{wanted}m"


def codes_of(before: Style, after: Style) -> bytes:
    """Return :func:`codes` as output."""
    return codes(before, after).encode("utf-8", "surrogateescape")


@functools.lru_cache(maxsize=4096)
def with_sgr(style: Style, parameters: str) -> Style:
    """Return *style* after ``CSI parameters m``."""
    foreground, background, attributes, link = style
    parts = parameters.split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS]
    at = 0
    while at < len(parts):
        part = parts[at]
        at += 1
        if len(part) > 64:
            continue
        code = _key(part)
        if code in ("38", "48", "58"):
            colour = part
            if ":" not in part:
                how = _key(parts[at]) if at < len(parts) else ""
                size = {"5": 2, "2": 4}.get(how, 0)
                numbers = parts[at : at + size]
                at += size
                # A colour without all of its numbers is not a colour.
                complete = size and len(numbers) == size and all(len(n) <= _LONGEST_NUMBER for n in numbers)
                colour = ";".join([code, *numbers]) if complete else ""
            if colour and code == "38":
                foreground = colour
            elif colour and code == "48":
                background = colour
            elif colour:
                attributes = (*_without(attributes, "59"), colour)
        elif code == "0":
            foreground, background, attributes = "", "", ()
        elif code in _FOREGROUNDS or code == "39":
            foreground = code if code != "39" else ""
        elif code in _BACKGROUNDS or code == "49":
            background = code if code != "49" else ""
        elif code in _ENDS:
            attributes = _without(attributes, code)
        elif code == "4" and part.partition(":")[2] == "0":
            attributes = _without(attributes, "24")
        elif code in _ENDED_BY:
            kept = part if code == "4" and ":" in part else code
            attributes = (*(had for had in attributes if _key(had) != code), kept)
    return Style(foreground, background, attributes, link)


def style_after(output: bytes, before: Style) -> Style:
    """Return the style in force after *output* that began in *before*; cheap where colours are reset now and then."""
    if b"\x1b" not in output:
        return before
    links = output.rfind(b"\x1b]8;")
    found = _LINK.match(output, links) if links >= 0 else None
    if links >= 0 and found is None:
        # The last one was broken off: check all of them.
        found = next(reversed(list(_LINK.finditer(output))), None)
    style = before.with_link(_text(found[1])) if found else before
    reset = max(output.rfind(b"\x1b[0m"), output.rfind(b"\x1b[m"))
    if reset >= 0:
        style = Style(link=style.link)
    for code in _SGR.finditer(output, max(0, reset)):
        style = with_sgr(style, code[1].decode("ascii"))
    return style


def _without(attributes: tuple[str, ...], end: str) -> tuple[str, ...]:
    return tuple(code for code in attributes if _ENDED_BY[_key(code)] != end)


def _key(part: str) -> str:
    return part.partition(":")[0].partition(";")[0].lstrip("0") or "0"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
