"""Presets: named values for a task's parameters, which the task declares and its workers publish. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

MAX_PRESETS: Final = 50
MAX_NAME_CHARS: Final = 63
#: The most that one preset may take, as JSON.
MAX_BYTES: Final = 8192


def declared_by(task: Any, schema: Mapping[str, Any], secrets: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the presets that a Celery task's options declare: ``runtail={"presets": {"nightly": {"shards": 8}}}``.

    :param schema: the JSON Schema of its parameters.
    :param secrets: the names of its secret parameters; everybody who may start the task reads presets.
    :raises ValueError: if they cannot be presets.
    """
    presets = checked((getattr(task, "runtail", None) or {}).get("presets") or {})
    known = schema.get("properties") or {}
    for name, values in presets.items():
        for parameter in values:
            if parameter in secrets:
                raise ValueError(f"the preset {name} has the secret parameter {parameter}: everybody reads presets")
            if parameter not in known and not schema.get("additionalProperties"):
                raise ValueError(f"the preset {name} has {parameter!r:.80}, and the task has no such parameter")
    return presets


def checked(presets: object) -> dict[str, dict[str, Any]]:
    """Return presets by name.

    :raises ValueError: if they cannot be presets; the message is a sentence.
    """
    if not isinstance(presets, Mapping) or len(presets) > MAX_PRESETS:
        raise ValueError(
            f"presets are an object of at most {MAX_PRESETS} objects, such as {{'nightly': {{'shards': 8}}}}"
        )
    found = {}
    for name, values in presets.items():
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MAX_NAME_CHARS:
            raise ValueError(f"{name!r:.80} cannot be the name of a preset: it has 1 to {MAX_NAME_CHARS} characters")
        if not isinstance(values, Mapping):
            raise ValueError(f"the preset {name} is an object of values by parameter, and not {values!r:.80}")
        try:
            size = len(orjson.dumps(dict(values)))
        except TypeError as error:
            raise ValueError(f"the preset {name} cannot be written as JSON: {error}") from None
        if size > MAX_BYTES:
            raise ValueError(f"the preset {name} has {size} bytes of JSON: at most {MAX_BYTES} are possible")
        found[name] = dict(values)
    return found
