"""Checks a run's parameters against the task's JSON Schema, as workers published it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import re2
from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry

from runtail.sealing import is_sealed
from runtail.secret import names_in
from runtail_web.problems import Problem, invalid

#: The keywords that a schema may have. Checking them takes time in proportion to schema and value. Others are refused:
#: references can go in circles or double at each step, and Python's engine would try patterns for names.
_KEYWORDS = frozenset(
    {
        "$schema", "additionalProperties", "allOf", "anyOf", "const", "default", "deprecated", "description", "enum",
        "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maxProperties",
        "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
        "prefixItems", "properties", "readOnly", "required", "title", "type", "writeOnly",
    }
)  # fmt: skip
#: Memory for one pattern; RE2 forgets states rather than take more.
_PATTERN_BYTES = 1024 * 1024

#: A longer list of errors helps nobody.
MAX_ERRORS = 20
#: What a value of each JSON type is, as the command line and the page say it, too.
_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null",
          "string": "text", "object": "an object", "array": "a list"}  # fmt: skip
#: A message repeats the value; this much is enough to recognize it.
MAX_MESSAGE_CHARS = 300


def _messages(error: ValidationError, secrets: Collection[str]) -> Iterator[dict[str, str]]:
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
    elif path and path[0] in secrets:
        yield {"field": path[0], "message": f"does not fit: {error.validator}"}
    elif branch := _meant(error):
        for one in branch:
            yield from _messages(one, secrets)
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
    """Say what the value is not: in our words for types, which are what people mistake most."""
    if error.validator not in ("type", "anyOf"):
        return error.message
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
    return error.validator in ("minLength", "minItems") and error.instance in ("", [])


def _pattern(_validator: Any, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    """Check the keyword ``pattern`` in time proportional to the text, whatever the pattern."""
    if isinstance(value, str) and _expression(pattern).search(value) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _expression(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    return re2.compile(pattern, options)


def _is_whole(_checker: Any, value: object) -> bool:
    """Check the type ``integer``. JSON Schema accepts 1.0, but a task's ``range(n)`` fails with it."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


def _check_schema(schema: Mapping[str, Any]) -> None:
    """Check that validation against a schema ends soon.

    :raises SchemaError: if it is not a schema, or has keywords that are not understood here.
    """
    # No formats: Python's engine would compile the patterns.
    Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    waiting: list[Any] = [schema]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        unknown = one.keys() - _KEYWORDS
        if unknown:
            raise SchemaError(f"{sorted(unknown)[0]!r} is not understood here")
        if "pattern" in one:
            try:
                _expression(one["pattern"])
            except re2.error as error:
                raise SchemaError(f"the pattern {one['pattern']!r:.100} is not one of RE2: {error}") from error
        waiting += [one.get("additionalProperties"), one.get("items"), one.get("not")]
        waiting += one.get("properties", {}).values()
        for name in ("allOf", "anyOf", "oneOf", "prefixItems"):
            waiting += one.get(name, ())


def check_parameters(task: Mapping[str, Any], kwargs: Mapping[str, Any]) -> None:
    """Check keyword arguments before a run is created.

    :param task: the catalogue's entry.
    :raises Problem: 422 that names each wrong field.
    """
    if sealed := sorted(name for name, value in kwargs.items() if is_sealed(value)):
        # A worker would open one that somebody has read in a queue or in a log, for a task that shows it.
        message = "is a sealed value: send the value itself"
        raise invalid([{"field": name, "message": message} for name in sealed], f"The parameters of {task.get('name')}")
    schema = task.get("schema") or {"type": "object"}
    secrets = names_in(task)
    try:
        _check_schema(schema)
        # An empty registry: a schema must not make this service fetch addresses.
        validator = _Validator(schema, registry=Registry())
        errors: dict[str, str] = {}
        for error in validator.iter_errors(kwargs):
            for one in _messages(error, secrets):
                errors.setdefault(one["field"], one["message"])
            if len(errors) >= MAX_ERRORS:
                break
    except (SchemaError, RecursionError) as error:
        raise Problem(
            500,
            "schema",
            "The task's schema cannot be used",
            f"A worker published a schema for {task.get('name')} that is none: {error!s:.300}",
        ) from error
    if errors:
        listed = [{"field": field, "message": message} for field, message in errors.items()]
        raise invalid(listed, f"The parameters of {task.get('name')}")
