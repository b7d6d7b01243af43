"""The task of the tutorial this product began with, and one that only waits."""

from __future__ import annotations

import time
from typing import Annotated

from runtail_worker.app import app


@app.task(name="demo.tail", runtail={"exclusive": True})
def tail(lines: Annotated[int, {"minimum": 0}] = 20, interval: Annotated[float, {"minimum": 0}] = 1.0) -> None:
    """Print a line a second, as in the tutorial.

    :param lines: How many lines.
    :param interval: Seconds between two lines.
    """
    for number in range(lines):
        if number:
            time.sleep(interval)
        print(f"Task message {number}")


@app.task(name="demo.nap", runtail={"restart": True})
def nap(seconds: Annotated[float, {"minimum": 0}] = 10.0) -> None:
    """Do nothing for a while. Starts again elsewhere if its worker is lost.

    :param seconds: How long.
    """
    print(f"Going to sleep for {seconds:g} s")
    time.sleep(seconds)
    print("Awake")
