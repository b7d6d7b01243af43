"""What a task returned, in the form in which its run's record keeps it: as JSON, without secrets, limited in size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

from runtail.masking.mask import Masker
from runtail.secret import HIDDEN, SHORTENED

#: The most that is kept of a result, as JSON, apart from what marks a cut.
MAX_BYTES: Final = 4096
_MAX_DEPTH: Final = 12
#: What each value takes besides its text: quotes, a comma, a colon.
_AROUND_BYTES: Final = 4
#: JavaScript reads larger whole numbers as other ones.
_MAX_INT: Final = 2**53


def kept(value: Any, masker: Masker) -> dict[str, Any] | None:
    """Return ``{"value": …, "cut": bool}``; None if there is no result.

    Looks at no more of the value than is kept, because a task may return gigabytes. What is not of a JSON type is kept
    as its ``repr``.

    :param masker: the run's.
    """
    if value is None:
        return None
    room = _Room(masker)
    return {"value": room.take(value), "cut": room.cut}


class _Room:
    """What is left for a value."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._left = MAX_BYTES
        self.cut = False

    def take(self, value: Any, depth: int = 0) -> Any:
        """Return as much of a value as fits; ``…`` stands for the rest."""
        if self._left <= 0:
            return self._rest()
        self._left -= _AROUND_BYTES
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._list(value, depth)
        try:
            return self._text(repr(value))
        except Exception:  # noqa: BLE001 - somebody's __repr__ may raise anything
            return f"<{type(value).__name__}>"

    def _rest(self) -> str:
        self.cut = True
        return SHORTENED

    def _number(self, value: float) -> Any:
        try:
            text = str(value)
        except ValueError:
            # Python does not write more than a few thousand digits.
            return self._rest()
        if self._masker.whole(text) != text:
            return HIDDEN
        as_number = abs(value) < _MAX_INT if isinstance(value, int) else math.isfinite(value)
        if not as_number:
            return self._text(text)
        self._left -= len(text)
        # (Subclasses may be written in their own way.)
        return int(value) if isinstance(value, int) else float(value)

    def _text(self, value: str) -> str:
        text = str(value[: max(self._left, 0)])
        cut = len(text) < len(value)
        text = self._masker.whole(text, cut=cut).encode("utf-8", "backslashreplace").decode("utf-8")
        # Most characters take a byte; in JSON some take six.
        while len(orjson.dumps(text)) > self._left + _AROUND_BYTES and text:
            text, cut = text[: len(text) // 2], True
        self._left -= len(orjson.dumps(text))
        return text + self._rest() if cut else text

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        found: dict[str, Any] = {}
        for name, one in value.items():
            if self._left <= 0 or depth >= _MAX_DEPTH:
                found[SHORTENED] = self._rest()
                break
            key = self._text(str(name))
            found[key] = self.take(one, depth + 1)
        return found

    def _list(self, value: Any, depth: int) -> list[Any]:
        found: list[Any] = []
        for one in value:
            if self._left <= 0 or depth >= _MAX_DEPTH:
                found.append(self._rest())
                break
            found.append(self.take(one, depth + 1))
        return found
