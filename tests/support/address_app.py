"""An app that has broker and results where the environment says, in any form of URL that Runtail reads."""

from __future__ import annotations

import os
import time

from celery import Celery

import runtail

url = os.environ["RUNTAIL_BROKER_URL"]
app = Celery("address_app")
app.conf.update(runtail.celery_settings(url, results=True))
app.conf.update(
    worker_prefetch_multiplier=1,
    broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        **app.conf.broker_transport_options,
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "retry_on_timeout": True,
    },
)
runtail.install(app)


@app.task(name="a.add")
def add(x: int, y: int) -> int:
    print(f"{x} + {y}")
    return x + y


@app.task(name="a.paced")
def paced(lines: int, seconds: float) -> int:
    for number in range(1, lines + 1):
        print(f"line {number}")
        time.sleep(seconds / lines)
    return lines
