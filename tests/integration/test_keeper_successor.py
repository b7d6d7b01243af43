"""Keeper and shipper are killed at once, and the task neither breaks nor loses a byte."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runtail.worker.shipper.output.spool import pipe_size, readable_bytes
from tests.support.capture_rig import Rig, Task
from tests.support.counted import Note
from tests.support.installation import Installation
from tests.support.numbered_writer import writer
from tests.support.redis_server import RedisServer
from tests.support.runs import roll_back, snapshot
from tests.support.waiting import wait_for
from tests.support.worker import Worker, exists


@pytest.fixture
def rig(tmp_path: Path, redis_url: str, key_prefix: str) -> Iterator[Rig]:
    with Rig(tmp_path, redis_url, key_prefix, beat_seconds=0.5) as rig:
        yield rig


def kill_both(rig: Rig) -> None:
    """SIGKILL to keeper and shipper, with no moment between."""
    shipper = rig.wait_shipper()
    rig.keeper.signal(signal.SIGSTOP)
    shipper.kill()
    os.kill(rig.keeper.pid, signal.SIGKILL)
    rig.keeper.wait(5)
    wait_for(lambda: not exists(shipper.pid), 5)


def stands_still(path: Path) -> Callable[[], bool]:
    """A condition: the file has not grown for half a second."""
    seen, since = -1, time.monotonic()

    def look() -> bool:
        nonlocal seen, since
        if path.stat().st_size != seen:
            seen, since = path.stat().st_size, time.monotonic()
        return time.monotonic() - since > 0.5

    return look


def pipe_of(rig: Rig, task: Task) -> int:
    """The reading end that the worker's main process holds."""
    return rig.backup.fds(task.key)[0]


