"""Labels of tasks and runs: *declared* by the task, for rules and for finding; or *added* to a run, only for finding.

A run's record has the declared labels as JSON in the field ``labels``, and each added one in a field of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from runtail.access.labels import check_key, check_labels, check_value

#: The field with the declared labels, and how the fields of added ones begin.
DECLARED: Final = "labels"
ADDED: Final = "label:"


def declared_by(task: Any) -> dict[str, str]:
    """Return the labels that the options of a Celery task declare: ``runtail={"labels": {"team": "builders"}}``.

    :raises ValueError: if they cannot be labels.
    """
    options = getattr(task, "runtail", None) or {}
    return check_labels(options.get("labels") or {})


def declared_in(text: str) -> dict[str, str]:
    """Return the declared labels of a record's field; none if the field is empty or holds anything else."""
    try:
        return checked(orjson.loads(text)) if text else {}
    except orjson.JSONDecodeError:
        return {}


def checked(labels: object) -> dict[str, str]:
    """Return labels that came from elsewhere; none if they cannot be labels."""
    try:
        return check_labels(labels)
    except ValueError:
        return {}


def added_in(fields: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that were added to a run, apart from those whose keys are declared.

    :param fields: the fields of the record.
    """
    added = {}
    for name in sorted(fields):
        key = name.removeprefix(ADDED)
        if key != name and key not in declared:
            try:
                added[check_key(key)] = check_value(key, fields[name])
            except ValueError:
                continue  # any client of the store may have written it
    return added


def fields_of(declared: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a new record; no declared labels make no field."""
    fields = {DECLARED: orjson.dumps(declared).decode()} if declared else {}
    return fields | {f"{ADDED}{key}": value for key, value in added.items()}


def check_added(added: object, declared: Mapping[str, str]) -> dict[str, str]:
    """Return labels that somebody wants to add to a run.

    :raises ValueError: if they cannot be labels, or if the task declares one of them; the message is a sentence.
    """
    labels = check_labels(added)
    for key in labels:
        if key in declared:
            raise ValueError(f"the task declares the label {key}, so it cannot be set")
    return labels
