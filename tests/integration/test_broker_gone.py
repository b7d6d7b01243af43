"""A worker is told to stop, and its broker goes at that moment: a release or a namespace is removed."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import PROGRAM
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for
from tests.support.worker import Worker, exists

ROOT = Path(__file__).parents[2]
#: Every place that says how one of our workers is started.
COMMANDS = (
    "docker/Dockerfile",
    "docker/compose.yaml",
    "helm/runtail/templates/_worker.tpl",
    "libs/runtail/src/runtail/dev/plan.py",
)
#: Celery's heartbeats, where it has them, come every 2 s.
HEARTBEAT_SECONDS = 2.0


def flags(path: str) -> list[str]:
    return re.findall(r"--without-\w+", (ROOT / path).read_text())


@pytest.fixture
def worker(tmp_path: Path, own_redis_server: RedisServer, redis_url: str) -> Iterator[Worker]:
    """As our image starts it; what it and its tasks store is elsewhere."""
    with Worker(
        tmp_path,
        own_redis_server.url,
        store_url=redis_url,
        launcher=(PROGRAM, "worker", "--"),
        arguments=(*flags("docker/Dockerfile"), "--concurrency=2"),
        environment={"TEST_RESULTS_URL": redis_url},
    ) as worker:
        yield worker.wait_ready()


def stop_without_broker(worker: Worker, broker: RedisServer) -> None:
    """End the broker and tell the worker to stop; a heartbeat is due before it sees that the connection is gone."""
    main = worker.main
    main.suspend()
    broker.kill()
    due = time.monotonic() + HEARTBEAT_SECONDS + 0.5
    wait_for(lambda: time.monotonic() >= due, 20)
    main.resume()
    # Here a heartbeat held it for ever.
    worker.process.wait_for_log("Trying again in", 30)
    worker.process.signal(signal.SIGTERM)
    worker.process.wait_for_log("575 s", 20)


@pytest.mark.parametrize("path", COMMANDS)
def test_our_workers_are_started_alike(path: str) -> None:
    assert flags(path) == ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def test_a_worker_without_tasks_leaves(worker: Worker, own_redis_server: RedisServer) -> None:
    """It published a heartbeat without end, and was killed 585 s later."""
    children = worker.pool_children()
    assert len(children) == 2
    stop_without_broker(worker, own_redis_server)
    assert worker.process.wait(60) == 0
    assert not [child for child in children if exists(child.pid)]


def test_a_task_goes_on_to_its_end(worker: Worker, own_redis_server: RedisServer, tmp_path: Path) -> None:
    flag = tmp_path / "stop"
    run_id = worker.send("t.writes_until", str(flag), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    stop_without_broker(worker, own_redis_server)
    worker.process.wait_for_log("Warm shutdown", 20)
    lines = worker.output(run_id).count(b"\n")
    worker.wait_output(run_id, b"line %d\n" % (lines + 100))
    assert worker.process.is_running()
    flag.touch()
    assert worker.wait_ended(run_id).state == "succeeded"
    assert worker.process.wait(60) == 0
