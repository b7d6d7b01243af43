"""The whole line with every process real: API, broker, worker, keeper, shipper, store, relay, viewer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from runtail.log import reader
from runtail.protocol import Entry, RunState
from runtail.protocol import event as events
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower
from tests.support.stack import Stack
from tests.support.waiting import wait_for

#: Short, so that a lost worker is noticed while the test waits.
LEASES: dict[str, Any] = {"lease_seconds": 3.0, "beat_seconds": 0.5, "cancel_grace_seconds": 2.0}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One product for the tests that leave it whole."""
    directory = tmp_path_factory.mktemp("line")
    with RedisServer(directory / "redis") as server, Stack(directory, server.url, **LEASES) as started:
        yield started


@pytest.fixture
def own_stack(tmp_path: Path, own_redis_server: RedisServer) -> Iterator[Stack]:
    """A product to be broken."""
    with Stack(tmp_path, own_redis_server.url, services=("web",), **LEASES) as started:
        yield started


def kinds(stack: Stack, run_id: str) -> list[str]:
    """The kinds of a run's events, in order."""
    items = reader.entries(stack.store, run_id)
    return [events.decode(i)["kind"] for i in items if isinstance(i, Entry) and i.type == "e"]


def worker_tree(stack: Stack) -> list[psutil.Process]:
    """The worker's main process with keeper, shipper and pool."""
    main = psutil.Process(stack.worker.pid)
    return [main, *main.children(recursive=True)]


def kill_all(stack: Stack) -> None:
    """SIGKILL of worker, keeper and shipper together, as the end of a container is."""
    for process in worker_tree(stack):
        process.kill()
    wait_for(lambda: not stack.worker.is_running(), 10)


def test_a_line_is_printed_stored_relayed_and_proved(stack: Stack) -> None:
    run_id = stack.start("line.paced", {"lines": 400, "lines_per_second": 200})
    follower = Follower(run_id)
    follower.connect(stack.relay.url)
    follower.until(lambda: follower.ended is not None, 30)
    assert follower.lines == [b"line %d" % number for number in range(1, 401)]
    verdict = follower.view.verdict
    assert verdict is not None
    assert verdict.text == "complete: 400 lines, verified"
    assert follower.ended is not None
    assert follower.ended["state"] == "succeeded"
    text = stack.get(f"/api/v1/runs/{run_id}/log.txt")
    assert text.content == stack.output(run_id) == b"".join(b"line %d\n" % n for n in range(1, 401))


def test_cancelling_ends_the_task_and_says_who_and_how(stack: Stack) -> None:
    run_id = stack.start("line.paced", {"lines": 100_000, "lines_per_second": 100})
    wait_for(lambda: stack.run(run_id).number("line") > 10, 20)
    answer = httpx.post(f"{stack.web.url}/api/v1/runs/{run_id}/cancel", json={"why": "enough"}, timeout=10)
    assert answer.status_code in (200, 202), answer.text
    run = stack.wait_ended(run_id, deadline_seconds=20)
    assert run.state is RunState.CANCELLED
    assert kinds(stack, run_id)[-3:] == ["cancel-requested", "cancel", "end"]
    lines = stack.output(run_id).splitlines()
    assert lines == [b"line %d" % number for number in range(1, len(lines) + 1)]
    again = stack.start("line.paced", {"lines": 3, "lines_per_second": 100})
    assert stack.wait_ended(again).state is RunState.SUCCEEDED


def test_an_exclusive_task_is_refused_with_the_sentence_and_the_holder(stack: Stack) -> None:
    run_id = stack.start("line.exclusive", {"seconds": 60})
    wait_for(lambda: stack.run(run_id).state is RunState.RUNNING, 20)
    body = {"task": "line.exclusive", "kwargs": {"seconds": 1}}
    refused = httpx.post(f"{stack.web.url}/api/v1/runs", json=body, timeout=10)
    assert refused.status_code == 409
    assert "Task is already running" in refused.text
    assert run_id in refused.text
    httpx.post(f"{stack.web.url}/api/v1/runs/{run_id}/cancel", json={}, timeout=10)
    stack.wait_ended(run_id, deadline_seconds=20)
    assert stack.wait_ended(stack.start("line.exclusive", {"seconds": 0.1})).state is RunState.SUCCEEDED


