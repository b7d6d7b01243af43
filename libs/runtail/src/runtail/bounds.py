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


def bounds_of(rule: Mapping[str, Any]) -> str:
    """Return the bounds as the form has them, such as ``1 to 64``; empty if there are none."""
    if "anyOf" in rule:
        real = [one for one in rule["anyOf"] if one.get("type") != "null"]
        return bounds_of(real[0]) if len(real) == 1 else ""
    parts = [_numbers(rule), f"a multiple of {number(rule['multipleOf'])}" if "multipleOf" in rule else ""]
    parts.append(_counts(rule.get("minLength"), rule.get("maxLength"), "character", "characters"))
    parts.append(_counts(rule.get("minItems"), rule.get("maxItems"), "element", "elements"))
    items = rule.get("items")
    if isinstance(items, Mapping) and (each := bounds_of(items)):
        parts.append(f"each {each}")
    return ", ".join(filter(None, parts))


def _numbers(rule: Mapping[str, Any]) -> str:
    if "minimum" in rule and "maximum" in rule:
        return f"{number(rule['minimum'])} to {number(rule['maximum'])}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return ", ".join(f"{word} {number(rule[keyword])}" for keyword, word in words.items() if keyword in rule)


def _counts(least: int | None, most: int | None, one: str, many: str) -> str:
    # One is what every required text and list has.
    if least is None or least <= 1:
        return "" if most is None else f"at most {counted(most, one, many)}"
    if most is None:
        return f"at least {counted(least, one, many)}"
    return counted(most, one, many) if least == most else f"{least} to {counted(most, one, many)}"
