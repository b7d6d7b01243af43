"""Deleting runs: a named one, the expired ones, and the oldest ones over the budget."""

from __future__ import annotations

from typing import Any

from runtail.errors import RunNotFound
from runtail.runs.record import readable_ids
from runtail.store import Store, store_errors

#: One call deletes at most this many runs, because other clients wait for the store as well.
BATCH = 500
#: How long the store remembers that a run had to make room: twice Celery's visibility timeout for Redis. No budget
#: counts these marks: if they were kept for as long as logs, those of many short runs would take more memory than the
#: runs.
REMEMBERED_SECONDS = 7200


def delete(store: Store, run_id: str) -> None:
    """Delete a run and its log, and tell a writer that still writes to it to stop.

    :raises RunNotFound: if there is no such run.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        existed = store.scripts.call("delete", run_id, {"ttl_seconds": store.settings.log_ttl_seconds})
    if int(existed[0]) == 0:
        with store_errors():
            deleted = bool(store.client.exists(store.keys.deleted(run_id)))
        raise RunNotFound(run_id, deleted=deleted)


def forget_expired(store: Store, *, now_ms: int, batch: int = BATCH) -> int:
    """Remove runs whose record has expired from the indexes; return how many.

    :param now_ms: the store's clock.
    :raises StoreUnavailable: if the server did not answer.
    """
    oldest_ms = now_ms - store.settings.log_ttl_seconds * 1000
    with store_errors():
        ids: Any = store.client.zrange(store.keys.finished(), "-inf", oldest_ms, byscore=True, offset=0, num=batch)
    return sum(_forget(store, run_id) for run_id in readable_ids(store, ids))


def keep_budget(store: Store, *, batch: int = BATCH) -> int:
    """Delete the oldest ended runs while all ended runs together take more than the budget; return how many.

    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        total: Any = store.client.get(store.keys.finished_bytes())
        over = int(total or 0) - store.settings.budget_bytes
        if over <= 0:
            return 0
        oldest: Any = store.client.zrange(store.keys.finished(), 0, batch - 1)
        sizes: Any = store.client.hmget(store.keys.finished_sizes(), oldest) if oldest else []
    deleted = 0
    for run_id, size in zip(oldest, sizes, strict=True):
        if over <= 0:
            break
        for readable in readable_ids(store, [run_id]):
            _forget(store, readable, force=True)
            over -= int(size or 0)
            deleted += 1
    return deleted


def _forget(store: Store, run_id: str, *, force: bool = False) -> int:
    with store_errors():
        if not force and store.client.exists(store.keys.run(run_id)):
            return 0
        ttl_seconds = min(REMEMBERED_SECONDS, store.settings.log_ttl_seconds)
        store.scripts.call("delete", run_id, {"ttl_seconds": ttl_seconds})
    return 1