def test_a_killed_worker_frees_its_hold_and_restarts_what_may_restart(own_stack: Stack) -> None:
    held = own_stack.start("line.exclusive", {"seconds": 600})
    restartable = own_stack.start("line.restartable", {"seconds": 1.0})
    wait_for(lambda: own_stack.run(held).number("line") > 1, 20)
    wait_for(lambda: own_stack.run(restartable).number("line") > 1, 20)
    restartable = restartable if own_stack.run(restartable).state is RunState.RUNNING else ""
    kill_all(own_stack)
    lost = own_stack.wait_ended(held, deadline_seconds=20)
    assert lost.state is RunState.LOST
    assert "silent" in lost.text("why")
    assert kinds(own_stack, held)[-2:] == ["worker-lost", "end"]
    own_stack.restart_worker()
    assert own_stack.wait_ended(own_stack.start("line.exclusive", {"seconds": 0.1})).state is RunState.SUCCEEDED
    assert restartable, "the task ended before the worker was killed"
    run = own_stack.wait_ended(restartable, deadline_seconds=60)
    assert (run.state, run.number("attempt")) == (RunState.SUCCEEDED, 2)
    assert kinds(own_stack, restartable) == ["start", "worker-lost", "start", "end"]


def test_a_worker_told_to_stop_lets_its_task_end(own_stack: Stack) -> None:
    run_id = own_stack.start("line.paced", {"lines": 300, "lines_per_second": 100})
    wait_for(lambda: own_stack.run(run_id).number("line") > 10, 20)
    own_stack.worker.signal(signal.SIGTERM)
    run = own_stack.wait_ended(run_id, deadline_seconds=30)
    assert run.state is RunState.SUCCEEDED
    assert own_stack.output(run_id).count(b"\n") == 300
    assert own_stack.worker.wait(30) == 0


def test_a_worker_that_must_stop_at_once_says_interrupted(own_stack: Stack) -> None:
    run_id = own_stack.start("line.paced", {"lines": 100_000, "lines_per_second": 100})
    wait_for(lambda: own_stack.run(run_id).number("line") > 10, 20)
    own_stack.worker.signal(signal.SIGQUIT)
    run = own_stack.wait_ended(run_id, deadline_seconds=30)
    assert "interrupted" in kinds(own_stack, run_id)
    assert run.state in (RunState.LOST, RunState.FAILED)
    assert run.text("why")


def test_a_silent_store_stops_no_task(own_stack: Stack, own_redis_server: RedisServer) -> None:
    run_id = own_stack.start("line.paced", {"lines": 800, "lines_per_second": 100})
    wait_for(lambda: own_stack.run(run_id).number("line") > 10, 20)
    own_redis_server.pause()
    try:
        # What Celery's own log says of the task does not pass through the store.
        own_stack.worker.wait_for_log("succeeded in", 30)
    finally:
        own_redis_server.resume()
    run = own_stack.wait_ended(run_id, deadline_seconds=40)
    assert (run.state, run.number("attempt")) == (RunState.SUCCEEDED, 1)
    assert own_stack.output(run_id) == b"".join(b"line %d\n" % number for number in range(1, 801))


def test_no_process_is_left_behind(own_stack: Stack) -> None:
    tree = worker_tree(own_stack)
    assert len(tree) >= 4  # main, keeper, shipper, pool
    own_stack.worker.signal(signal.SIGINT)
    own_stack.worker.wait(30)
    gone, alive = psutil.wait_procs(tree, timeout=20)
    assert not alive, [process.cmdline() for process in alive]
    assert len(gone) == len(tree)
