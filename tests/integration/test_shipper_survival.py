"""Shipper and keeper die, or lose their run to another; the log does not."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.capture_rig import Rig, Task
from tests.support.numbered_writer import difference, writer
from tests.support.redis_server import RedisServer
from tests.support.runs import roll_back, snapshot
from tests.support.waiting import wait_for


@pytest.fixture
def rig(tmp_path: Path, redis_url: str, key_prefix: str) -> Iterator[Rig]:
    with Rig(tmp_path, redis_url, key_prefix, quota_bytes=1 << 30, beat_seconds=0.5) as rig:
        yield rig


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_deaths_of_the_shipper_lose_and_double_nothing(tmp_path: Path, redis_url: str, key_prefix: str) -> None:
    # Tasks wait where the spool is full: on a busy machine one shipper after the other may die
    # before it has stored anything, and to drop output then would be right.
    settings: dict[str, Any] = {"quota_bytes": 1 << 30, "beat_seconds": 0.5, "overflow": "block"}
    with Rig(tmp_path, redis_url, key_prefix, **settings) as rig:
        _kill_again_and_again(rig, tmp_path)


def _kill_again_and_again(rig: Rig, tmp_path: Path) -> None:
    tasks = []
    for name in ("a", "b", "c"):
        body, copy = writer(tmp_path, name)
        tasks.append((rig.run(body, masks=["never there"]), copy))
    # And one whose output comes from a C program.
    copy = tmp_path / "c.copy"
    body = (
        "import subprocess\n"
        f"subprocess.run(['sh', '-c', 'yes run_of_yes | head -c 20000000 | tee {tmp_path}/yes.copy; "
        f"while [ ! -e {tmp_path}/stop ]; do echo tick | tee -a {tmp_path}/yes.copy; sleep 0.01; done'])"
    )
    tasks.append((rig.run(body), tmp_path / "yes.copy"))
    for task, _ in tasks:
        task.wait_state("running")
    killed: set[int] = set()
    enough = time.monotonic() + 90
    # Fifty, or as many as a busy machine has time for.
    while len(killed) < 50 and (len(killed) < 10 or time.monotonic() < enough):
        until = time.monotonic() + 0.05 + (len(killed) % 7) * 0.05
        wait_for(lambda t=until: time.monotonic() >= t, 5)  # type: ignore[misc]
        shipper = rig.wait_shipper()
        killed.add(shipper.pid)
        shipper.kill()
        wait_for(lambda: (s := rig.shipper()) is not None and s.pid not in killed, 30, rig.evidence)
    (tmp_path / "stop").touch()
    for task, copy in tasks:
        run = task.wait_ended(120)
        assert str(run.state) == "succeeded", run
        stored, written = task.output(), copy.read_bytes()
        assert stored == written, f"{difference(stored, written)}; {list(task.events())}"
        assert task.process.wait(20) == 0
        assert run.number("attempt") == 1
    print(f"\n{len(killed)} kills, {sum(c.stat().st_size for _, c in tasks) / 1e6:.0f} MB byte-equal")


def test_a_death_between_end_and_store_is_made_good(
    tmp_path: Path, own_redis_server: RedisServer, key_prefix: str
) -> None:
    with Rig(tmp_path, own_redis_server.url, key_prefix) as rig:
        go = tmp_path / "go"
        body = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('last words')"
        task = rig.run(body)
        task.wait_state("running")
        own_redis_server.pause()
        go.touch()
        assert task.report()["done"]
        rig.kill_shipper()
        rig.wait_shipper()
        own_redis_server.resume()
        assert str(task.wait_ended().state) == "succeeded"
        assert task.output() == b"last words\n"


def test_a_hanging_shipper_is_replaced(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a")
    task = rig.run(body)
    task.wait_state("running")
    first = rig.wait_shipper()
    first.send_signal(signal.SIGSTOP)
    wait_for(lambda: (s := rig.shipper()) is not None and s.pid != first.pid, 30, rig.evidence)
    (tmp_path / "stop").touch()
    task.wait_ended()
    assert task.output() == copy.read_bytes()


def test_the_death_of_the_keeper_is_not_noticed(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a")
    task = rig.run(body)
    task.wait_state("running")
    os.kill(rig.keeper.pid, signal.SIGKILL)
    rig.keeper.wait(5)
    rig.start_keeper()
    other_body, _ = writer(tmp_path, "b")
    other = rig.run(other_body)
    other.wait_state("running")
    (tmp_path / "stop").touch()
    for each in (task, other):
        assert str(each.wait_ended().state) == "succeeded"
    assert task.output() == copy.read_bytes()


def test_an_end_is_repaired_although_the_keeper_is_gone(rig: Rig, tmp_path: Path) -> None:
    body, copy = writer(tmp_path, "a")
    task = rig.run(body)
    task.wait_state("running")
    os.kill(rig.keeper.pid, signal.SIGKILL)
    rig.keeper.wait(5)
    rig.start_keeper()
    remembered = snapshot(rig.store)
    (tmp_path / "stop").touch()
    task.wait_ended()
    assert task.process.wait(20) == 0
    # The shipper that wrote it has no keeper any more, and no run in hand; it stays for such a failover.
    roll_back(rig.store, remembered)
    assert str(task.wait_ended().state) == "succeeded"
    assert task.output() == copy.read_bytes()


def test_a_cancel_is_said_once_although_the_shipper_died(rig: Rig) -> None:
    from runtail.runs.cancel import cancel

    task = rig.run("import time\nprint('x')\ntime.sleep(60)")
    task.wait_state("running")
    cancel(rig.store, task.run_id, who="ann")
    rig.hear("cancel")
    wait_for(lambda: "cancel-requested" in [e["kind"] for e in task.events()], 10)
    rig.kill_shipper()
    assert rig.hear("cancel")["key"] == task.key
    task.process.kill()
    rig.tell({"v": 1, "op": "cancelled", "run": task.run_id, "key": task.key, "signal": 15,
              "pids": 1, "killed": 0, "why": ""})  # fmt: skip
    task.wait_ended()
    assert [e["kind"] for e in task.events()] == ["start", "cancel-requested", "cancel", "end"]


def test_the_end_of_the_worker_is_no_failure_of_its_tasks(tmp_path: Path, redis_url: str, key_prefix: str) -> None:
    with Rig(tmp_path, redis_url, key_prefix) as rig:
        lost = rig.run("import time\nprint('x')\ntime.sleep(60)")
        again = rig.run("import time\nprint('x')\ntime.sleep(60)", restart=True, announced=True)
        for task in (lost, again):
            task.wait_state("running")
        rig.close_ctl()
        for task in (lost, again):
            task.process.kill()
        assert str(lost.wait_ended().state) == "lost"
        assert again.wait_state("queued").text("why") == "the worker's process ended"
        assert rig.keeper.wait(20) == 0


@pytest.mark.parametrize("publication", [str(uuid.uuid4()), ""], ids=["known", "unknown"])
def test_a_dead_workers_run_is_taken_over(tmp_path: Path, redis_url: str, key_prefix: str, publication: str) -> None:
    quick = {"lease_seconds": 2, "beat_seconds": 0.5}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        Rig(tmp_path / "a", redis_url, key_prefix, **quick) as first,
        Rig(tmp_path / "b", redis_url, key_prefix, **quick) as second,
    ):
        task = first.run("import time\nprint('one')\ntime.sleep(60)", publication=publication)
        task.wait_state("running")
        wait_for(lambda: task.output() == b"one\n", 10)
        shipper = first.wait_shipper()
        first.keeper.kill()
        shipper.kill()
        task.process.kill()
        again = second.run("print('two')", task.run_id, publication=publication, redelivered=True)
        run = again.wait_ended()
        assert (str(run.state), run.number("attempt")) == ("succeeded", 2)
        assert again.output() == b"one\ntwo\n"
        # What the first one had not stored is missing, and the log says so.
        told = [event for event in again.events() if event["kind"] == "worker-lost"]
        assert [(event["worker"], event["attempt"]) for event in told] == [("test@rig", 1)]
        assert told[0]["unflushed_ms"] >= 2000


def test_a_writer_whose_run_was_taken_is_told_to_stop(tmp_path: Path, redis_url: str, key_prefix: str) -> None:
    quick = {"lease_seconds": 2, "beat_seconds": 0.5}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        Rig(tmp_path / "a", redis_url, key_prefix, **quick) as first,
        Rig(tmp_path / "b", redis_url, key_prefix, **quick) as second,
    ):
        body = "import time\nfor n in range(3000): print('zombie'); time.sleep(0.02)"
        task = first.run(body)
        task.wait_state("running")
        shipper = first.wait_shipper()
        first.keeper.signal(signal.SIGSTOP)
        shipper.send_signal(signal.SIGSTOP)
        again = second.run("import time\ntime.sleep(1)\nprint('two')", task.run_id, redelivered=True)
        wait_for(lambda: (r := again.record) is not None and r.number("attempt") == 2, 15)
        shipper.send_signal(signal.SIGCONT)
        first.keeper.signal(signal.SIGCONT)
        assert first.hear("cancel")["key"] == task.key
        run = again.wait_ended()
        assert str(run.state) == "succeeded"
        entries = again.entries()
        newer = [e.id.attempt for e in entries].index(2)
        assert all(entry.id.attempt == 2 for entry in entries[newer:])
        task.process.kill()


def test_a_cancel_works_without_the_keeper(rig: Rig) -> None:
    from runtail.runs.cancel import cancel

    task = rig.run("import time\nprint('x')\ntime.sleep(60)")
    task.wait_state("running")
    wait_for(lambda: task.output() == b"x\n", 10)
    os.kill(rig.keeper.pid, signal.SIGKILL)
    rig.keeper.wait(5)
    cancel(rig.store, task.run_id, who="ann")
    run = task.wait_ended()
    assert (str(run.state), run.maybe("signal")) == ("cancelled", 15)


@pytest.mark.slow
def test_short_tasks_among_deaths_of_the_shipper(rig: Rig) -> None:
    """Claims, ends and answers fall into every moment of a shipper's death."""
    body = "import os, time\nfor n in range(20): print('line', n); time.sleep(0.005)\nos.write(1, b'tail')"
    output = b"".join(b"line %d\n" % n for n in range(20)) + b"tail"
    tasks: list[Task] = []
    for _ in range(8):
        old = rig.wait_shipper()
        tasks.extend(rig.run(body) for _ in range(4))
        # Some of them have begun, some have ended.
        wait_for(lambda: sum(not task.process.is_running() for task in tasks) > len(tasks) - 3, 60)
        old.kill()
        wait_for(lambda o=old: (s := rig.shipper()) is not None and s.pid != o.pid, 20)  # type: ignore[misc]
    for task in tasks:
        run = task.wait_ended(60)
        assert (str(run.state), run.number("attempt")) == ("succeeded", 1)
        assert task.output() == output
        assert task.report()["done"]
