"""Which of Celery's pools can be recorded."""

from __future__ import annotations

from typing import Any


def reason_to_refuse(worker: Any) -> str | None:
    """Return why this worker's pool cannot be captured, or None.

    :param worker: Celery's ``WorkController``, as ``worker_init`` shows it.
    """
    from runtail.worker import celery_versions

    pool = _pool_class(worker.pool_cls)
    kind = pool.__module__.rpartition(".")[2]
    if is_prefork(worker.pool_cls):
        if celery_versions.start_method(worker) == "spawn":
            return (
                "worker_pool_start_method=spawn is not supported: spawned pool processes do not inherit the "
                "socket that captured output goes through. Use fork, the default on Linux."
            )
        return None
    if kind == "solo":
        return None
    if kind == "eventlet":
        # Eventlet takes poll() away from the whole process.
        return (
            "the eventlet pool is not supported: it replaces the system calls that output is captured with. Use the "
            "prefork or the solo pool; RUNTAIL_CAPTURE=off runs this worker without Runtail."
        )
    most = (getattr(worker, "options", None) or {}).get("autoscale") or worker.concurrency
    if most == 1:
        return None
    return (
        f"the {kind} pool with concurrency {most} is not supported: its tasks share file descriptors 1 and 2, so "
        "their output cannot be told apart. Use the prefork pool, or --concurrency=1; RUNTAIL_CAPTURE=off runs "
        "this worker without Runtail."
    )


def is_prefork(pool: Any) -> bool:
    """Return True for Celery's prefork pool and its subclasses."""
    from celery.concurrency.prefork import TaskPool

    return issubclass(_pool_class(pool), TaskPool)


def is_solo(pool: Any) -> bool:
    """Return True for an instance of Celery's solo pool."""
    return type(pool).__module__.rpartition(".")[2] == "solo"


def _pool_class(pool: Any) -> Any:
    from celery.concurrency import get_implementation

    return get_implementation(pool)
