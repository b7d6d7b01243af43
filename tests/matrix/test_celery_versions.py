"""The same tasks on each Celery that Runtail supports: recorded, masked, cancelled, and their results as ever.

Each environment has the wheel, its own Celery, billiard, kombu and redis-py; the messages come from the newest Celery.
"""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import chord

from runtail.runs.cancel import cancel
from tests.support.environments import Environment, environments
from tests.support.worker import Worker

LOCKS = ("5.4", "5.4-newest", "5.5", "5.6", "5.7")
GET_SECONDS = 30
ENVIRONMENTS = [environment for lock in LOCKS for environment in environments(f"matrix/celery-{lock}")]


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=str)
def environment(request: pytest.FixtureRequest, wheel: Path) -> Environment:
    made: Environment = request.param
    made.make(wheel)
    return made


@pytest.fixture(scope="module", params=["prefork", "solo"])
def worker(
    request: pytest.FixtureRequest, environment: Environment, tmp_path_factory: pytest.TempPathFactory, redis_url: str
) -> Iterator[Worker]:
    settings: dict[str, str | None] = {"RUNTAIL_CANCEL_GRACE_SECONDS": "1", "RUNTAIL_BEAT_SECONDS": "0.2"}
    with Worker(
        tmp_path_factory.mktemp("worker"),
        redis_url,
        python=environment.interpreter,
        arguments=["--concurrency=2", f"--pool={request.param}"],
        environment=settings,
    ) as worker:
        yield worker.wait_ready()
        # A result that is collected later tells the server, which is gone by then.
        gc.collect()


def is_solo(worker: Worker) -> bool:
    """Solo has no process for a task alone: no cancel, no time limit, no exit."""
    return "--pool=solo" in worker.process.command


def test_the_wheel_runs_with_the_celery_that_the_lock_names(worker: Worker, environment: Environment) -> None:
    run, output = worker.do("t.versions")
    celery, library = output.decode().split()
    assert run.state == "succeeded"
    assert celery.startswith(environment.lock.split("-")[1])
    assert Path(library).is_relative_to(environment.folder)


def test_success(worker: Worker) -> None:
    run, output = worker.do("t.printing")
    assert (run.state, output) == ("succeeded", b"one\ntwo words\nthree\nfour\n")
    run, output = worker.do("t.subprocesses")
    assert output == b"before\nrun\nerr\nsystem\npopen\nafter\n"


def test_failure(worker: Worker) -> None:
    run_id = worker.send("t.long_failure", 7)
    with pytest.raises(ValueError, match="begin xxxxxxx end"):
        worker.client.AsyncResult(run_id).get(timeout=GET_SECONDS)
    assert worker.wait_ended(run_id).state == "failed"
    output = worker.output(run_id).decode()
    assert output.startswith("about to fail\nTraceback (most recent call last):\n")
    assert output.count("ValueError: begin xxxxxxx end") == 1


def test_each_attempt_of_a_retried_task_is_counted(worker: Worker) -> None:
    run, output = worker.do("t.retries")
    assert (run.state, run.number("attempt")) == ("succeeded", 3)
    assert [line for line in output.decode().splitlines() if line.startswith("attempt")] == [
        "attempt 0",
        "attempt 1",
        "attempt 2",
    ]


def test_a_chord_is_recorded(worker: Worker) -> None:
    parts = [worker.client.signature("t.add", args=(n, n), queue=worker.queue) for n in range(5)]
    result = chord(parts)(worker.client.signature("t.total", queue=worker.queue))
    assert result.get(timeout=GET_SECONDS) == 20
    assert worker.wait_ended(result.id).state == "succeeded"
    assert worker.output(result.id) == b"total of [0, 2, 4, 6, 8]\n"


def test_secrets(worker: Worker) -> None:
    run, output = worker.do("t.said", token="a-secret-of-mine")
    assert b"token is ***\n" in output
    assert "a-secret-of-mine" not in str(run.fields)
    assert b"a-secret-of-mine" not in output


def test_cancel(worker: Worker, tmp_path: Path) -> None:
    flag = tmp_path / "end"
    run_id = worker.send("t.writes_until", str(flag), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    cancel(worker.store, run_id, who="ada", why="enough")
    if is_solo(worker):
        worker.wait_output(run_id, b"line 30\n")
        flag.touch()
    run = worker.wait_ended(run_id)
    assert run.state == ("succeeded" if is_solo(worker) else "cancelled")
    assert worker.do("t.printing")[0].state == "succeeded"


def test_time_limit_and_exit(worker: Worker) -> None:
    if is_solo(worker):
        return
    limited = worker.send("t.hard_limit")
    run, output = worker.do("t.exit", 3)
    assert (run.state, run.number("exit_status"), output) == ("failed", 3, b"leaving\n")
    run = worker.wait_ended(limited)
    assert (run.state, run.text("why")) == ("failed", "time limit of 1 s exceeded")
    assert worker.output(limited).startswith(b"too long\n")


def test_told_to_stop(worker: Worker, tmp_path: Path) -> None:
    """Last, since it ends the worker: a signal is no exit of the task's own."""
    run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    worker.process.signal(signal.SIGQUIT)
    assert worker.wait_ended(run_id).state == "lost"
    assert worker.events(run_id, "interrupted")
