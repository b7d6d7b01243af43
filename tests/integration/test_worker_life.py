"""What happens to a worker over its life: restarts, recycled children, many tasks."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import wait_for
from tests.support.worker import Worker, exists

PRINTED = b"one\ntwo words\nthree\nfour\n"


def test_large_secrets_are_masked_from_the_first_byte(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url) as worker:
        worker.wait_ready()
        key = "\n".join(f"{number:04d}-secret-line-of-a-long-key-{number:04d}" for number in range(600))
        run, output = worker.do("t.big_secret", key=key)
        assert run.state == "succeeded"
        assert output == b"key is\n" + b"***\n" * 600
        assert run.json("kwargs") == {"key": "***"}


def test_hundreds_of_tasks_leak_no_descriptor(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, environment={"RUNTAIL_LATE_SECONDS": "0"}) as worker:
        worker.wait_ready()
        for _ in range(10):
            worker.do("t.printing")
        processes = [
            psutil.Process(worker.process.pid),
            worker.keeper(),
            worker.shipper(),
            *worker.pool_children(),
        ]

        def counts() -> list[int]:
            return [process.num_fds() for process in processes]

        before = counts()
        ids = [worker.send("t.printing") for _ in range(300)]
        for run_id in ids:
            assert worker.wait_ended(run_id).state == "succeeded"
        wait_for(lambda: all(now <= then + 2 for now, then in zip(counts(), before, strict=True)), 30, counts)


def test_recycled_children(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, arguments=["--concurrency=2", "--max-tasks-per-child=1"]) as worker:
        worker.wait_ready()
        ids = [worker.send("t.printing") for _ in range(6)]
        for run_id in ids:
            assert worker.wait_ended(run_id).state == "succeeded"
            assert worker.output(run_id) == PRINTED


@pytest.mark.timeout(90)
def test_hangup_restarts_the_worker_in_place(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url) as worker:
        worker.wait_ready()
        assert worker.do("t.printing")[1] == PRINTED
        keeper, shipper = worker.keeper(), worker.shipper()
        seen = len(worker.process.output())
        worker.process.signal(signal.SIGHUP)
        worker.process.wait_for_log(f"{worker.hostname} ready", 40, since_chars=seen)
        assert worker.do("t.printing")[1] == PRINTED
        wait_for(lambda: not exists(keeper.pid) and not exists(shipper.pid), 20)
        assert worker.keeper().pid != keeper.pid


def test_killed_worker_leaves_nothing_and_its_runs_end(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url) as worker:
        worker.wait_ready()
        run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.005)
        worker.wait_output(run_id, b"line 5\n")
        pids = [worker.keeper().pid, worker.shipper().pid, *[child.pid for child in worker.pool_children()]]
        worker.process.signal(signal.SIGKILL)
        assert worker.wait_ended(run_id, 30).state == "lost"
        wait_for(lambda: not any(exists(pid) for pid in pids), 30, lambda: pids)


def test_autoscaled_pool(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, arguments=["--autoscale=4,1"]) as worker:
        worker.wait_ready()
        ids = [worker.send("t.printing") for _ in range(20)]
        for run_id in ids:
            worker.wait_ended(run_id)
            assert worker.output(run_id) == PRINTED
