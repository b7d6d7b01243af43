"""The catalogue: what workers publish about themselves, their tasks and their queues.

The web service does not import any task code. For each task, every worker publishes
a JSON Schema of the parameters, made from signature and docstring, the queue and the
rules. It also publishes a description of itself with a time to live.
"""

from __future__ import annotations

import enum
import inspect
import re
import time
import traceback
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from runtail import labels, presets, titles
from runtail.constraints import constrained
from runtail.contained import contained, log
from runtail.runs.transport import Transport
from runtail.sealing import seals_of
from runtail.secret import Secret, names_of
from runtail.selection import Selection
from runtail.settings import Settings
from runtail.store import Store, store_errors
from runtail.version import __version__

#: How often a worker publishes that it is alive, and how long that is valid.
REFRESH_SECONDS = 10.0
TTL_SECONDS = 30

_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    Secret: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    type(None): {"type": "null"},
}


def publish(store: Store, document: Mapping[str, Any]) -> None:
    """Publish a worker in the store; call this again every :data:`REFRESH_SECONDS`.

    :param document: the result of :func:`document`, parsed.
    :raises StoreUnavailable: if the server did not answer.
    """
    worker, tasks, unrecorded = document["worker"], document["tasks"], document["unrecorded"]
    with store_errors():
        pipeline = store.client.pipeline(transaction=True)
        if tasks:
            pipeline.hset(store.keys.tasks(), mapping={task["name"]: orjson.dumps(task) for task in tasks})
            pipeline.hdel(store.keys.unrecorded(), *(task["name"] for task in tasks))
        if unrecorded:
            pipeline.hset(store.keys.unrecorded(), mapping=unrecorded)
            pipeline.hdel(store.keys.tasks(), *unrecorded)
        pipeline.set(store.keys.worker(worker["name"]), orjson.dumps(worker), ex=TTL_SECONDS)
        pipeline.zadd(store.keys.workers(), {worker["name"]: int(time.time() * 1000)})
        pipeline.execute()


def withdraw(store: Store, document: Mapping[str, Any]) -> None:
    """Remove a worker from the store. Its tasks stay in the catalogue.

    :raises StoreUnavailable: if the server did not answer.
    """
    name = document["worker"]["name"]
    with store_errors():
        pipeline = store.client.pipeline(transaction=True)
        pipeline.delete(store.keys.worker(name))
        pipeline.zrem(store.keys.workers(), name)
        pipeline.execute()


def document(app: Any, consumer: Any, settings: Settings, *, started_ms: int) -> bytes:
    """Return what a worker publishes, as JSON: ``{"worker": {...}, "tasks": [...], "unrecorded": {name: why}}``.

    :param app: the Celery app.
    :param consumer: Celery's consumer, after it has connected.
    :param started_ms: when the worker was started, in milliseconds since 1970.
    """
    tasks, unrecorded = tasks_of(app, Selection(settings.tasks))
    seal_keys = seals_of(settings).names
    pool = consumer.pool
    worker = {
        "v": 1,
        "name": consumer.hostname,
        "queues": sorted(app.amqp.queues.consume_from),
        "pool": type(pool).__module__.rpartition(".")[2],
        "concurrency": getattr(pool, "limit", None) or 1,
        "tasks": [task["name"] for task in tasks],
        "started_ms": started_ms,
        "version": __version__,
        "seal_keys": seal_keys,
    }
    for task in tasks:
        # As long as no worker is there, these are the keys of the one that published the task last.
        task["seal_keys"] = seal_keys
    return orjson.dumps({"worker": worker, "tasks": tasks, "unrecorded": unrecorded})


def tasks_of(app: Any, selection: Selection) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the catalogue entries of an app's tasks without Celery's own, and why some are not recorded."""
    entries: list[dict[str, Any]] = []
    unrecorded: dict[str, str] = {}
    for name, task in sorted(app.tasks.items()):
        if name.startswith("celery."):
            continue
        if why := selection.why_not(task):
            unrecorded[name] = why
            continue
        with contained(f"task {name} cannot be described, so it cannot be started from the page"):
            entries.append(entry(app, task))
    return entries, unrecorded


def entry(app: Any, task: Any) -> dict[str, Any]:
    """Return the catalogue entry of one task."""
    options = getattr(task, "runtail", None) or {}
    doc = inspect.getdoc(task.run) or ""
    secrets = names_of(task)
    schema = schema_of(task.run, doc, secrets, task.name)
    return {
        "name": task.name,
        "doc": summary_of(doc),
        "schema": schema,
        # Secrets need not be in the schema: a task that takes arbitrary names may declare any of them secret.
        "secrets": sorted(secrets),
        "queue": _queue_of(app, task),
        "serializer": task.serializer or app.conf.task_serializer,
        "accepts_json": not {"json", "application/json"}.isdisjoint(app.conf.accept_content),
        "exclusive": bool(options.get("exclusive", False)),
        "restart": bool(options.get("restart", False)),
        "max_attempts": int(options.get("max_attempts", 3)),
        "labels": labels.declared_by(task),
        "title": titles.declared_by(task),
        "presets": presets.declared_by(task, schema, secrets),
        "acks_late": bool(task.acks_late),
        "transport": Transport.from_options(app.connection_for_write().transport_options).options(),
    }


def _queue_of(app: Any, task: Any) -> str:
    queue = getattr(task, "queue", None)
    if not queue:
        route = app.amqp.router.route({}, task.name)
        queue = route.get("queue") or app.conf.task_default_queue
    return str(getattr(queue, "name", queue))


def summary_of(doc: str) -> str:
    """Return a docstring's text up to the description of its parameters."""
    sections = r"^\s*(?::\w+[^:\n]*:|Args:|Arguments:|Parameters\n|Returns:)"
    return re.split(sections, doc, maxsplit=1, flags=re.M)[0].strip()


