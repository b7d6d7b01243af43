"""Lists of runs, of tasks that workers have published, and of workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from runtail.access.principal import Thing
from runtail.errors import TaskNotRecorded, TaskUnknown
from runtail.runs.record import Run, read_runs, readable_ids
from runtail.store import Store, store_errors

#: The members that all readers rely on, for a task that a worker of another version published without them.
_BARE_TASK = {"doc": "", "schema": {}, "queue": "", "exclusive": False}
#: The fields that a filter needs: the parameters of :meth:`Filter.accepts`.
_LISTED = ["state", "task", "who", "queue", "who_id"]
#: Records are read in groups of this size.
SCAN_COUNT = 500
#: One page looks at this many runs at most, however few of them are wanted.
MAX_SCANNED = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: after this run. It stays valid even if the run is deleted."""

    created_ms: int
    run_id: bytes


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are wanted; a field that is None does not matter."""

    states: frozenset[str] | None = None
    #: The task's whole name.
    task: str | None = None
    #: A part of the starter's name, case-insensitive.
    who: str | None = None
    #: Created at this time (ms) or later.
    since_ms: int | None = None
    #: Created before this time (ms).
    until_ms: int | None = None
    #: Whether the principal that asks may see a run.
    visible: Callable[[Thing], bool] | None = None

    @property
    def reads_records(self) -> bool:
        """False if the list of ids and times is enough to decide."""
        return (self.states, self.task, self.who, self.visible) != (None, None, None, None)

    def accepts(self, state: str, task: str, who: str, queue: str, who_id: str) -> bool:
        """Tell whether a run is wanted, apart from its time."""
        return (
            (self.states is None or state in self.states)
            and (self.task is None or task == self.task)
            and (self.who is None or self.who.casefold() in who.casefold())
            and (self.visible is None or self.visible(Thing(task, queue, who_id=who_id or None)))
        )


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list."""

    runs: list[Run]
    #: Where to continue; None at the end. A page may be short, or even empty, without being the last.
    following: Place | None


def list_page(store: Store, wanted: Filter = EVERYTHING, *, limit: int = 50, after: Place | None = None) -> Page:
    """Return runs, newest first; runs of the same millisecond are in the order of their ids, so that a place is exact.

    Look at :data:`MAX_SCANNED` runs at most.

    :param after: the place where the previous page ended.
    :raises StoreUnavailable: if the server did not answer.
    """
    found: list[bytes] = []
    place, scanned, ended = after, 0, False
    while len(found) < limit and not ended and scanned < MAX_SCANNED:
        count = SCAN_COUNT if wanted.reads_records else limit - len(found)
        places, ended = _places(store, wanted, place, count)
        for candidate, accepted in zip(places, _accepted(store, wanted, places), strict=True):
            if len(found) == limit or scanned == MAX_SCANNED:
                ended = False
                break
            place, scanned = candidate, scanned + 1
            if accepted:
                found.append(candidate.run_id)
    return Page(read_runs(store, readable_ids(store, found)), None if ended else place)


def _places(store: Store, wanted: Filter, after: Place | None, count: int) -> tuple[list[Place], bool]:
    """Return the next places, and True if there are no more."""
    top = "+inf" if wanted.until_ms is None else f"({wanted.until_ms}"
    bottom = "-inf" if wanted.since_ms is None else str(wanted.since_ms)
    if after is not None and (wanted.until_ms is None or after.created_ms < wanted.until_ms):
        top = str(after.created_ms)
    many = count + 2
    while True:
        with store_errors():
            rows: Any = store.client.zrange(
                store.keys.runs(), top, bottom, desc=True, byscore=True, offset=0, num=many, withscores=True
            )
        places = [Place(int(created_ms), run_id) for run_id, created_ms in rows]
        if after is not None:
            places = [place for place in places if (place.created_ms, place.run_id) < (after.created_ms, after.run_id)]
        if len(places) > count or len(rows) < many:
            return places, len(rows) < many
        # Many runs share the place's millisecond and come before it.
        many *= 2


def _accepted(store: Store, wanted: Filter, places: list[Place]) -> list[bool]:
    if not wanted.reads_records:
        return [True] * len(places)
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for place in places:
            pipeline.hmget(store.keys.run(place.run_id.decode("utf-8", "replace")), _LISTED)
        rows: list[Any] = pipeline.execute()
    # A run whose record is gone is not wanted.
    return [
        row[0] is not None and wanted.accepts(*((value or b"").decode("utf-8", "replace") for value in row))
        for row in rows
    ]


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
        store, "task", name, value,
        name=str, doc=str, schema=dict, queue=str, exclusive=bool, serializer=str, transport=dict,
    )  # fmt: skip


def _entry(store: Store, what: str, key: bytes, value: bytes, **types: type) -> dict[str, Any] | None:
    """Return an object that the store holds under the object's own name; count any other value and return None.

    :param types: the types of the members that readers rely on, if the object has them.
    """
    try:
        entry = orjson.loads(value)
        if not isinstance(entry, dict) or entry.get("name") != key.decode():
            raise ValueError("it is not an object of that name")
        for member, kind in types.items():
            if not isinstance(entry.get(member, kind()), kind):
                raise ValueError(f"{member} is not of type {kind.__name__}")
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
        _entry(store, "worker", name, value, queues=list, pool=str, concurrency=int, started_ms=int)
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
