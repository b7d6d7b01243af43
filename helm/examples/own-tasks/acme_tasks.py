"""Tasks of a team. Two lines are Runtail's: the import, and the call of ``install``."""

from __future__ import annotations

import os
import time

from celery import Celery

import runtail

app = Celery("acme_tasks", broker=os.environ["RUNTAIL_BROKER_URL"])
app.conf.task_default_queue = "acme"
# Celery waits for ever on a connection that was dropped without a word, as happens when a Service has just been made.
app.conf.broker_transport_options = {"socket_timeout": 10, "socket_connect_timeout": 5, "retry_on_timeout": True}
runtail.install(app)


@app.task
def build(steps: int = 5) -> None:
    """Build something.

    :param steps: How many steps it takes.
    """
    for step in range(1, steps + 1):
        print(f"Step {step} of {steps}")
        time.sleep(0.2)
