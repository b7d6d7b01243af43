"""A run's parameters against the task's JSON Schema, as workers published it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry

from runtail.secret import names_in
from runtail_web.problems import Problem, invalid

#: More errors than this help nobody.
MAX_ERRORS = 20
#: A message repeats the value; this much of it is enough to see which.
MAX_MESSAGE_CHARS = 300


def _messages(error: ValidationError, secrets: Collection[str]) -> Iterator[dict[str, str]]:
    """Name the fields of one error; a missing or unknown one is named by itself, not by its parent.

    Messages quote values; of a secret one only the rule is named that it breaks.
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
        message = f"is no parameter of this task; it has: {names}"
        yield from ({"field": ".".join([*path, name]), "message": message} for name in unknown)
    elif _is_empty(error) and (len(path) == 1 or path[0] not in secrets):
        yield {"field": ".".join(path), "message": "is required and must not be empty"}
    elif path and path[0] in secrets:
        yield {"field": path[0], "message": f"does not fit: {error.validator}"}
    else:
        message = error.message
        if len(message) > MAX_MESSAGE_CHARS:
            message = message[:MAX_MESSAGE_CHARS] + "…"
        yield {"field": ".".join(path) or "kwargs", "message": message}


def _is_empty(error: ValidationError) -> bool:
    """Tell whether a text or list has nothing in it and must have."""
    if error.validator == "anyOf":
        return any(_is_empty(one) for one in error.context)
    return error.validator in ("minLength", "minItems") and error.instance in ("", [])


def check_parameters(task: Mapping[str, Any], kwargs: Mapping[str, Any]) -> None:
    """Check keyword arguments before a run is made.

    :param task: the catalogue's entry.
    :raises Problem: 422 that names each wrong field.
    """
    schema = task.get("schema") or {"type": "object"}
    secrets = names_in(task)
    try:
        Draft202012Validator.check_schema(schema)
        # An empty registry: a schema must not make this service fetch addresses.
        validator = Draft202012Validator(schema, registry=Registry())
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
