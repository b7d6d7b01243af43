"""A task for the workers of these tests, which runs in the worker's image: it says elsewhere what it printed.

A pool reads this file from a ConfigMap. Nothing of the tests is imported here.
"""

from __future__ import annotations

import os
import time

from celery import Celery
from redis import Redis

import runtail

app = Celery("counting", broker=os.environ["RUNTAIL_BROKER_URL"])
app.conf.task_default_queue = "counting"
# Celery waits for ever on a connection that was dropped without a word, as happens when a Service has just been made.
app.conf.broker_transport_options = {"socket_timeout": 10, "socket_connect_timeout": 5, "retry_on_timeout": True}
app.conf.worker_prefetch_multiplier = 1
runtail.install(app)


@app.task(name="counting.count")
def count(key: str, lines: int = 100, seconds: float = 10.0) -> None:
    """Print numbered lines.

    :param key: The end of a key of the store, ``counting:KEY``, which workers of this queue may use: it holds how many
        lines were printed, and when the newest one was (ms since 1970).
    :param lines: How many.
    :param seconds: How long it takes.
    """
    store = Redis.from_url(os.environ["RUNTAIL_STORE_URL"])
    began = time.monotonic()
    for number in range(1, lines + 1):
        print(f"Line {number}", flush=True)
        store.set(f"counting:{key}", f"{number} {time.time_ns() // 1_000_000}")
        time.sleep(max(0.0, began + number * seconds / lines - time.monotonic()))


@app.task(name="counting.print_all")
def print_all(lines: int = 100, seconds: float = 10.0) -> None:
    """Print numbered lines at a steady pace, whatever becomes of the store.

    :param lines: How many.
    :param seconds: How long it takes.
    """
    began = time.monotonic()
    for number in range(1, lines + 1):
        print(f"Line {number}", flush=True)
        time.sleep(max(0.0, began + number * seconds / lines - time.monotonic()))


@app.task(name="counting.grow")
def grow(mebibytes: int = 4096) -> None:
    """Take memory until something ends it.

    :param mebibytes: How much at most.
    """
    taken = []
    for number in range(mebibytes):
        taken.append(bytearray(os.urandom(1 << 20)))
        if number % 64 == 0:
            print(f"{number} MiB", flush=True)
