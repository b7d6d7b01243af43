"""The process of an ``acks_late`` task dies while the worker lives: what Celery does then is what the run says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.result import AsyncResult

from tests.support.recorded_runs import DEADLINE_SECONDS
from tests.support.waiting import wait_for
from tests.support.worker import Worker

#: Kills its own process the first time, and says which time it is.
DIES_ONCE = """
import os, signal, sys
path = {path!r}
print("time", 2 if os.path.exists(path) else 1, flush=True)
if not os.path.exists(path):
    open(path, "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""
OUTLIVES_ITS_LIMIT = """
import os, time
path = {path!r}
print("time", 2 if os.path.exists(path) else 1, flush=True)
if not os.path.exists(path):
    open(path, "w").close()
    time.sleep(60)
"""


@pytest.fixture
def make_worker(tmp_path: Path, redis_url: str) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(**conf: Any) -> Worker:
        workers.append(
            Worker(
                tmp_path,
                redis_url,
                app="tests.support.script_app",
                arguments=["--concurrency=1"],
                environment={"TEST_CONF": json.dumps({"task_acks_late": True, **conf})},
            )
        )
        return workers[-1].wait_ready()

    yield make
    for worker in workers:
        worker.close()


def test_without_reject_on_worker_lost_it_fails_and_is_not_executed_again(
    make_worker: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = make_worker()
    run_id = worker.send("script", DIES_ONCE.format(path=str(tmp_path / "died")))
    run = worker.wait_ended(run_id)
    assert (str(run.state), run.number("attempt")) == ("failed", 1)
    assert run.text("why") == "signal 9 (SIGKILL)"
    result = AsyncResult(run_id, app=worker.client)
    with pytest.raises(Exception, match="Worker exited prematurely"):
        result.get(timeout=30)
    # What comes behind it is executed: nothing of the first is under way any more.
    assert worker.do("script", "print('next')")[1] == b"next\n"
    assert worker.output(run_id) == b"time 1\n"


def test_with_reject_on_worker_lost_it_is_executed_again(make_worker: Callable[..., Worker], tmp_path: Path) -> None:
    worker = make_worker(task_reject_on_worker_lost=True)
    run_id = worker.send("script", DIES_ONCE.format(path=str(tmp_path / "died")))
    run = worker.wait_ended(run_id)
    assert (str(run.state), run.number("attempt")) == ("succeeded", 2)
    assert worker.output(run_id) == b"time 1\ntime 2\n"
    assert AsyncResult(run_id, app=worker.client).get(timeout=30) is None


@pytest.mark.parametrize("rejects", [False, True])
def test_a_time_limit_ends_it(make_worker: Callable[..., Worker], tmp_path: Path, rejects: bool) -> None:
    worker = make_worker(task_reject_on_worker_lost=rejects, task_time_limit=1)
    run_id = worker.send("script", OUTLIVES_ITS_LIMIT.format(path=str(tmp_path / "slept")))
    run = worker.wait_ended(run_id)
    assert (str(run.state), run.number("attempt")) == ("failed", 1)
    assert run.text("why").startswith("time limit of 1")
    assert worker.do("script", "print('next')")[1] == b"next\n"
    # (The limit may have struck before it wrote anything.)
    assert b"time 2" not in worker.output(run_id)


def test_a_retry_that_celery_makes_of_it_is_waited_for(make_worker: Callable[..., Worker], tmp_path: Path) -> None:
    from celery.app.task import Task

    if not hasattr(Task, "retry_on_worker_lost"):
        pytest.skip("since Celery 5.7")
    worker = make_worker(task_retry_on_worker_lost=True)
    run_id = worker.send("script", DIES_ONCE.format(path=str(tmp_path / "died")))
    wait_for(lambda: worker.events(run_id, "interrupted"), DEADLINE_SECONDS, worker.process.evidence)
    run = worker.find(run_id)
    # (Its message comes after three minutes.)
    assert run is not None
    assert (str(run.state), run.text("why")) == ("queued", "redelivery expected")
