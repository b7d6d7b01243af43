"""Lists of runs, of tasks that workers have published, and of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runtail.access.labels import check_labels
from runtail.errors import TaskNotRecorded, TaskUnknown
from runtail.presets import checked
from runtail.runs.candidates import source_of
from runtail.runs.filter import EVERYTHING, Filter, Place
from runtail.runs.record import Run, read_runs, readable_ids
from runtail.store import Store, store_errors

#: The members that all readers rely on, for a task that a worker of another version published without them.
_BARE_TASK = {"doc": "", "schema": {}, "queue": "", "exclusive": False, "labels": {}, "title": "", "presets": {}}
#: Runs are looked at in groups of at most this size.
SCAN_COUNT = 1000
#: One page looks at this many runs at most, however few of them are wanted.
MAX_SCANNED = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list."""

    runs: list[Run]
    #: Where to continue; None at the end. A page may be short, or even empty, without being the last.
    following: Place | None


def list_page(store: Store, wanted: Filter = EVERYTHING, *, limit: int = 50, after: Place | None = None) -> Page:
    """Return runs, newest first; runs of the same millisecond are in the order of their ids, so that a place is exact.

    Look at :data:`MAX_SCANNED` runs at most. If somebody may not see all of them, look at the rest of their millisecond
    as well: then the place where the following page begins names none of these runs.

    :param after: the place where the previous page ended.
    :raises StoreUnavailable: if the server did not answer.
    """
    source = source_of(store, wanted)
    found: list[bytes] = []
    place, scanned, ended = after, 0, False
    # A few more than are wanted, because some may be refused.
    count = 2 * limit if wanted.reads_records else limit
    while len(found) < limit and not ended:
        places, ended = source.places(place, count)
        count = min(2 * count, SCAN_COUNT)
        for candidate, accepted in zip(places, source.accepted(places), strict=True):
            if len(found) == limit:
                ended = False
                break
            if scanned >= MAX_SCANNED and place is not None:
                if wanted.visible is None:
                    return _page(store, found, place)
                if candidate.created_ms < place.created_ms:
                    return _page(store, found, Place(place.created_ms, b""))
            place, scanned = candidate, scanned + 1
            if accepted:
                found.append(candidate.run_id)
    return _page(store, found, None if ended else place)


def _page(store: Store, run_ids: list[bytes], following: Place | None) -> Page:
    return Page(read_runs(store, readable_ids(store, run_ids)), following)


def list_tasks(store: Store) -> list[dict[str, Any]]:
    """Return the tasks that workers have published, in the order of their names.

    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        found: Any = store.client.hgetall(store.keys.tasks())
    tasks = (_task(store, name, found[name]) for name in sorted(found))
    return [{**_BARE_TASK, **task} for task in tasks if task is not None]


def _task(store: Store, name: bytes, value: bytes) -> dict[str, Any] | None:
    return _entry(
        store, "task", name, value, texts=("secrets", "seal_keys"),
        name=str, doc=str, schema=dict, queue=str, exclusive=bool, serializer=str, transport=dict, labels=dict,
        title=str, max_attempts=int,
    )  # fmt: skip


def _entry(
    store: Store, what: str, key: bytes, value: bytes, texts: Sequence[str], **types: type
) -> dict[str, Any] | None:
    """Return an object that the store holds under the object's own name; count any other value and return None.

    :param texts: the members that are lists of texts, if the object has them.
    :param types: the types of the members that readers rely on, if the object has them.
    """
    try:
        entry = orjson.loads(value)
        if not isinstance(entry, dict) or entry.get("name") != key.decode():
            raise ValueError("it is not an object of that name")
        for member, kind in types.items():
            if not isinstance(entry.get(member, kind()), kind):
                raise ValueError(f"{member} is not of type {kind.__name__}")
        for member in texts:
            listed = entry.get(member, [])
            if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
                raise ValueError(f"{member} is not a list of texts")
        if not isinstance(entry.get("schema", {}).get("properties", {}), dict):
            raise ValueError("the properties of its schema are not an object")
        check_labels(entry.get("labels", {}))
        checked(entry.get("presets", {}))
    except ValueError as error:
        store.skip(what, key, error)
        return None
    return entry


def read_task(store: Store, name: str) -> dict[str, Any]:
    """Return one task's entry in the catalogue.

    :raises TaskNotRecorded: if workers have the task but do not record it.
    :raises TaskUnknown: if no worker has ever published it.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        pipeline = store.client.pipeline(transaction=True)
        pipeline.hget(store.keys.tasks(), name)
        pipeline.hget(store.keys.unrecorded(), name)
        found, why = pipeline.execute()
    entry = None if found is None else _task(store, name.encode(), found)
    if entry is None:
        raise TaskNotRecorded(name, why.decode("utf-8", "replace")) if why else TaskUnknown(name)
    return entry


def list_workers(store: Store) -> list[dict[str, Any]]:
    """Return the live workers in the order of their names.

    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        names: Any = store.client.zrange(store.keys.workers(), 0, -1)
        keys = [store.keys.worker(name.decode("utf-8", "replace")) for name in names]
        found: Any = store.client.mget(keys) if keys else []
    workers = (
        _entry(
            store,
            "worker",
            name,
            value,
            texts=("queues", "tasks", "seal_keys"),
            pool=str,
            concurrency=int,
            started_ms=int,
        )
        for name, value in zip(names, found, strict=True)
        if value is not None
    )
    return [worker for worker in workers if worker is not None]


def waiting_reason(run: Run, workers: list[dict[str, Any]]) -> str:
    """Return the honest reason why a queued run waits.

    :param workers: from :func:`list_workers`.
    """
    queue = run.text("queue")
    # (After a replacement, the run's queue is that of the replaced task.)
    if run.maybe("eta_ms") is not None or run.text("awaits") == "replacement":
        return run.text("why")
    if queue and not any(queue in worker.get("queues", ()) for worker in workers):
        return f"waiting: no worker listens to queue {queue}"
    return run.text("why") or "waiting for a worker"
