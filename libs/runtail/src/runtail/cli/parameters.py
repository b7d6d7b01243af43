"""Reading ``key=value`` and ``key:=JSON`` by a task's JSON Schema. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_WORDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null",
          "object": "JSON of an object", "array": "a list"}  # fmt: skip

_PYTHON: dict[str, type] = {"null": type(None), "array": list, "object": dict}


class WrongParameter(ValueError):
    """A value does not fit its parameter; the message names the parameter."""


def parse(arguments: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that the command line gives.

    A list takes JSON, or one ``key=value`` for each element.

    :param arguments: ``key=value``, with the value read as the schema's type; ``key:=JSON``, with the value as it is.
    :param schema: the task's schema from the catalogue.
    :raises WrongParameter: for any other argument, or a value that is not of the type.
    """
    rules = schema.get("properties") or {}
    texts: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key.rstrip(":"):
            raise WrongParameter(f"{argument!r} is not a parameter: write key=value, or key:=JSON")
        if not _is_utf8(argument):
            # The value may be a secret.
            raise WrongParameter(f"{key!r} is not UTF-8" if not _is_utf8(key) else f"{key}: its value is not UTF-8")
        if key.endswith(":"):
            key = key[:-1]
            if key in found or key in texts:
                raise WrongParameter(f"{key} is given twice")
            try:
                found[key] = _json(text)
            except ValueError as error:
                raise WrongParameter(f"{key}: {_shown(text, rules.get(key) or {})} is not JSON: {error}") from None
        elif key in found:
            raise WrongParameter(f"{key} is given twice")
        else:
            texts.setdefault(key, []).append(text)
    for key, values in texts.items():
        found[key] = _value(key, values, rules.get(key) or {})
    return found


def types_of(rule: Mapping[str, Any]) -> list[str]:
    """Return the type names that a schema allows; empty if it names no types."""
    if "anyOf" in rule:
        return [name for one in rule["anyOf"] for name in types_of(one)]
    kind = rule.get("type") or []
    return [kind] if isinstance(kind, str) else list(kind)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _value(key: str, texts: Sequence[str], rule: Mapping[str, Any]) -> Any:
    lists = [one for one in [rule, *rule.get("anyOf", ())] if "array" in types_of(one) and "anyOf" not in one]
    if lists and not (len(texts) == 1 and (texts[0].lstrip().startswith("[") or texts[0] == "null")):
        others = [name for name in types_of(rule) if name not in ("array", "null")]
        if not others or len(texts) > 1:
            return [_scalar(key, text, lists[0].get("items") or {}) for text in texts]
    if len(texts) > 1:
        raise WrongParameter(f"{key} is given twice, but is not a list")
    return _scalar(key, texts[0], rule)


def _shown(text: str, rule: Mapping[str, Any]) -> str:
    """Quote the given text, unless it is a secret."""
    return "***" if rule.get("writeOnly") else repr(text)


def _scalar(key: str, text: str, rule: Mapping[str, Any]) -> Any:
    choices = [one for part in [rule, *rule.get("anyOf", ())] for one in part.get("enum", ())]
    for choice in choices:
        if text == (choice if isinstance(choice, str) else json.dumps(choice)):
            return choice
    kinds = types_of(rule)
    if choices and not kinds:
        raise WrongParameter(f"{key}: {_shown(text, rule)} is none of {', '.join(map(str, choices))}")
    # Try the strictest type first, because a string can be anything.
    for kind in ("null", "boolean", "integer", "number", "array", "object"):
        if kind in kinds:
            try:
                return _read(kind, text, alone=len(kinds) == 1)
            except ValueError:
                continue
    if not kinds or "string" in kinds:
        return text
    if kinds == ["integer"] and re.fullmatch(r"[+-]?\d+", text):
        raise WrongParameter(f"{key}: {_shown(text, rule)} has more than 64 bits")
    wanted = " or ".join(_WORDS.get(kind, kind) for kind in kinds)
    raise WrongParameter(f"{key}: {_shown(text, rule)} is not {wanted}")


def _whole(text: str) -> int:
    """Read a whole number.

    :raises ValueError: if the text is not a whole number, or the number would not arrive unchanged.
    """
    value = int(text)
    if not -(2**63) <= value < 2**64:
        raise ValueError(f"{text} has more than 64 bits")
    return value


def _finite(text: str) -> float:
    """Read a number.

    :raises ValueError: if the text is not a number, or one that JSON does not have.
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a number in JSON")
    return value


def _json(text: str) -> Any:
    """Read JSON.

    :raises ValueError: if the text is not JSON, or the value would not arrive unchanged.
    """
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
        # Escapes can produce text that is not UTF-8.
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it is not UTF-8") from None
    return value


def _read(kind: str, text: str, *, alone: bool) -> Any:
    """Read a value of one JSON type.

    :raises ValueError: if the text is not of this type.
    """
    match kind:
        case "boolean":
            word = text.strip().lower()
            # If another type is allowed as well, 1 and "on" more likely mean that type.
            if word in (_TRUE if alone else _TRUE[:1]):
                return True
            if word in (_FALSE if alone else _FALSE[:1]):
                return False
        case "integer":
            return _whole(text)
        case "number":
            return _finite(text)
        case _:
            value = _json(text)
            if isinstance(value, _PYTHON[kind]):
                return value
    raise ValueError(text)
