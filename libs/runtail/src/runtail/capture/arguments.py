"""A call's arguments as they are recorded: by name, as JSON, and bounded."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: The most the recorded arguments of one run take, as JSON.
MAX_BYTES = 16 * 1024
#: A single text or representation longer than this is shortened first.
MAX_TEXT = 2000
_MAX_DEPTH = 6
_MAX_ITEMS = 200
#: Stands for arguments that are too large to be recorded.
TOO_LARGE = {"…": "too large"}
#: Stands for an argument that is a secret.
HIDDEN = "***"


def bind(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments of ``function(*args, **kwargs)`` by name; defaults are left out.

    A call that does not fit the signature (the task will fail on it) is
    returned as it came, positions as ``"0"``, ``"1"``…
    """
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {**{str(i): value for i, value in enumerate(args)}, **kwargs}
    named: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        else:
            named[name] = value
    return named


def recorded(named: Mapping[str, Any], hidden: Sequence[str] = ()) -> dict[str, Any]:
    """Return *named* JSON-safe and at most :data:`MAX_BYTES` long.

    :param hidden: names whose values are secrets.
    """
    safe = {str(name): HIDDEN if name in hidden else _safe(value, 0) for name, value in named.items()}
    if len(json.dumps(safe)) <= MAX_BYTES:
        return safe
    short = {name: _shorten(value) for name, value in safe.items()}
    return short if len(json.dumps(short)) <= MAX_BYTES else dict(TOO_LARGE)


def _safe(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Beyond this JavaScript would show another number.
        return int(value) if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _clip(value)
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {_clip(str(k)): _safe(v, depth + 1) for k, v in list(value.items())[:_MAX_ITEMS]}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_safe(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    try:
        return _clip(repr(value))
    except Exception:  # noqa: BLE001 - somebody's __repr__ may raise anything
        return f"<{type(value).__name__}>"


def _clip(text: str) -> str:
    # Lone surrogates are no text that JSON in UTF-8 could carry.
    text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _shorten(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= 200 else text[:200] + "…"
