"""The reference worker and a broker whose connections break."""

from __future__ import annotations

import re
import time
from pathlib import Path

from runtail_worker.consumer import RETRY_SECONDS
from tests.support.installation import Installation
from tests.support.ports import free_port
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for


def test_a_message_taken_after_a_half_open_connection_is_executed_soon(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """It was popped from its queue after a minute, and lost: the note that it was taken went over a dead connection."""
    with (
        TcpProxy(redis_server.host, redis_server.port) as proxy,
        Installation(tmp_path, redis_server.url, app="runtail_worker.app") as fleet,
    ):
        queue = fleet.settings["key_prefix"] + "queue"
        worker = fleet.add(queue=queue, redis_url=proxy.url).wait_ready()
        fleet.wait_ended([fleet.send("demo.binary", queue=queue)])
        assert proxy.half_open() > 2
        run_id = fleet.send("demo.binary", queue=queue)
        # Two checks of its connections, two time-outs, and a machine that is busy; not the 60 s of Celery's defaults.
        (run,) = fleet.wait_ended([run_id], 40)
        assert run.state == "succeeded"
        assert worker.process.is_running()


def test_the_probe_sees_a_worker_that_is_connected_and_stalled(tmp_path: Path, redis_server: RedisServer) -> None:
    """Its event loop turned, so it looked alive, and took no task any more."""
    with (
        TcpProxy(redis_server.host, redis_server.port) as proxy,
        Installation(tmp_path, redis_server.url, app="tests.support.stalled_app") as fleet,
    ):
        queue, alive = fleet.settings["key_prefix"] + "queue", tmp_path / "health" / "alive"
        environment: dict[str, str | None] = {"RUNTAIL_HEALTH_DIR": str(alive.parent)}
        fleet.add(concurrency=2, queue=queue, redis_url=proxy.url, environment=environment).wait_ready()

        def age_seconds() -> float:
            return time.time() - alive.stat().st_mtime

        wait_for(alive.exists, 20)
        # An idle worker is not stalled: the broker says so every second.
        stays(lambda: age_seconds() < 3, 6, age_seconds)
        # With a task in hand it never counts as stalled.
        nap = fleet.send("demo.nap", seconds=12, queue=queue)
        fleet.wait_running([nap])
        assert proxy.stall(b"BRPOP") > 0
        stays(lambda: age_seconds() < 3, 8, age_seconds)
        wait_for(lambda: age_seconds() > 6, 40, age_seconds)


def test_a_broker_that_is_away_is_asked_for_every_few_seconds(tmp_path: Path) -> None:
    """Celery's waits grow to half a minute, so that a worker took tasks as late after an outage."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with Installation(tmp_path, nowhere, app="runtail_worker.app", services=(), acl=False) as fleet:
        worker = fleet.add()

        def waits() -> list[float]:
            return [float(wait) for wait in re.findall(r"Trying again in ([0-9.]+) seconds", worker.process.output())]

        # Celery's own are 2, 4, 6 and 8 s.
        wait_for(lambda: len(waits()) >= 4, 60, worker.process.evidence)
        assert max(waits()) == RETRY_SECONDS
