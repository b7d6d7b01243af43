"""An app whose kombu keeps its messages under other keys: its tasks are started, and waited for, all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.services import Service
from tests.support.waiting import wait_for
from tests.support.worker import Worker

OPTIONS: list[dict[str, Any]] = [
    {"global_keyprefix": "team-a:"},
    {"sep": ":", "priority_steps": list(range(10)), "queue_order_strategy": "priority"},
]


@pytest.fixture(params=OPTIONS, ids=["global_keyprefix", "priorities"])
def worker(tmp_path: Path, redis_url: str, request: Any) -> Iterator[Worker]:
    """A worker with one process, and with these options; the web service knows nothing of them."""
    conf = {"broker_transport_options": request.param}
    made = Worker(
        tmp_path,
        redis_url,
        app="tests.support.script_app",
        arguments=["--concurrency=1", "--prefetch-multiplier=1"],
        environment={"TEST_CONF": json.dumps(conf)},
        # The users of tests have no rights for the prefix of another installation's keys.
        acl="global_keyprefix" not in request.param,
    )
    try:
        yield made.wait_ready()
    finally:
        made.close()


def test_a_task_is_started_and_its_message_is_waited_for(worker: Worker, redis_url: str, tmp_path: Path) -> None:
    settings = {
        "broker_url": redis_url, "key_prefix": worker.prefix, "vanished_seconds": 0.1, "lease_seconds": 2.0,
        "beat_seconds": 0.5,
    }  # fmt: skip
    gate = tmp_path / "gate"
    code = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    with Service("web", tmp_path, settings) as web:
        wait_for(lambda: httpx.get(f"{web.url}/api/v1/tasks").json()["tasks"], 30, worker.process.evidence)

        def start(code: str) -> str:
            body = {"task": "script", "kwargs": {"source": code}}
            answer = httpx.post(f"{web.url}/api/v1/runs", json=body, timeout=30)
            assert answer.status_code == 202, answer.text
            return str(answer.json()["id"])

        first = start(code)
        worker.wait_running(first)
        # The first of them the worker takes already, the others wait in the queue.
        waiting = [start(f"print({number})") for number in range(3)]
        gone = start("print('never')")
        redis: Any = worker.store.client
        for key in redis.scan_iter(f"*{worker.queue}*", _type="list"):
            for message in redis.lrange(key, 0, -1):
                if gone.encode() in message:
                    redis.lrem(key, 1, message)

        def republished(run_id: str) -> int:
            return int(redis.hget(worker.store.keys.run(run_id), "republished") or 0)

        # What vanished is found missing, so the others were looked for as well.
        wait_for(lambda: republished(gone), 60, worker.process.evidence)
        assert [republished(run_id) for run_id in waiting] == [0, 0, 0]
        gate.touch()
        for number, run_id in enumerate(waiting):
            assert worker.wait_ended(run_id).state == "succeeded"
            assert worker.output(run_id) == b"%d\n" % number
        assert worker.wait_ended(gone).state == "succeeded"
