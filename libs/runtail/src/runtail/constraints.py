"""What ``Annotated`` says of a parameter besides its type, as keywords of JSON Schema. Pure.

It may be a dict of these keywords, an object of ``annotated_types``, or pydantic's ``Field``. Such objects are
recognised by their attributes, because neither package need be installed. Whatever else stands there is for others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class _Keyword(NamedTuple):
    #: The types of values that it is about; none: it is about any.
    types: tuple[str, ...]
    fits: Callable[[Any], bool]
    #: What its own value must be.
    words: str


_NUMBERS: Final = ("integer", "number")
_BOUND: Final = _Keyword(_NUMBERS, _is_number, "a number")
_TEXT: Final = _Keyword((), lambda value: isinstance(value, str), "text")
_FLAG: Final = _Keyword((), lambda value: isinstance(value, bool), "true or false")
_VALUES: Final = _Keyword((), lambda value: isinstance(value, list | tuple) and len(value) > 0, "a list of values")


def _count(kind: str) -> _Keyword:
    return _Keyword((kind,), _is_count, "a whole number of at least 0")


#: All that may be said: what web understands, without what the signature says and what needs a schema of its own.
_KEYWORDS: Final = {
    "minimum": _BOUND,
    "maximum": _BOUND,
    "exclusiveMinimum": _BOUND,
    "exclusiveMaximum": _BOUND,
    "multipleOf": _Keyword(_NUMBERS, lambda value: _is_number(value) and value > 0, "a number above 0"),
    "minLength": _count("string"),
    "maxLength": _count("string"),
    "minItems": _count("array"),
    "maxItems": _count("array"),
    "minProperties": _count("object"),
    "maxProperties": _count("object"),
    "pattern": _TEXT._replace(types=("string",)),
    "format": _TEXT._replace(types=("string",)),
    "x-multiline": _FLAG._replace(types=("string",)),
    "enum": _VALUES,
    "examples": _VALUES,
    "title": _TEXT,
    "description": _TEXT,
    "deprecated": _FLAG,
}

_ATTRIBUTES: Final = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "min_length",
    "max_length": "max_length",
    "pattern": "pattern",
    "documentation": "description",
}
#: A length is one thing for a text and another for a list.
_LENGTHS: Final = {
    "min_length": ("minLength", "minItems", "minProperties"),
    "max_length": ("maxLength", "maxItems", "maxProperties"),
}
_KINDS: Final = {"integer": "numbers", "number": "numbers", "string": "texts", "array": "lists", "object": "objects"}
#: Parts of Python's expressions that RE2, with which web searches, does not have.
_NOT_RE2: Final = re.compile(r"(?<!\\)(?:\\\\)*(?:\\[1-9]|\\Z|\(\?(?:[=!>(#]|<[=!]|P=))")


def constrained(rule: Mapping[str, Any], metadata: Iterable[Any], notes: list[str]) -> dict[str, Any]:
    """Return the rule of a type with what else ``Annotated`` says of it.

    :param metadata: what stands behind the type.
    :param notes: takes a sentence for each thing that is left out, without a full stop.
    """
    found = dict(rule)
    for piece in metadata:
        try:
            for keyword, value in list(_said(piece)):
                found = _with(found, keyword, value, notes)
        except Exception as error:  # noqa: BLE001 - these are objects of others, whose attributes may raise anything
            notes.append(f"{type(piece).__name__} cannot be read ({type(error).__name__})")
    return found


def _said(piece: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(piece, Mapping):
        yield from piece.items()
        return
    if isinstance(piece, type):
        return
    yield from _attributes(piece)
    further = getattr(piece, "metadata", None)
    if isinstance(further, list):
        # pydantic's Field.
        for one in further:
            yield from _attributes(one)
        for name in ("title", "description"):
            if isinstance(text := getattr(piece, name, None), str):
                yield name, text


def _attributes(piece: Any) -> Iterator[tuple[str, Any]]:
    for attribute, keyword in _ATTRIBUTES.items():
        value = getattr(piece, attribute, None)
        if value is not None:
            yield keyword, value


def _with(rule: dict[str, Any], keyword: Any, value: Any, notes: list[str]) -> dict[str, Any]:
    for name in _LENGTHS.get(keyword, (keyword,)):
        known = _KEYWORDS.get(name) if isinstance(name, str) else None
        if known is None:
            notes.append(f"{name!r:.60} is not known here")
            return rule
        fault, value = _checked(name, known, value)
        if fault:
            notes.append(f"{name!r} {fault}")
            return rule
        if (found := _placed(rule, name, value, known.types)) is not None:
            return found
    kinds = dict.fromkeys(_KINDS[kind] for name in _LENGTHS.get(keyword, (keyword,)) for kind in _KEYWORDS[name].types)
    notes.append(f"{keyword!r} is for {' or '.join(kinds)} only")
    return rule


def _checked(name: str, known: _Keyword, value: Any) -> tuple[str, Any]:
    """Return what is wrong with a keyword's value, empty if it is right; and the value as JSON has it."""
    if isinstance(value, re.Pattern):
        if value.flags & ~re.UNICODE:
            return "has flags: write them into it, as in '(?i)abc'", value
        value = value.pattern
    if not known.fits(value):
        return f"is not {known.words}", value
    try:
        orjson.dumps(value)
    except TypeError:
        # It has more than 64 bits, say, and would make all that this worker publishes unreadable.
        return "cannot be written as JSON", value
    if name == "pattern":
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError):
            return "is not a regular expression", value
        if _NOT_RE2.search(value):
            return "has a part that RE2 does not know, such as look-ahead or a back-reference", value
    if name == "format" and value == "password":
        return "does not make a secret: annotate it as runtail.Secret", value
    return "", list(value) if isinstance(value, tuple) else value


def _placed(rule: dict[str, Any], name: str, value: Any, types: tuple[str, ...]) -> dict[str, Any] | None:
    """Return a rule with a keyword at each of its types that it is about; None if there is no such."""
    branches = rule.get("anyOf")
    if branches is None or not (types or name == "enum"):
        kind = rule.get("type")
        fits = kind in types if types and kind else name != "enum" or kind != "null"
        return {**rule, name: value} if fits else None
    if name == "enum":
        value = [one for one in value if one is not None]
    placed = [_placed(one, name, value, types) for one in branches]
    if not any(placed):
        return None
    return {**rule, "anyOf": [new or old for new, old in zip(placed, branches, strict=True)]}
