"""The colours in force at a line, from the SGR sequences before it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SGR = re.compile(rb"\x1b\[([0-9;:]*)m")
_RESET = re.compile(rb"\x1b\[0*(?:;[0-9;:]*)?m")
#: What a code sets, for the codes that others take back; a colour replaces a colour.
_OFF = {22: (1, 2), 23: (3,), 24: (4, 21), 25: (5, 6), 27: (7,), 28: (8,), 29: (9,), 39: (30,), 49: (40,), 59: (58,)}
#: Codes beyond this many in one sequence are noise.
MAX_CODES = 64


def _slot(code: int) -> int | None:
    """Return what a code sets: a colour by its first code, else itself; None if it sets nothing."""
    if 30 <= code <= 38 or 90 <= code <= 97:
        return 30
    if 40 <= code <= 48 or 100 <= code <= 107:
        return 40
    return code if 1 <= code <= 9 or code in (21, 58) else None


def _apply(style: dict[int, str], body: str) -> None:
    parts = body.split(";")[:MAX_CODES]
    at = 0
    while at < len(parts):
        part = parts[at]
        code = int(part.split(":")[0] or 0)
        if code in (38, 48, 58) and ":" not in part:
            length = {"5": 3, "2": 5}.get(parts[at + 1] if at + 1 < len(parts) else "", 1)
            part = ";".join(parts[at : at + length])
            at += length - 1
        at += 1
        slot = _slot(code)
        if code == 0:
            style.clear()
        elif code in _OFF or part == "4:0":
            for gone in _OFF.get(code, (4, 21)):
                style.pop(gone, None)
        elif slot is not None and part not in ("38", "48", "58"):
            style[slot] = part


def resets(output: bytes) -> bool:
    """Tell whether somewhere in an output everything is taken back, so that nothing before it matters."""
    return _RESET.search(output) is not None


def style_after(outputs: Iterable[bytes]) -> str:
    """Return the SGR parameters in force after some output, e.g. ``1;31``; empty if none are."""
    style: dict[int, str] = {}
    for output in outputs:
        if b"\x1b[" in output:
            for found in _SGR.finditer(output):
                _apply(style, found[1].decode())
    return ";".join(style[slot] for slot in sorted(style))
