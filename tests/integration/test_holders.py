"""Processes that outlive their run: they never find their pipe broken, and what they write is never lost in silence."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runtail.runs.retention import delete
from tests.support.puppet import Puppet
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for
from tests.support.worker import Worker, exists

LATE_SECONDS = 2.0
StartWorker = Callable[..., Worker]


@pytest.fixture
def start(tmp_path: Path, redis_url: str) -> Iterator[StartWorker]:
    """Starts a worker with one task process, which all runs share."""
    started: list[Worker] = []

    def start(url: str = redis_url, late_seconds: float = LATE_SECONDS, **more: object) -> Worker:
        more.setdefault("arguments", ["--concurrency=1"])
        environment: dict[str, str | None] = {"RUNTAIL_LATE_SECONDS": str(late_seconds)}
        worker = Worker(tmp_path, url, app="tests.support.holder_app", environment=environment, **more)  # type: ignore[arg-type]
        started.append(worker.__enter__())
        return worker.wait_ready()

    yield start
    for worker in started:
        worker.__exit__(None, None, None)


def leave(worker: Worker, folder: Path, **more: str) -> tuple[Puppet, str]:
    """A run that is over and has left somebody behind."""
    puppet = Puppet(folder)
    run, output = worker.do("h.leaves", str(folder), **more)
    assert (str(run.state), output) == ("succeeded", b"left one behind\n")
    return puppet, run.id


def perform(worker: Worker, folder: Path, token: str = "") -> tuple[Puppet, str]:
    """A run that writes what it is told to."""
    puppet = Puppet(folder)
    run_id = worker.send("h.performs", str(folder), token=token)
    puppet.wait_ready()
    return puppet, run_id


def finish(worker: Worker, puppet: Puppet, run_id: str) -> bytes:
    """End a run; return its output."""
    puppet.stop()
    assert worker.wait_ended(run_id).state == "succeeded"
    return worker.output(run_id)


def late_bytes(worker: Worker, run_id: str) -> int:
    run = worker.find(run_id)
    assert run is not None
    return run.number("late_bytes")


@pytest.mark.parametrize("arguments", [["--concurrency=1"], ["--pool=solo"]], ids=["prefork", "solo"])
def test_a_kept_pool_prints_into_the_run_that_asked_it(start: StartWorker, arguments: list[str]) -> None:
    worker = start(arguments=arguments)
    ids = []
    for text, jobs in (("one", 1), ("two", 3), ("three", 1)):
        run, output = worker.do("h.asks_pool", text, jobs)
        assert run.state == "succeeded"
        ids.append(run.id)
        lines = [f"job {text} {n}\nresult {text} {n}\n" for n in range(jobs)]
        assert output.decode() == "".join(lines)
        # Longer than late output is counted for.
        stays(lambda: True, LATE_SECONDS + 1)
    told = [[event["run"] for event in worker.events(run_id, "earlier-run")] for run_id in ids]
    assert told == [[], [ids[0]], [ids[0]]]
    assert late_bytes(worker, ids[0]) == 0


def test_between_runs_output_is_counted_and_echoed_and_later_echoed(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, run_id = leave(worker, tmp_path / "a", token="opensesame")
    assert puppet.say(b"late 1 opensesame\nhalf") == "ok"
    worker.process.wait_for_log("late 1 ***", 20)
    wait_for(lambda: late_bytes(worker, run_id) == len(b"late 1 opensesame\n"), 10)
    stays(lambda: True, LATE_SECONDS + 0.5)
    for number in range(3):
        assert puppet.say(b" line %d\n" % number) == "ok"
    worker.process.wait_for_log("half line 0", 20)
    worker.process.wait_for_log("line 2", 20)
    worker.process.wait_for_log(f"run {run_id}: a process that it left behind still writes", 20)
    assert late_bytes(worker, run_id) == len(b"late 1 opensesame\n")
    assert worker.output(run_id) == b"left one behind\n"
    assert "opensesame" not in worker.process.output()


def test_whole_lines_stand_between_the_lines_of_the_next_run(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, first = leave(worker, tmp_path / "a")
    task, second = perform(worker, tmp_path / "b")
    assert task.say(b"own 1\nown ") == "ok"
    worker.wait_output(second, b"own 1\n")
    assert puppet.say(b"other 1\nother") == "ok"
    worker.wait_output(second, b"other 1\n")
    assert task.say(b"2\nown 3") == "ok"
    worker.wait_output(second, b"own 2\n")
    assert puppet.say(b" 2\n::error::not ours\n10%\r20%\n") == "ok"
    worker.wait_output(second, b"20%\n")
    assert puppet.say(b"never ended") == "ok"
    output = finish(worker, task, second)
    assert output == b"begun\nown 1\nother 1\nown 2\nother 2\n::error::not ours\n20%\nown 3"
    assert [event["run"] for event in worker.events(second, "earlier-run")] == [first]
    # It marks the text, not this run.
    assert worker.events(second, "error") == []
    payloads = [entry.payload for entry in worker.entries(second)]
    told = next(number for number, payload in enumerate(payloads) if b"earlier-run" in payload)
    assert b"other" not in b"".join(payloads[:told])
    puppet.stop()
    wait_for(lambda: late_bytes(worker, first) == len(b"never ended"), 10)
    worker.process.wait_for_log("never ended", 10)


def test_secrets_of_every_run_of_the_process_are_masked(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, first = leave(worker, tmp_path / "a", token="secret-of-the-first")
    # One is let go by everybody, one is not.
    assert worker.do("h.masks", "announced-by-the-second")[0].state == "succeeded"
    other, _ = leave(worker, tmp_path / "c", announced="announced-by-the-third")
    task, last = perform(worker, tmp_path / "b", token="secret-of-the-last")
    told = b"secret-of-the-first announced-by-the-second announced-by-the-third secret-of-the-last\n"
    assert puppet.say(told) == "ok"
    worker.wait_output(last, b"*** *** *** ***\n")
    # What the others kept secret is no secret of this run's own words.
    assert task.say(told) == "ok"
    worker.wait_output(last, b"secret-of-the-first announced-by-the-second announced-by-the-third ***\n")
    worker.shipper().kill()
    assert puppet.say(b"again " + told) == "ok"
    worker.wait_output(last, b"again *** *** *** ***\n")
    finish(worker, task, last)
    assert puppet.say(b"echoed " + told) == "ok"
    worker.process.wait_for_log("echoed *** *** *** ***", 20)
    puppet.stop()
    other.stop()
    assert worker.output(first) == b"left one behind\n"


def test_a_sequence_is_not_torn_apart(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, _ = leave(worker, tmp_path / "a")
    folder = tmp_path / "b"
    task = Puppet(folder)
    run_id = worker.send("h.opens_in_two_halves", str(folder), "A title")
    task.wait_ready()
    assert puppet.say(b"in between\n") == "ok"
    stays(lambda: b"in between" not in worker.output(run_id), 0.5)
    output = finish(worker, task, run_id)
    assert sorted(output.splitlines()) == [b"in between", b"inside"]
    assert [event["title"] for event in worker.events(run_id, "group")] == ["A title"]


def test_only_a_run_of_the_same_process_gets_it(start: StartWorker, tmp_path: Path) -> None:
    worker = start(arguments=["--concurrency=2", "--max-tasks-per-child=1"])
    puppet, _ = leave(worker, tmp_path / "a")
    tasks = [perform(worker, tmp_path / f"b{n}") for n in range(2)]
    assert puppet.say(b"nobody's\n") == "ok"
    worker.process.wait_for_log("nobody's", 20)
    for task, run_id in tasks:
        assert finish(worker, task, run_id) == b"begun\n"
        assert worker.events(run_id, "earlier-run") == []
    puppet.stop()


def test_an_attempt_hears_what_the_one_before_left_behind(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, task = Puppet(tmp_path / "a"), Puppet(tmp_path / "b")
    run_id = worker.send("h.leaves_and_retries", str(puppet.folder), str(task.folder))
    task.wait_ready()
    assert puppet.say(b"still here\n") == "ok"
    worker.wait_output(run_id, b"still here\n")
    assert finish(worker, task, run_id).endswith(b"begun\nstill here\n")
    assert [event["run"] for event in worker.events(run_id, "earlier-run")] == [run_id]
    puppet.stop()


def test_a_deleted_run_breaks_no_pipe(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, run_id = leave(worker, tmp_path / "a")
    delete(worker.store, run_id)
    stays(lambda: puppet.say(b"still here\n") == "ok", 4.0, interval_seconds=0.5)
    task, second = perform(worker, tmp_path / "b")
    assert puppet.say(b"and into the next\n") == "ok"
    worker.wait_output(second, b"and into the next\n")
    finish(worker, task, second)
    puppet.stop()


@pytest.mark.parametrize(
    "victims", [("shipper",), ("keeper",), ("keeper", "shipper")], ids=["shipper", "keeper", "both"]
)
def test_deaths_of_keeper_and_shipper_lose_and_double_nothing(
    start: StartWorker, tmp_path: Path, victims: tuple[str, ...]
) -> None:
    worker = start()
    puppet, first = leave(worker, tmp_path / "a")
    assert puppet.say(b"late\nhalf ") == "ok"
    wait_for(lambda: late_bytes(worker, first) == 5, 10)
    task, second = perform(worker, tmp_path / "b")
    foreign, own = [], []
    for number in range(12):
        block = [b"other %d %d" % (number, line) for line in range(400)]
        foreign += block
        assert puppet.say(b"\n".join(block) + b"\n") == "ok"
        own += [b"own %d" % number]
        assert task.say(own[-1] + b"\n") == "ok"
        if number % 3 == 1:
            processes = [getattr(worker, role)() for role in victims]
            for process in processes:
                process.suspend()
            for process in processes:
                process.kill()
            wait_for(lambda gone=processes: not any(exists(p.pid) for p in gone), 10)  # type: ignore[misc]
            if victims == ("keeper",):
                # The shipper of a lost keeper leaves the runs to the next one's as soon as they are over.
                wait_for(lambda: worker.keeper().pid, 20)
    foreign[0] = b"half " + foreign[0]
    wait_for(lambda: worker.output(second).count(b"\n") >= len(foreign) + len(own) + 1, 30, worker.process.evidence)
    lines = finish(worker, task, second).splitlines()
    assert [line for line in lines if line.startswith((b"other", b"half"))] == foreign
    assert [line for line in lines if line.startswith(b"own")] == own
    assert len(lines) == len(foreign) + len(own) + 1
    assert len(worker.events(second, "earlier-run")) == 1
    # And the one after that.
    task, third = perform(worker, tmp_path / "c")
    assert puppet.say(b"to the third\n") == "ok"
    worker.wait_output(third, b"to the third\n")
    finish(worker, task, third)
    puppet.stop()


def test_late_output_is_counted_across_the_death_of_a_shipper(start: StartWorker, tmp_path: Path) -> None:
    # Another shipper takes seconds to start on a busy machine.
    worker = start(late_seconds=60)
    puppet, run_id = leave(worker, tmp_path / "a")
    assert puppet.say(b"before\n") == "ok"
    wait_for(lambda: late_bytes(worker, run_id) == 7, 10)
    worker.shipper().kill()
    assert puppet.say(b"and after\n") == "ok"
    wait_for(lambda: late_bytes(worker, run_id) == 17, 10, lambda: late_bytes(worker, run_id))
    puppet.stop()


def test_while_the_store_is_away(start: StartWorker, tmp_path: Path, own_redis_server: RedisServer) -> None:
    worker = start(own_redis_server.url)
    puppet, _ = leave(worker, tmp_path / "a")
    task, second = perform(worker, tmp_path / "b")
    worker.wait_output(second, b"begun\n")
    own_redis_server.pause()
    for number in range(20):
        assert puppet.say(b"other %d\n" % number) == "ok"
        assert task.say(b"own %d\n" % number) == "ok"
    own_redis_server.resume()
    lines = finish(worker, task, second).splitlines()
    assert [line for line in lines if line.startswith(b"other")] == [b"other %d" % n for n in range(20)]
    assert [line for line in lines if line.startswith(b"own")] == [b"own %d" % n for n in range(20)]
    puppet.stop()


def test_a_flood_from_behind_is_whole(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, _ = leave(worker, tmp_path / "a")
    task, second = perform(worker, tmp_path / "b")
    lines = [b"%07d %s" % (n, b"x" * 90) for n in range(60_000)]
    long = b"y" * 150_000
    assert puppet.say(b"\n".join(lines) + b"\n" + long + b"\nend\n") == "ok"
    worker.wait_output(second, b"end\n")
    output = finish(worker, task, second)
    assert output.splitlines()[1 : len(lines) + 1] == lines
    # A line that is too long for one piece of it is cut, and all of it is there.
    assert output.count(b"y") == len(long)
    assert max(map(len, output.splitlines())) <= 65536
    puppet.stop()


@pytest.mark.timeout(180)
def test_so_many_runs_are_held_and_no_more(start: StartWorker, tmp_path: Path) -> None:
    soft = 256
    old = psutil.Process().rlimit(psutil.RLIMIT_NOFILE)
    psutil.Process().rlimit(psutil.RLIMIT_NOFILE, (soft, old[1]))
    try:
        worker = start()
    finally:
        psutil.Process().rlimit(psutil.RLIMIT_NOFILE, old)
    most = soft // 16
    held = [leave(worker, tmp_path / str(number)) for number in range(most)]
    # The first one speaks, and with that is not the one that was silent for the longest time.
    assert held[0][0].say(b"here\n") == "ok"
    held += [leave(worker, tmp_path / f"more{number}") for number in range(3)]
    closed = held[1:4]
    for puppet, run_id in closed:
        worker.process.wait_for_log(f"run {run_id} is over, as are {most} others", 20)
        wait_for(lambda p=puppet: p.say(b"lost\n") == "BrokenPipeError", 20)  # type: ignore[misc]
    for puppet, _ in held:
        if puppet not in [one for one, _ in closed]:
            assert puppet.say(b"here\n") == "ok"
    for process in (psutil.Process(worker.process.pid), worker.keeper(), worker.shipper()):
        assert process.num_fds() < soft * 3 // 4
    assert worker.do("t.printing")[0].state == "succeeded"
    for puppet, _ in held:
        puppet.stop()

    def spools() -> int:
        found = 0
        for link in Path(f"/proc/{worker.keeper().pid}/fd").iterdir():
            # Some are closed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                found += "runtail-spool" in str(link.readlink())
        return found

    wait_for(lambda: spools() == 0, 20)


def test_after_the_workers_end_the_pipe_is_closed(start: StartWorker, tmp_path: Path) -> None:
    worker = start()
    puppet, _ = leave(worker, tmp_path / "a")
    assert puppet.say(b"here\n") == "ok"
    worker.process.signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0
    wait_for(lambda: puppet.say(b"nobody reads\n") == "BrokenPipeError", 10)
    puppet.stop()
