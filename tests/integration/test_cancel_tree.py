"""Cancelling a run ends everything it started, and nothing else."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtail.runs.cancel import cancel
from tests.support.waiting import stays, wait_for
from tests.support.worker import Worker, exists


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Worker]:
    environment: dict[str, str | None] = {
        "RUNTAIL_CANCEL_GRACE_SECONDS": "1",
        "RUNTAIL_BEAT_SECONDS": "0.5",
    }
    with Worker(tmp_path_factory.mktemp("worker"), redis_url, environment=environment) as worker:
        yield worker.wait_ready()


def pids_said(output: bytes) -> dict[str, int]:
    """The pids that ``t.stubborn`` printed."""
    lines = [line.split() for line in output.decode().splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


def test_every_process_of_the_run_is_gone(worker: Worker) -> None:
    run_id = worker.send("t.stubborn")
    output = worker.wait_output(run_id, b"all started\n")
    pids = pids_said(output)
    assert sorted(pids) == ["child", "daemon", "ignores_term", "naked", "orphan", "session"]
    assert all(exists(pid) for pid in pids.values())
    executing = worker.wait_running(run_id)
    bystander = worker.send("t.waits", "/nonexistent/never")
    worker.wait_running(bystander)
    keeper, shipper = worker.keeper().pid, worker.shipper().pid

    cancel(worker.store, run_id, who="ada", why="enough")

    run = worker.wait_ended(run_id, 30)
    assert run.state == "cancelled"
    wait_for(lambda: not any(exists(pid) for pid in pids.values()), 10, lambda: pids)
    assert b"cleaning up" in worker.output(run_id)
    events = worker.events(run_id, "cancel")
    assert [(event["who"], event["signal"]) for event in events] == [("ada", signal.SIGKILL)]
    assert (worker.keeper().pid, worker.shipper().pid) == (keeper, shipper)
    assert worker.wait_running(bystander).number("attempt") == executing.number("attempt") == 1
    cancel(worker.store, bystander, who="ada", why="")
    assert worker.wait_ended(bystander, 30).state == "cancelled"


def test_next_task_is_never_hit(worker: Worker) -> None:
    for _ in range(3):
        victim = worker.send("t.waits", "/nonexistent/never")
        worker.wait_running(victim)
        followers = [worker.send("t.printing") for _ in range(4)]
        cancel(worker.store, victim, who="ada", why="")
        assert worker.wait_ended(victim, 30).state == "cancelled"
        for follower in followers:
            assert worker.wait_ended(follower, 30).state == "succeeded"


def test_run_that_ends_by_itself_while_it_is_cancelled(worker: Worker, tmp_path: Path) -> None:
    states = set()
    for number in range(10):
        flag = tmp_path / str(number)
        run_id = worker.send("t.waits", str(flag))
        worker.wait_running(run_id)
        cancel(worker.store, run_id, who="ada", why="")
        flag.touch()
        states.add(str(worker.wait_ended(run_id, 30).state))
        assert worker.do("t.printing")[0].state == "succeeded"
    assert states <= {"succeeded", "cancelled"}


def test_orphans_leave_no_zombies(worker: Worker) -> None:
    run_id = worker.send("t.orphans", 20)
    assert worker.wait_ended(run_id).state == "succeeded"

    def zombies() -> list[int]:
        children = {child.pid for child in worker.pool_children()}
        # What ends while it is looked at is passed over.
        return [
            process.pid
            for process in psutil.process_iter(["ppid", "status"])
            if process.info["ppid"] in children and process.info["status"] == psutil.STATUS_ZOMBIE
        ]

    # They are collected when a run ends: let every child end one more.
    def none_left() -> bool:
        worker.do("t.printing")
        return not zombies()

    wait_for(none_left, 30, zombies)


def test_solo_says_that_it_cannot_cancel(tmp_path: Path, redis_url: str) -> None:
    environment: dict[str, str | None] = {"RUNTAIL_BEAT_SECONDS": "0.5"}
    with Worker(tmp_path, redis_url, arguments=["--pool=solo"], environment=environment) as worker:
        worker.wait_ready()
        flag = tmp_path / "flag"
        run_id = worker.send("t.waits", str(flag))
        worker.wait_running(run_id)
        cancel(worker.store, run_id, who="ada", why="")
        wait_for(lambda: worker.events(run_id, "warning"), 30, worker.process.evidence)
        assert "cannot cancel" in str(worker.events(run_id, "warning"))
        flag.touch()
        assert worker.wait_ended(run_id, 30).state == "succeeded"


def test_cancel_reaches_a_worker_that_shuts_down(tmp_path: Path, redis_url: str) -> None:
    environment: dict[str, str | None] = {"RUNTAIL_BEAT_SECONDS": "0.5", "RUNTAIL_CANCEL_GRACE_SECONDS": "1"}
    with Worker(tmp_path, redis_url, environment=environment) as worker:
        worker.wait_ready()
        run_id = worker.send("t.waits", "/nonexistent/never")
        worker.wait_running(run_id)
        worker.process.signal(signal.SIGTERM)
        worker.process.wait_for_log("Warm shutdown", 20)
        cancel(worker.store, run_id, who="ada", why="")
        assert worker.wait_ended(run_id, 30).state == "cancelled"
        assert worker.process.wait(30) == 0


def test_killed_from_outside_is_failed_with_the_signal(worker: Worker) -> None:
    run_id = worker.send("t.waits", "/nonexistent/never")
    worker.wait_running(run_id)
    # The run is claimed a moment before its output goes to its pipe.
    busy = wait_for(lambda: [child for child in worker.pool_children() if _writes_to_a_pipe(child)], 20)
    assert len(busy) == 1
    busy[0].send_signal(signal.SIGKILL)
    run = worker.wait_ended(run_id, 20)
    assert (run.state, run.maybe("signal")) == ("failed", 9)
    assert worker.do("t.printing")[0].state == "succeeded"


def test_hard_time_limit_is_the_reason(worker: Worker) -> None:
    run, output = worker.do("t.hard_limit")
    assert run.state == "failed"
    assert "time limit" in run.text("why")
    assert output.startswith(b"too long\n")


def test_keeper_dies_and_runs_go_on(worker: Worker, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    run_id = worker.send("t.writes_until", str(flag), 0.005)
    worker.wait_output(run_id, b"line 5\n")
    old = worker.keeper()
    old.kill()
    wait_for(lambda: worker.keeper().pid != old.pid, 20)
    assert worker.do("t.printing")[0].state == "succeeded"
    stays(lambda: worker.wait_running(run_id), 0.3)
    flag.touch()
    run = worker.wait_ended(run_id)
    assert run.state == "succeeded"
    count = worker.client.AsyncResult(run_id).get(timeout=20)
    assert worker.output(run_id) == b"".join(b"line %d\n" % (number + 1) for number in range(count))


def _writes_to_a_pipe(child: psutil.Process) -> bool:
    """A pool child executes a task: between tasks its output is the worker's, a file here."""
    return Path(f"/proc/{child.pid}/fd/1").readlink().name.startswith("pipe:")
