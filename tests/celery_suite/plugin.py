"""A pytest plugin for Celery's integration suite: its worker runs as it is asked for, with Runtail or without.

Loaded by name in the suite's own environment, which has neither this project's tests nor its tools.
"""

import json
import os
from typing import Any

from celery.contrib.testing import worker

#: ``{"install": bool, "worker": {...}, "conf": {...}}``: what ``make test-celery`` asks for.
ASKED = json.loads(os.environ["CELERY_SUITE"])


def pytest_configure() -> None:
    """Let the suite's session worker be started as asked."""
    start = worker.start_worker

    def start_worker(app: Any, **options: Any) -> Any:
        app.conf.update(ASKED["conf"])
        if ASKED["install"]:
            import runtail

            runtail.install(app)
        return start(app, **{**options, **ASKED["worker"]})

    worker.start_worker = start_worker
