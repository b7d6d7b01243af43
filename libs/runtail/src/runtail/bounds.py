"""The bounds of a parameter's values in words, from its JSON Schema. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def number(value: int | float) -> str:
    """Return a number as people and the page write it, without ``.0``."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else str(value)


def counted(count: float, one: str, many: str) -> str:
    """Return a number of things: ``1 character``, ``8 characters``."""
    return f"{number(count)} {one if count == 1 else many}"


def bounds_of(rule: object) -> str:
    """Return the bounds as the form has them, such as ``1 to 64``; empty if there are none.

    :param rule: what a worker has published, which may be anything.
    """
    if not isinstance(rule, Mapping):
        return ""
    if isinstance(branches := rule.get("anyOf"), list):
        real = [one for one in branches if not isinstance(one, Mapping) or one.get("type") != "null"]
        return bounds_of(real[0]) if len(real) == 1 else ""
    step = _number_in(rule, "multipleOf")
    parts = [
        _numbers(rule),
        "" if step is None else f"a multiple of {number(step)}",
        _counts(_number_in(rule, "minLength"), _number_in(rule, "maxLength"), "character", "characters"),
        _counts(_number_in(rule, "minItems"), _number_in(rule, "maxItems"), "element", "elements"),
    ]
    if each := bounds_of(rule.get("items")):
        parts.append(f"each {each}")
    return ", ".join(filter(None, parts))


def _number_in(rule: Mapping[str, Any], keyword: str) -> int | float | None:
    value = rule.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _numbers(rule: Mapping[str, Any]) -> str:
    least, most = _number_in(rule, "minimum"), _number_in(rule, "maximum")
    if least is not None and most is not None:
        return f"{number(least)} to {number(most)}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    found = {word: _number_in(rule, keyword) for keyword, word in words.items()}
    return ", ".join(f"{word} {number(value)}" for word, value in found.items() if value is not None)


def _counts(least: float | None, most: float | None, one: str, many: str) -> str:
    # One is what every required text and list has.
    if least is None or least <= 1:
        return "" if most is None else f"at most {counted(most, one, many)}"
    if most is None:
        return f"at least {counted(least, one, many)}"
    return counted(most, one, many) if least == most else f"{number(least)} to {counted(most, one, many)}"
