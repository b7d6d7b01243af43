"""A pytest plugin for Celery's integration suite: its worker runs as it is asked for, with Runtail or without.

Loaded by name in the suite's own environment, which has neither this project's tests nor its tools.
"""

import functools
import gc
import json
import os
import threading
from typing import Any

from celery.contrib.testing import app as testing_app
from celery.contrib.testing import worker

#: ``{"install": bool, "patience": int, "worker": {...}, "conf": {...}}``: what ``make test-celery`` asks for.
ASKED = json.loads(os.environ["CELERY_SUITE"])


def free_locks(properties: list[Any]) -> None:
    """Give cached properties new locks, in a pool's process that was just forked."""
    for found in properties:
        found.lock = threading.RLock()


def pytest_configure() -> None:
    """Let the suite's session worker be started as asked.

    It forks its pool's processes from a thread. What pytest's own thread holds locked at that moment would stay locked
    in them: that was a cached property of kombu's, ``RedisBackend.client``, when processes are forked all the time.
    """
    start, make_app = worker.start_worker, testing_app.TestApp
    properties = [found for found in gc.get_objects() if isinstance(found, functools.cached_property)]
    locked = [found for found in properties if hasattr(found, "lock")]
    os.register_at_fork(after_in_child=lambda: free_locks(locked))

    def configured_app(*args: Any, config: dict[str, Any] | None = None, **options: Any) -> Any:
        # When the worker is started, tasks have taken their options from the settings already.
        return make_app(*args, config={**(config or {}), **ASKED["conf"]}, **options)

    def start_worker(app: Any, **options: Any) -> Any:
        if ASKED["install"]:
            import runtail

            runtail.install(app)
        return start(app, **{**options, **ASKED["worker"]})

    worker.start_worker = start_worker
    testing_app.TestApp = configured_app


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Let tests wait longer for tasks, if asked: on a busy machine a minute is little for a thousand of them."""
    for module in {item.module for item in items}:
        if hasattr(module, "TIMEOUT"):
            module.TIMEOUT *= ASKED["patience"]
