"""A call's arguments in recorded form: by name, as JSON, and limited in size."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from runtail.secret import HIDDEN, SHORTENED

#: The largest size of one run's recorded arguments, as JSON.
MAX_BYTES = 16 * 1024
#: A single text or representation longer than this is shortened first.
MAX_TEXT = 2000
_MAX_DEPTH = 6
_MAX_ITEMS = 200
#: Replaces arguments that are too large to be recorded.
TOO_LARGE = {SHORTENED: "too large"}


class Bound(NamedTuple):
    """A call's arguments."""

    #: All arguments by name, without defaults.
    named: dict[str, Any]
    #: The names whose values are secrets.
    hidden: frozenset[str] = frozenset()
    #: The secret values, including defaults.
    secrets: tuple[Any, ...] = ()


def bind(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], secrets: Collection[str] = ()
) -> Bound:
    """Return the arguments of ``function(*args, **kwargs)``.

    If a call does not fit the signature (the task will fail on it), its arguments
    are returned as they came, with positions as ``"0"``, ``"1"``…: an argument that
    matches no parameter may have been meant as the secret one, and counts as secret.

    :param secrets: names of secret parameters.
    """
    parameters: Mapping[str, inspect.Parameter] = {}
    try:
        signature = inspect.signature(function)
        parameters = signature.parameters
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):
        named: dict[str, Any] = {**{str(i): value for i, value in enumerate(args)}, **kwargs}
        hidden = frozenset({*secrets, *(named.keys() - parameters.keys())} if secrets else ())
        return Bound(named, hidden, tuple(value for name, value in named.items() if name in hidden))
    named, hidden = {}, frozenset(secrets)
    for name, value in bound.arguments.items():
        if parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
            hidden |= value.keys() if name in secrets else frozenset()
        else:
            named[name] = value
    defaults = {name: one.default for name, one in parameters.items() if one.default is not inspect.Parameter.empty}
    values = {**defaults, **named}
    return Bound(named, hidden, tuple(values[name] for name in sorted(hidden & values.keys())))


def defaults_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the defaults of a function's parameters."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}


def recorded(
    named: Mapping[str, Any], hidden: Collection[str] = (), mask: Callable[[str], str] = str
) -> dict[str, Any]:
    """Return *named* JSON-safe and at most :data:`MAX_BYTES` long.

    :param hidden: names whose values are secrets.
    :param mask: removes secrets from a text; called before anything is shortened.
    """
    safe = {str(name): HIDDEN if name in hidden else _safe(value, 0, mask) for name, value in named.items()}
    if len(json.dumps(safe)) <= MAX_BYTES:
        return safe
    short = {name: _shorten(value) for name, value in safe.items()}
    return short if len(json.dumps(short)) <= MAX_BYTES else dict(TOO_LARGE)


def _safe(value: Any, depth: int, mask: Callable[[str], str]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and mask(_text(value)) != _text(value):
        return HIDDEN
    if isinstance(value, int):
        # Beyond this, JavaScript would show a different number.
        return int(value) if abs(value) < 2**53 else _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _clip(mask(str(value)))
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {_clip(mask(str(k))): _safe(v, depth + 1, mask) for k, v in items}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_safe(item, depth + 1, mask) for item in list(value)[:_MAX_ITEMS]]
    try:
        return _clip(mask(repr(value)))
    except Exception:  # noqa: BLE001 - somebody's __repr__ may raise anything
        return f"<{type(value).__name__}>"


def _text(number: float) -> str:
    try:
        return str(number)
    except ValueError:
        # Python does not write more than a few thousand digits.
        return f"{number:#x}"


def _clip(text: str) -> str:
    # JSON in UTF-8 cannot carry lone surrogates.
    text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + SHORTENED
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _shorten(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= 200 else text[:200] + SHORTENED
