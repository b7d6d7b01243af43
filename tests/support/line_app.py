"""A Celery app as its users have them: its own tasks, and ``runtail.install(app)``."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from celery import Celery

import runtail
from runtail.settings import load_settings

app = Celery("line_app", broker=load_settings(os.environ).broker_url)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_timeout": 10, "socket_connect_timeout": 3},
)
runtail.install(app)


@app.task(name="line.paced")
def paced(lines: int, lines_per_second: int, width: int = 0) -> int:
    """Print numbered lines at a steady pace, filled up with dots to a width."""
    began = time.monotonic()
    for number in range(1, lines + 1):
        print(f"line {number}".ljust(width, "."))
        ahead_seconds = number / lines_per_second - (time.monotonic() - began)
        if ahead_seconds > 0.002:
            time.sleep(ahead_seconds)
    return lines


@app.task(name="line.paced_subprocess")
def paced_subprocess(lines: int, lines_per_second: int) -> int:
    """The same from a program that Python did not buffer: awk prints, line by line."""
    every = lines_per_second
    pause = f'if (i % {every} == 0) {{ fflush(); system("sleep 1") }}'
    program = f'BEGIN {{ for (i = 1; i <= {lines}; i++) {{ print "line " i; {pause} }} }}'
    subprocess.run(["awk", program], check=True)
    return lines


@app.task(name="line.exclusive", runtail={"exclusive": True})
def exclusive(seconds: float) -> None:
    """One at a time."""
    print("mine")
    sys.stdout.flush()
    time.sleep(seconds)


@app.task(name="line.restartable", runtail={"restart": True, "max_attempts": 2})
def restartable(seconds: float) -> None:
    """May be started again when its worker is lost."""
    print("begun")
    time.sleep(seconds)
