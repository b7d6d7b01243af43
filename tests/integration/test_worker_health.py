"""The files ``alive`` and ``ready`` of any worker whose app has Runtail."""

import time
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for
from tests.support.worker import Worker


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_health_files_from_the_first_moment_to_the_last(
    tmp_path: Path, own_redis_server: RedisServer, pool: str
) -> None:
    alive, ready = tmp_path / "health" / "alive", tmp_path / "health" / "ready"
    alive.parent.mkdir()

    def age_seconds() -> float:
        return time.time() - alive.stat().st_mtime

    def start() -> Worker:
        # Left behind by a worker that was killed in the same pod.
        alive.touch()
        ready.touch()
        return Worker(
            tmp_path,
            own_redis_server.url,
            app="tests.support.script_app",
            arguments=["--concurrency=1", f"--pool={pool}"],
            environment={"RUNTAIL_HEALTH_DIR": str(alive.parent)},
            # A store that is not there takes no users.
            acl=False,
        )

    own_redis_server.kill()
    with start() as worker:
        # It cannot connect yet: no reason to restart it, and none to give it work.
        worker.process.wait_for_log("Cannot connect to redis", 60)
        assert not ready.exists()
        wait_for(alive.exists, 10, worker.process.evidence)
        stays(lambda: age_seconds() < 3, 4, age_seconds)
        assert not ready.exists()
        own_redis_server.start()
        worker.wait_ready()
        wait_for(ready.exists, 10)
        assert worker.do("script", "print('here')")[1] == b"here\n"
        own_redis_server.kill()
        wait_for(lambda: not ready.exists(), 20, worker.process.evidence)
        own_redis_server.start()
        wait_for(ready.exists, 60, worker.process.evidence)
        worker.process.kill()
    assert ready.exists()
    with start() as worker:
        worker.wait_ready()
        wait_for(ready.exists, 10)
        worker.process.terminate()
        assert worker.process.wait(30) == 0
        assert not ready.exists()


def test_a_folder_that_cannot_be_written_is_said_and_no_reason_not_to_work(tmp_path: Path, redis_url: str) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    environment: dict[str, str | None] = {"RUNTAIL_HEALTH_DIR": str(blocked / "health")}
    with Worker(tmp_path, redis_url, app="tests.support.script_app", environment=environment) as worker:
        worker.wait_ready()
        worker.process.wait_for_log("Runtail: the health files cannot be written", 10)
        assert worker.do("script", "print('here')")[1] == b"here\n"


def test_a_worker_without_capture_has_them_too(tmp_path: Path, redis_url: str) -> None:
    directory = tmp_path / "health"
    environment: dict[str, str | None] = {
        "RUNTAIL_HEALTH_DIR": str(directory),
        "RUNTAIL_CAPTURE": "off",
        "RUNTAIL_WORKER_ADMIN_PORT": str(free_port()),
    }
    with Worker(tmp_path, redis_url, app="tests.support.script_app", environment=environment) as worker:
        worker.wait_ready()
        wait_for(lambda: (directory / "alive").exists() and (directory / "ready").exists(), 10)
