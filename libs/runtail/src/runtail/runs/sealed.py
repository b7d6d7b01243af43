"""Secret parameters of a run: sealed for its message, and kept sealed beside its record.

The record's field ``sealed`` is JSON: ``{"key": name of the key, "values": {parameter: sealed value}}``. It holds every
parameter whose shown form differs from its value. Only a process that has the key can open it, and nothing shows it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from runtail.errors import SealBroken, StartError
from runtail.runs.listing import list_workers, read_task
from runtail.runs.record import Run
from runtail.sealing import SETTING, is_sealed, seals_of
from runtail.secret import NOT_KEPT
from runtail.store import Store

log = logging.getLogger(__name__)

#: The record's field.
FIELD = "sealed"
#: Why a run cannot go on with what is kept: the end of a sentence.
NO_KEY = f"no worker of its task has the key of its secret parameters ({SETTING})"


def key_for(store: Store, task: Mapping[str, Any], workers: Sequence[Mapping[str, Any]] | None = None) -> str:
    """Return the name of the newest of our keys that all workers of a task have; empty if there is none.

    :param task: the catalogue's entry.
    :param workers: from :func:`~runtail.runs.listing.list_workers`, if they were read before.
    :raises StoreUnavailable: if the server did not answer.
    """
    names = seals_of(store.settings).names
    if not names:
        return ""
    known = _keys_of_workers(task, list_workers(store) if workers is None else workers)
    return next((name for name in names if all(name in keys for keys in known)), "")


def _keys_of_workers(task: Mapping[str, Any], workers: Iterable[Mapping[str, Any]]) -> list[Sequence[str]]:
    """Return the names of the keys of each worker that may take a message of the task."""
    able = [
        worker
        for worker in workers
        if task.get("name") in _list(worker.get("tasks")) and task.get("queue") in _list(worker.get("queues"))
    ]
    # Older workers, and those without keys, publish none.
    return [_list(one.get("seal_keys")) for one in (task, *able)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def seal_parameters(
    store: Store, task: Mapping[str, Any], kwargs: Mapping[str, Any], shown: Mapping[str, Any], secrets: Iterable[str]
) -> dict[str, Any]:
    """Return what the record keeps of a run's hidden parameters; empty if they cannot be sealed.

    :param shown: the parameters as the record shows them.
    :param secrets: the names of the secret ones.
    :raises StoreUnavailable: if the server did not answer.
    """
    secrets = frozenset(secrets)
    hidden = [name for name in kwargs if name in secrets or shown[name] != kwargs[name]]
    seals = seals_of(store.settings)
    key = key_for(store, task) if hidden else ""
    if key:
        values = {name: seals.seal(kwargs[name], key, repeats=name not in secrets) for name in hidden}
        return {"key": key, "values": values}
    if hidden and seals.names:
        log.warning(
            "secret parameters of %s are not encrypted in its message: not all of its workers have a key of this "
            "service in %s", task.get("name"), SETTING,
        )  # fmt: skip
    return {}


def keeps_parameters(fields: Mapping[str, str]) -> bool:
    """Tell whether a record holds all parameters that Runtail gave its run, in clear or sealed."""
    return fields.get("hidden") != "1" or bool(fields.get(FIELD))


def message_parameters(run: Run) -> dict[str, Any]:
    """Return the parameters as a message of the run has them."""
    return {**(run.json("kwargs") or {}), **_values(run)}


def _kept(run: Run) -> dict[str, Any]:
    """Return the record's field; nothing if it cannot be read, because any client of the store may have written it."""
    try:
        found = orjson.loads(run.text(FIELD) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _values(run: Run) -> dict[str, Any]:
    values = _kept(run).get("values")
    return {name: value for name, value in values.items() if is_sealed(value)} if isinstance(values, dict) else {}


def why_not_again(store: Store, run: Run) -> str:
    """Return why no message of the run can be published again; empty if one can.

    :raises StoreUnavailable: if the server did not answer.
    """
    if not keeps_parameters(run.fields):
        return NOT_KEPT
    if not run.text(FIELD):
        return ""
    try:
        task = read_task(store, run.text("task"))
    except StartError:
        return NO_KEY
    key = _kept(run).get("key")
    return "" if all(key in keys for keys in _keys_of_workers(task, list_workers(store))) else NO_KEY


def open_parameters(store: Store, run: Run) -> dict[str, Any]:
    """Return the values of a run's parameters, those that are kept sealed opened.

    :raises SealBroken: if we have no key for them.
    """
    seals, values = seals_of(store.settings), _values(run)
    if not values:
        raise SealBroken(NOT_KEPT)
    opened = {name: seals.open(value, f"the parameter {name!r}").value for name, value in values.items()}
    return {**(run.json("kwargs") or {}), **opened}


def kept(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the record's field for what :func:`seal_parameters` returned; nothing for nothing."""
    return {FIELD: orjson.dumps(parameters).decode()} if parameters else {}
