"""Checks a run's parameters against the task's JSON Schema, as workers published it."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry

from runtail.sealing import is_sealed
from runtail.secret import names_in
from runtail_web.parameter_faults import faults_of
from runtail_web.problems import Problem, invalid

#: The keywords that a schema may have. Checking them takes time in proportion to schema and value. Others are refused:
#: references can go in circles or double at each step, and Python's engine would try patterns for names.
_KEYWORDS = frozenset(
    {
        "$schema", "additionalProperties", "allOf", "anyOf", "const", "default", "deprecated", "description", "enum",
        "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maxProperties",
        "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern",
        "prefixItems", "properties", "readOnly", "required", "title", "type", "writeOnly", "x-multiline",
    }
)  # fmt: skip
#: Memory for one pattern; RE2 forgets states rather than take more.
_PATTERN_BYTES = 1024 * 1024
#: A date with a time and its zone, as RFC 3339 writes it.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", flags=re.ASCII)

#: A longer list of errors helps nobody.
MAX_ERRORS = 20


def _pattern(_validator: Any, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    """Check the keyword ``pattern`` in time proportional to the text, whatever the pattern."""
    if isinstance(value, str) and _expression(pattern).search(value) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _expression(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    return re2.compile(pattern, options)


def _multiple_of(_validator: Any, step: float, value: object, _schema: object) -> Iterator[ValidationError]:
    """Check the keyword ``multipleOf`` as people count: 0.3 is a multiple of 0.1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not -math.inf < value < math.inf:
        return
    if (Fraction(repr(value)) / Fraction(repr(step))).denominator != 1:
        yield ValidationError(f"{value!r} is not a multiple of {step!r}")


def _is_time(value: object) -> bool:
    """Check the format ``date-time``, for which jsonschema needs a further package."""
    if not isinstance(value, str):
        return True
    if not _TIME.fullmatch(value):
        return False
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


#: The formats that are checked: those that take little time and no further package.
_FORMATS: Final = FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))
_FORMATS.checks("date-time")(_is_time)


def _is_whole(_checker: Any, value: object) -> bool:
    """Check the type ``integer``. JSON Schema accepts 1.0, but a task's ``range(n)`` fails with it."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _pattern, "multipleOf": _multiple_of},
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
        validator = _Validator(schema, registry=Registry(), format_checker=_FORMATS)
        errors: dict[str, str] = {}
        for error in validator.iter_errors(kwargs):
            for one in faults_of(error, secrets):
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
