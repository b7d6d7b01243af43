"""A Celery app on one of two versions of Runtail: its task and its queue are named after the version."""

from __future__ import annotations

import os
import time

from celery import Celery

import runtail
from runtail.settings import load_settings

VERSION = os.environ["TEST_VERSION"]
app = Celery("versions_app", broker=load_settings(os.environ).broker_url)
app.conf.update(task_default_queue=VERSION, task_ignore_result=True, worker_prefetch_multiplier=1)
runtail.install(app)


@app.task(name=f"{VERSION}.count", runtail={"labels": {"team": VERSION}})
def count(lines: int, seconds: float) -> None:
    """Print numbered lines, some of them in colour and some over others.

    :param seconds: how long it takes.
    """
    for number in range(1, lines + 1):
        if number % 10 == 0:
            print(f"{number}...\r\N{ESCAPE}[32mline {number}\N{ESCAPE}[0m")
        else:
            print(f"line {number}")
        time.sleep(seconds / lines)


@app.task(name=f"{VERSION}.keeps", runtail={"secrets": ["token"]})
def keeps(token: str) -> None:
    """Say how long the secret is, and what kind of value it is."""
    print(f"{type(token).__name__} of {len(token)}")
