"""Lists: of runs, of tasks that workers have published, of workers."""

from __future__ import annotations

from typing import Any

import orjson

from runtail.errors import TaskUnknown
from runtail.runs.record import Run, read_runs
from runtail.store import Store, store_errors

#: A worker that has not spoken for this long is not listed.
WORKER_TTL_SECONDS = 30


def list_runs(store: Store, *, limit: int = 50, before_ms: int | None = None) -> list[Run]:
    """Return runs, newest first.

    :param limit: the most to return.
    :param before_ms: only runs created before this time.
    :raises StoreUnavailable: if the server did not answer.
    """
    top = "+inf" if before_ms is None else f"({before_ms}"
    with store_errors():
        ids: Any = store.client.zrange(store.keys.runs(), top, "-inf", desc=True, byscore=True, offset=0, num=limit)
    return read_runs(store, [run_id.decode() for run_id in ids])


def list_tasks(store: Store) -> list[dict[str, Any]]:
    """Return what workers have published of their tasks, by name.

    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        found: Any = store.client.hgetall(store.keys.tasks())
    return [orjson.loads(found[name]) for name in sorted(found)]


def read_task(store: Store, name: str) -> dict[str, Any]:
    """Return one task's entry in the catalogue.

    :raises TaskUnknown: if no worker has ever published it.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        found: Any = store.client.hget(store.keys.tasks(), name)
    if found is None:
        raise TaskUnknown(name)
    entry: dict[str, Any] = orjson.loads(found)
    return entry


def list_workers(store: Store) -> list[dict[str, Any]]:
    """Return the workers that are alive, by name.

    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        names: Any = store.client.zrange(store.keys.workers(), 0, -1)
        keys = [store.keys.worker(name.decode()) for name in names]
        found: Any = store.client.mget(keys) if keys else []
    return [orjson.loads(value) for value in found if value is not None]


def waiting_reason(run: Run, workers: list[dict[str, Any]]) -> str:
    """Return the honest reason why a queued run waits.

    :param workers: from :func:`list_workers`.
    """
    queue = run.text("queue")
    if run.maybe("eta_ms") is not None:
        return run.text("why")
    if queue and not any(queue in worker.get("queues", ()) for worker in workers):
        return f"waiting: no worker listens to queue {queue}"
    return run.text("why") or "waiting for a worker"