def parameter_docs(doc: str) -> dict[str, str]:
    """Return a docstring's text for each parameter (``:param x:`` or an ``Args:`` block)."""
    found: dict[str, str] = {}
    for match in re.finditer(r"^:param (?:[^:\n]* )?(\w+):((?:.|\n(?!:|\n))*)", doc, flags=re.M):
        found[match[1]] = " ".join(match[2].split())
    block = re.search(r"^(?:Args|Arguments):\n((?:[ \t]+.*\n?|\n)+)", doc, flags=re.M)
    if block:
        for match in re.finditer(r"^[ \t]+(\w+)(?: \([^)\n]*\))?:((?:.|\n[ \t]{6,})*)", block[1], flags=re.M):
            found.setdefault(match[1], " ".join(match[2].split()))
    return found


def schema_of(
    function: Callable[..., Any], doc: str = "", secrets: Collection[str] = (), task: str = ""
) -> dict[str, Any]:
    """Return the JSON Schema of a function's keyword arguments, without any values of secret ones.

    :param doc: the docstring.
    :param secrets: the names of secret arguments.
    :param task: the name by which the worker's log calls the task of which something is left out.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return {"type": "object"}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # noqa: BLE001 - annotations are user code and may name things that do not exist
        hints = {}
        why = traceback.format_exception_only(error)[-1].strip()
        if "unhashable type: 'dict'" in why:
            why += " (write Annotated[int | None, {...}] instead of Annotated[int, {...}] | None)"
        _warn_once(f"the annotations of task {task} cannot be read, so its parameters have no types: {why}")
    docs = parameter_docs(doc)
    properties: dict[str, Any] = {}
    required: list[str] = []
    open_ended = False
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            open_ended = True
            continue
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            continue
        notes: list[str] = []
        rule = _rule(hints.get(name, inspect.Parameter.empty), parameter.default, notes)
        for note in notes:
            _warn_once(f"a rule of parameter {name} of task {task} is left out: {note}")
        if name in docs:
            rule.setdefault("description", docs[name])
        if name in secrets:
            rule = {**_without_values(rule), "writeOnly": True, "format": "password"}
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
            rule = _given(rule)
        elif name not in secrets and _is_json(parameter.default):
            default = parameter.default
            rule["default"] = default.value if isinstance(default, enum.Enum) else default
        properties[name] = rule
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": open_ended}
    if required:
        schema["required"] = required
    return schema


@lru_cache(maxsize=1024)
def _warn_once(text: str) -> None:
    """Log a warning. A worker describes its tasks again whenever it connects to the broker."""
    log.warning("Runtail: %s", text)


def _without_values(rule: Any) -> Any:
    if isinstance(rule, dict):
        return {name: _without_values(part) for name, part in rule.items() if name not in ("enum", "examples")}
    return [_without_values(part) for part in rule] if isinstance(rule, list) else rule


def _rule(hint: Any, default: Any, notes: list[str]) -> dict[str, Any]:
    if hint is inspect.Parameter.empty:
        # Without an annotation the default gives the type.
        if default is None or default is inspect.Parameter.empty:
            return {}
        return dict(_SIMPLE.get(type(default), {}))
    return _type(hint, notes)


def _given(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the rule of a required parameter: an empty text or list means that nobody filled in the form."""
    if "anyOf" in rule:
        return rule | {"anyOf": [_given(one) for one in rule["anyOf"]]}
    least = {"string": "minLength", "array": "minItems"}.get(str(rule.get("type")))
    return rule | {least: max(1, rule.get(least, 1))} if least else rule


def _type(hint: Any, notes: list[str]) -> dict[str, Any]:
    """Return the rule of a type.

    :param notes: takes what ``Annotated`` says of it and cannot be in a rule.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return constrained(_type(args[0], notes), args[1:], notes)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    # What has an origin may hold a dict, and cannot be looked up.
    if origin is None and isinstance(hint, type) and hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        rules = [_type(arg, notes) for arg in args]
        return {} if {} in rules else {"anyOf": rules}
    if origin in (list, tuple, set, frozenset, Sequence):
        items = _type(args[0], notes) if args else {}
        return {"type": "array", "items": items} if items else {"type": "array"}
    if origin in (dict, Mapping):
        return {"type": "object"}
    return {}


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
