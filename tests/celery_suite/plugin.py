"""A pytest plugin for Celery's integration suite: its worker runs as it is asked for, with Runtail or without.

Loaded by name in the suite's own environment, which has neither this project's tests nor its tools.
"""

import functools
import gc
import json
import os
import threading
from typing import Any

from celery.contrib.testing import worker

#: ``{"install": bool, "worker": {...}, "conf": {...}}``: what ``make test-celery`` asks for.
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
    start = worker.start_worker
    properties = [found for found in gc.get_objects() if isinstance(found, functools.cached_property)]
    locked = [found for found in properties if hasattr(found, "lock")]
    os.register_at_fork(after_in_child=lambda: free_locks(locked))

    def start_worker(app: Any, **options: Any) -> Any:
        app.conf.update(ASKED["conf"])
        if ASKED["install"]:
            import runtail

            runtail.install(app)
        return start(app, **{**options, **ASKED["worker"]})

    worker.start_worker = start_worker
