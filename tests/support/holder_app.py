"""Tasks that leave somebody behind who holds their output."""

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import runtail
from runtail.worker.inband import sequence
from runtail.worker.task import current
from tests.support.capture_app import app
from tests.support.puppet import perform

_pools: dict[int, concurrent.futures.ProcessPoolExecutor] = {}


@app.task(name="h.leaves", runtail={"secrets": ["token"]})
def leaves(folder: str, token: str = "", announced: str = "") -> None:
    """Leave a puppet behind."""
    runtail.mask(announced)
    subprocess.Popen([sys.executable, "-m", "tests.support.puppet", folder], start_new_session=True)
    while not (Path(folder) / "ready").exists():
        os.sched_yield()
    print("left one behind")


@app.task(name="h.performs", runtail={"secrets": ["token"]})
def performs(folder: str, token: str = "") -> None:
    """Write what the test says."""
    print("begun")
    perform(Path(folder))


@app.task(name="h.leaves_and_retries", bind=True, max_retries=1)
def leaves_and_retries(self: Any, folder: str, second: str) -> None:
    """Attempt 1 leaves a puppet behind, attempt 2 is one."""
    if self.request.retries:
        performs(second)
        return
    leaves(folder)
    raise self.retry(countdown=0)


def job(text: str) -> str:
    """What a process of the pool does."""
    print(f"job {text}", flush=True)
    return text


@app.task(name="h.asks_pool")
def asks_pool(text: str, jobs: int = 1) -> None:
    """Have a pool that outlives the task print."""
    # Celery's own processes are daemons, which may have no children.
    multiprocessing.process.current_process()._config.pop("daemon", None)  # type: ignore[attr-defined]  # noqa: SLF001 (billiard's)
    pool = _pools.get(os.getpid())
    if pool is None:
        pool = _pools[os.getpid()] = concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("fork")
        )
    for number in range(jobs):
        # What one job writes has been read before the next one begins: the order of two pipes is that of arrival.
        time.sleep(0.3)
        print("result", pool.submit(job, f"{text} {number}").result(timeout=30))


@app.task(name="h.opens_in_two_halves")
def opens_in_two_halves(folder: str, title: str) -> None:
    """A section is opened by two writes, between which the test does something."""
    assert current.current is not None
    opened = sequence(current.current.nonce, {"op": "group", "title": title})
    os.write(1, opened[: len(opened) // 2])
    perform(Path(folder))
    os.write(1, opened[len(opened) // 2 :])
    print("inside")


@app.task(name="h.masks")
def masks(secret: str) -> None:
    """Announce a secret and go."""
    runtail.mask(secret)
    print("announced")
