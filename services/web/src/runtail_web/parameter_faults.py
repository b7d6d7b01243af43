"""Says which parameters do not fit a task's schema and why, in the words that the page has, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from runtail.bounds import counted, number

#: What a value of each JSON type is, as the command line and the page say it, too.
_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null",
          "string": "text", "object": "an object", "array": "a list"}  # fmt: skip
#: What a value of each format is that is checked.
_FORMATS: Final = {"date": "a date, as in 2026-01-31", "date-time": "a time with its zone, as in 2026-01-31T14:05:00Z",
                   "email": "an e-mail address", "ipv4": "an IPv4 address", "ipv6": "an IPv6 address",
                   "uuid": "a UUID"}  # fmt: skip


#: What each rule demands: nothing that a value says is in these words, so that they may be said of a secret.
_RULES: Final[Mapping[str, Callable[[Any], str]]] = {
    "minimum": lambda bound: f"must be at least {number(bound)}",
    "maximum": lambda bound: f"must be at most {number(bound)}",
    "exclusiveMinimum": lambda bound: f"must be more than {number(bound)}",
    "exclusiveMaximum": lambda bound: f"must be less than {number(bound)}",
    "multipleOf": lambda step: f"must be a multiple of {number(step)}",
    "minLength": lambda count: f"must have at least {counted(count, 'character', 'characters')}",
    "maxLength": lambda count: f"must have at most {counted(count, 'character', 'characters')}",
    "minItems": lambda count: f"must have at least {counted(count, 'element', 'elements')}",
    "maxItems": lambda count: f"must have at most {counted(count, 'element', 'elements')}",
    "minProperties": lambda count: f"must have at least {counted(count, 'entry', 'entries')}",
    "maxProperties": lambda count: f"must have at most {counted(count, 'entry', 'entries')}",
    "pattern": lambda pattern: f"must match the pattern {pattern}",
}
#: A message repeats the value; this much is enough to recognize it.
MAX_MESSAGE_CHARS = 300


def faults_of(error: ValidationError, secrets: Collection[str]) -> Iterator[dict[str, str]]:
    """Name the fields of one error; a missing or unknown field is named itself, not its parent.

    Messages quote values; for a secret one, a message names only the rule that the value breaks.
    """
    path = [str(part) for part in error.absolute_path]
    value = error.instance
    if error.validator == "required" and isinstance(value, Mapping):
        names_required: Any = error.validator_value
        missing = [name for name in names_required if name not in value]
        yield from ({"field": ".".join([*path, name]), "message": "is required"} for name in missing)
    elif error.validator == "additionalProperties" and isinstance(value, Mapping):
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        unknown = [name for name in value if name not in known]
        names = ", ".join(known) or "none"
        message = f"is not a parameter of this task, which has: {names}"
        yield from ({"field": ".".join([*path, name]), "message": message} for name in unknown)
    elif _is_empty(error) and (len(path) == 1 or path[0] not in secrets):
        yield {"field": ".".join(path), "message": "is required and must not be empty"}
    elif branch := _meant(error):
        for one in branch:
            yield from faults_of(one, secrets)
    elif path and path[0] in secrets:
        words = _RULES.get(str(error.validator))
        message = words(error.validator_value) if words else f"does not fit: {error.validator}"
        yield {"field": path[0], "message": message}
    else:
        message = _sentence(error)
        if len(message) > MAX_MESSAGE_CHARS:
            message = message[:MAX_MESSAGE_CHARS] + "…"
        yield {"field": ".".join(path) or "kwargs", "message": message}


def _meant(error: ValidationError) -> list[ValidationError]:
    """Return what is wrong by the only branch of ``anyOf`` that is of the value's type; nothing if there is no such."""
    if error.validator != "anyOf":
        return []
    other = {one.schema_path[0] for one in error.context if one.validator == "type" and not one.path}
    meant = [one for one in error.context if one.schema_path[0] not in other]
    return meant if len({one.schema_path[0] for one in meant}) == 1 else []


def _sentence(error: ValidationError) -> str:
    """Say what the value must be, or what it is not."""
    keyword = str(error.validator)
    demand: Any = error.validator_value
    if keyword in _RULES:
        return _RULES[keyword](demand)
    if keyword == "enum":
        return f"must be one of {', '.join(map(str, demand))}" if demand else "does not fit"
    if keyword == "format":
        return f"{error.instance!r} is not {_FORMATS[demand]}"
    if keyword not in ("type", "anyOf"):
        return f"{error.instance!r} does not fit"
    rules: Any = error.validator_value if error.validator == "anyOf" else [error.schema]
    kinds = [_kinds(rule) for rule in rules]
    if not all(kinds):
        return f"{error.instance!r} does not fit"
    words = dict.fromkeys(_TYPES[one] for some in kinds for one in some)
    return f"{error.instance!r} is not {' or '.join(words)}"


def _kinds(rule: Any) -> list[str]:
    kind = rule.get("type", []) if isinstance(rule, Mapping) else []
    return [kind] if isinstance(kind, str) else list(kind)


def _is_empty(error: ValidationError) -> bool:
    """Tell whether a text or list is empty but must not be."""
    if error.validator == "anyOf":
        return any(_is_empty(one) for one in error.context)
    return error.validator in ("minLength", "minItems") and error.validator_value == 1 and error.instance in ("", [])
