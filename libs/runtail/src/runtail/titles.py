"""The title of a run: a short line for people, declared by the task, given at the start, or set by the task. Pure.

Whoever says it last decides. A title that a task declares may name parameters: ``Build of {branch}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from runtail.words import clean

#: The field of the record.
FIELD: Final = "title"
MAX_CHARS: Final = 200
_NAME: Final = re.compile(r"\{(\w+)\}")


def cleaned(text: str) -> str:
    """Return a title as one line of at most :data:`MAX_CHARS` printable characters; it may be empty."""
    line = " ".join(clean(text).split())
    return line if len(line) <= MAX_CHARS else line[: MAX_CHARS - 1] + "…"


def declared_by(task: Any) -> str:
    """Return the title that the options of a Celery task declare: ``runtail={"title": "Build of {branch}"}``.

    :raises ValueError: if it is no text.
    """
    found = (getattr(task, "runtail", None) or {}).get("title") or ""
    if not isinstance(found, str):
        raise ValueError(f"a title is a text, such as 'Build of {{branch}}', and not {found!r:.80}")
    return found


def names_parameters(declared: str) -> bool:
    """Tell whether a declared title depends on parameters."""
    return _NAME.search(declared) is not None


def defaults_in(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default values that a task's schema has; those of secrets are not in it."""
    properties = (schema.get("properties") or {}).items()
    return {name: rule["default"] for name, rule in properties if isinstance(rule, Mapping) and "default" in rule}


def filled(declared: str, kwargs: Mapping[str, Any]) -> str:
    """Return a declared title with the values of parameters in the place of their names.

    :param kwargs: as they may be shown, without secrets; with the defaults of parameters that are not given.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in kwargs:
            return match[0]
        found = kwargs[match[1]]
        if found is None:
            return ""
        return found if isinstance(found, str) else orjson.dumps(found).decode()

    return cleaned(_NAME.sub(value, declared))


def fields_of(title: str) -> dict[str, str]:
    """Return the fields of a record; no title makes no field."""
    return {FIELD: title} if title else {}