def test_a_full_pipe_waits_for_the_next_keeper(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a", pause=0)
    task = rig.run(body)
    task.wait_state("running")
    wait_for(lambda: copy.exists() and copy.stat().st_size > 1 << 20, 20, rig.evidence)
    kill_both(rig)
    pipe = pipe_of(rig, task)
    # Small writes leave room in each of its pages, so it may be full with a little more than half of its bytes.
    wait_for(lambda: readable_bytes(pipe) > pipe_size(pipe) // 2, 20, rig.evidence)
    wait_for(stands_still(copy), 20, rig.evidence)
    assert task.process.is_running()
    rig.start_keeper()
    wait_for(lambda: readable_bytes(pipe) < pipe_size(pipe) // 2, 20, rig.evidence)
    (tmp_path / "stop").touch()
    run = task.wait_ended(60)
    assert (str(run.state), run.number("attempt")) == ("succeeded", 1)
    assert task.output() == copy.read_bytes()
    assert [event["kind"] for event in task.events()] == ["start", "end"]
    assert task.report()["done"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_twenty_deaths_of_keeper_and_shipper_lose_and_double_nothing(rig: Rig, tmp_path: Path) -> None:
    tasks = []
    for name in ("a", "b", "c"):
        body, copy = writer(tmp_path, name)
        tasks.append((rig.run(body), copy))
    for task, _ in tasks:
        task.wait_state("running")
    wait_for(lambda: all(copy.exists() for _, copy in tasks), 20, rig.evidence)
    for _ in range(20):
        sizes = [copy.stat().st_size for _, copy in tasks]
        wait_for(
            lambda then=sizes: all(  # type: ignore[misc]
                copy.stat().st_size > size for (_, copy), size in zip(tasks, then, strict=True)
            ),
            20,
            rig.evidence,
        )
        kill_both(rig)
        rig.start_keeper()
    (tmp_path / "stop").touch()
    for task, copy in tasks:
        run = task.wait_ended(60)
        assert (str(run.state), run.number("attempt")) == ("succeeded", 1)
        assert task.output() == copy.read_bytes()


def test_a_task_that_ended_meanwhile_is_recorded_to_its_end(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a")
    task = rig.run(body)
    killed = rig.run("import os, time\nos.write(1, b'to the last')\ntime.sleep(60)")
    for each in (task, killed):
        each.wait_state("running")
    kill_both(rig)
    (tmp_path / "stop").touch()
    killed.process.kill()
    # Nobody confirms its end: it leaves after its patience, and says so in its report.
    wait_for(lambda: copy.read_bytes().endswith(b"unfinished"), 20)
    rig.start_keeper()
    assert str(task.wait_ended().state) == "succeeded"
    assert task.output() == copy.read_bytes()
    run = killed.wait_ended()
    assert (str(run.state), run.maybe("signal")) == ("failed", 9)
    assert killed.output() == b"to the last"


def test_a_shipper_that_lives_on_is_left_its_runs(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a")
    task = rig.run(body)
    task.wait_state("running")
    first = rig.wait_shipper()
    os.kill(rig.keeper.pid, signal.SIGKILL)
    rig.keeper.wait(5)
    rig.start_keeper()
    second = rig.wait_shipper()
    other_body, other_copy = writer(tmp_path, "b")
    other = rig.run(other_body)
    other.wait_state("running")
    # The first one still writes its run, and the second one does not touch it.
    seen = len(task.output())
    wait_for(lambda: len(task.output()) > seen, 10, rig.evidence)
    assert first.is_running()
    first.kill()
    wait_for(lambda: not exists(first.pid), 5)
    seen = len(task.output())
    wait_for(lambda: len(task.output()) > seen, 10, rig.evidence)
    assert second.is_running()
    (tmp_path / "stop").touch()
    for each, written in ((task, copy), (other, other_copy)):
        run = each.wait_ended()
        assert (str(run.state), run.number("attempt")) == ("succeeded", 1)
        assert each.output() == written.read_bytes()


def test_what_was_dropped_without_a_shipper_is_not_forgotten(
    tmp_path: Path, redis_url: str, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support import capture_rig

    may_start, go = tmp_path / "may-start", tmp_path / "go"
    may_start.touch()
    real = capture_rig.SHIPPER
    script = f'test -e {may_start} || exit 1; exec {" ".join(real)} "$@"'
    monkeypatch.setattr(capture_rig, "SHIPPER", ["/bin/sh", "-c", script, "sh"])
    with Rig(tmp_path, redis_url, key_prefix, spool_bytes=1 << 20) as rig:
        written = tmp_path / "written"
        task = rig.run(
            "import os, pathlib, time\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            "for n in range(40000): os.write(1, b'%099d\\n' % n)\n"
            f"pathlib.Path({str(written)!r}).touch()\n"
            f"while os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        )
        task.wait_state("running")
        shipper = rig.wait_shipper()
        may_start.unlink()
        shipper.kill()
        go.touch()
        wait_for(written.exists, 30, rig.evidence)
        # The keeper dropped some of it, and dies; the next one must know how much.
        os.kill(rig.keeper.pid, signal.SIGKILL)
        rig.keeper.wait(5)
        may_start.touch()
        rig.start_keeper()
        go.unlink()
        run = task.wait_ended()
        assert run.number("overflow_bytes") > 0
        assert len(task.output()) + run.number("overflow_bytes") == 4_000_000


def test_an_end_is_repaired_by_the_next_shipper(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a")
    task = rig.run(body)
    task.wait_state("running")
    kill_both(rig)
    rig.start_keeper()
    rig.wait_shipper()
    seen = len(task.output())
    wait_for(lambda: len(task.output()) > seen, 20, rig.evidence)
    remembered = snapshot(rig.store)
    (tmp_path / "stop").touch()
    task.wait_ended()
    roll_back(rig.store, remembered)
    assert str(task.wait_ended().state) == "succeeded"
    assert task.output() == copy.read_bytes()


def kill_keeper_and_shipper(worker: Worker) -> psutil.Process:
    keeper, shipper = worker.keeper(), worker.shipper()
    keeper.suspend()
    shipper.kill()
    keeper.kill()
    return keeper


@pytest.mark.parametrize("arguments", [("--concurrency=2",), ("--pool=solo",)], ids=["prefork", "solo"])
def test_a_workers_task_prints_on_although_keeper_and_shipper_were_killed(
    tmp_path: Path, redis_url: str, arguments: tuple[str, ...]
) -> None:
    stop = tmp_path / "stop"
    with Worker(tmp_path, redis_url, arguments=arguments) as worker:
        worker.wait_ready()
        run_id = worker.send("t.writes_until", str(stop), 0.001)
        worker.wait_output(run_id, b"line 5\n")
        keeper = kill_keeper_and_shipper(worker)
        seen = len(worker.output(run_id))
        wait_for(lambda: len(worker.output(run_id)) > seen, 30, worker.process.evidence)
        stop.touch()
        run = worker.wait_ended(run_id)
        assert (run.state, run.number("attempt")) == ("succeeded", 1)
        lines = worker.output(run_id).splitlines()
        # Under solo the new keeper is started by a process whose standard output is the run.
        assert lines == [b"line %d" % (n + 1) for n in range(len(lines))]
        assert worker.events(run_id, "worker-lost") == []
        assert worker.keeper().pid != keeper.pid
        assert worker.do("t.printing")[0].state == "succeeded"
        # What main holds for the keeper goes when a run is over.
        main = psutil.Process(worker.process.pid)
        wait_for(lambda: not pipes_read_by(main), 20, lambda: pipes_read_by(main))


def pipes_read_by(process: psutil.Process) -> list[str]:
    """Spools that a process holds open: one for each run in its hands."""
    found = []
    for path in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = str(path.readlink())
        except FileNotFoundError:
            continue
        if "runtail-spool" in target:
            found.append(target)
    return found


@pytest.mark.timeout(180)
def test_after_the_lease_the_task_is_ended_and_nothing_of_it_is_stored(
    tmp_path: Path, own_redis_server: RedisServer
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    with Installation(
        tmp_path, own_redis_server.url, services=("web",), lease_seconds=2.5, beat_seconds=0.5, cancel_grace_seconds=2.0
    ) as fleet:
        member = fleet.add().wait_ready()
        run_id = fleet.send("f.counts", folder=str(notes), interval=0.005)
        fleet.wait_running([run_id])
        wait_for(lambda: (note := Note.read(notes, run_id, 1)) is not None and note.lines > 50, 30)
        note = Note.read(notes, run_id, 1)
        assert note is not None
        main = psutil.Process(member.process.pid)
        keeper, shipper = member.keeper(), member.shipper()
        # Nobody replaces them while main sleeps.
        main.suspend()
        keeper.suspend()
        shipper.kill()
        keeper.kill()
        assert fleet.wait_ended([run_id])[0].state == "lost"
        stored = fleet.output(run_id)
        assert exists(note.pid)
        main.resume()
        wait_for(lambda: not exists(note.pid), 30, member.process.evidence)
        assert fleet.output(run_id) == stored
        assert "BrokenPipe" not in member.process.output()
        again = fleet.send("f.counts", folder=str(notes), interval=0.005)
        fleet.wait_running([again])
        (notes / "stop").touch()
        assert fleet.wait_ended([again])[0].state == "succeeded"
