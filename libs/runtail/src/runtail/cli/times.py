"""Points in time and lengths of time, as people write and read them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import click

#: The units in which lengths of time are written, in seconds.
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def when(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Return a time in milliseconds since 1970, given as an age (``90s``, ``30m``, ``2h``, ``7d``) or in ISO 8601.

    :raises click.BadParameter: if the text is neither.
    """
    if value is None:
        return None
    ago = _seconds(value)
    try:
        if ago is not None:
            # No run is older than 1970.
            return max(0, int((time.time() - ago) * 1000))
        # A time without a zone is in this machine's time zone.
        return int(datetime.fromisoformat(value).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is not a time: write 30m, 2h, 7d, or 2026-01-31T14:05") from None


def length(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Return a length of time in seconds, given as ``90s``, ``30m``, ``2h`` or ``7d``.

    :raises click.BadParameter: if the text is none.
    """
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None:
        raise click.BadParameter(f"{value!r} is not a length of time: write 30m, 2h or 7d")
    return seconds


def _seconds(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    return float(found[1]) * _UNITS[found[2]] if found else None


def span(seconds: float) -> str:
    """Return a length of time in two units at most: ``<0.1s``, ``4.2s``, ``3m20s``, ``2h5m``, ``3d4h``."""
    if seconds < 0.1:
        return "<0.1s"
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    whole = int(seconds)
    for large, small in (("d", "h"), ("h", "m")):
        if whole >= _UNITS[large]:
            return f"{whole // _UNITS[large]}{large}{whole % _UNITS[large] // _UNITS[small]}{small}"
    return f"{whole // 60}m{whole % 60}s"


def exact(at_ms: float) -> str:
    """Return a time for programs, in ISO 8601 and UTC.

    :param at_ms: in milliseconds since 1970.
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def local(at_ms: float) -> str:
    """Return a time for people, in this machine's time zone, to the second.

    :param at_ms: in milliseconds since 1970.
    """
    return f"{datetime.fromtimestamp(at_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
