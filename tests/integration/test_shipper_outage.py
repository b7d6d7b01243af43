"""The store is away: tasks go on, and what cannot be kept is said."""

import os
import signal
import time
from pathlib import Path

from tests.support.capture_rig import Rig
from tests.support.numbered_writer import writer
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for


def test_five_tasks_do_not_notice_a_store_that_is_away(
    tmp_path: Path, own_redis_server: RedisServer, key_prefix: str
) -> None:
    away_seconds = float(os.environ.get("RUNTAIL_TEST_AWAY_SECONDS", "8"))
    own_redis_server.restart(append_only="always")
    with Rig(tmp_path, own_redis_server.url, key_prefix) as rig:
        tasks = []
        for name in ("a", "b", "c", "d", "e"):
            body, copy = writer(tmp_path, name, pause=0.02)
            tasks.append((rig.run(body), copy))
        for task, copy in tasks:
            task.wait_state("running")
            wait_for(copy.exists, 10)
        own_redis_server.kill()
        until = time.monotonic() + away_seconds
        sizes = [copy.stat().st_size for _, copy in tasks]
        wait_for(lambda: time.monotonic() >= until, away_seconds + 5)
        # Nobody was held up meanwhile.
        for (_, copy), size in zip(tasks, sizes, strict=True):
            assert copy.stat().st_size > size
        own_redis_server.start()
        (tmp_path / "stop").touch()
        for task, copy in tasks:
            assert str(task.wait_ended(60).state) == "succeeded"
            assert task.output() == copy.read_bytes()


def test_what_does_not_fit_is_dropped_counted_and_said_in_place(
    tmp_path: Path, own_redis_server: RedisServer, key_prefix: str
) -> None:
    go, written, over = tmp_path / "go", tmp_path / "written", tmp_path / "over"
    with Rig(tmp_path, own_redis_server.url, key_prefix, spool_bytes=4 << 20) as rig:
        task = rig.run(
            "import os, time\n"
            "print('first', flush=True)\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            "for n in range(200000): os.write(1, b'%0100d\\n' % n)\n"
            f"open({str(written)!r}, 'w').close()\n"
            f"while not os.path.exists({str(over)!r}): time.sleep(0.01)\n"
            "print('last')"
        )
        wait_for(lambda: task.record is not None and task.output() == b"first\n", 10)
        own_redis_server.pause()
        go.touch()
        wait_for(written.exists, 60, rig.evidence)
        over.touch()
        own_redis_server.resume()
        run = task.wait_ended()
        output = task.output()
        events = [event for event in task.events() if event["kind"] == "overflow"]
        assert output.startswith(b"first\n")
        assert output.endswith(b"%0100d\nlast\n" % 199999)
        dropped = sum(event["bytes"] for event in events)
        assert dropped > 0
        assert dropped == run.number("overflow_bytes")
        assert len(output) + dropped == 6 + 200000 * 101 + 5
        # Line ends, each stored or counted: what is dropped may begin within a line.
        assert output.count(b"\n") + sum(event["lines"] for event in events) == 1 + 200000 + 1


def test_block_makes_the_task_wait_instead(tmp_path: Path, own_redis_server: RedisServer, key_prefix: str) -> None:
    with Rig(tmp_path, own_redis_server.url, key_prefix, spool_bytes=9 << 20, overflow="block") as rig:
        progress, go = tmp_path / "progress", tmp_path / "go"
        task = rig.run(
            "import os, time\n"
            "print('first', flush=True)\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            f"progress = open({str(progress)!r}, 'wb', buffering=0)\n"
            "for n in range(200000):\n"
            "    os.write(1, b'%0100d\\n' % n)\n"
            "    if n % 1000 == 0: progress.write(b'.')"
        )
        wait_for(lambda: task.record is not None and task.output() == b"first\n", 10)
        own_redis_server.pause()
        go.touch()
        wait_for(lambda: progress.exists() and progress.stat().st_size > 80, 60)
        seen, since = -1, time.monotonic()

        def stands_still() -> bool:
            nonlocal seen, since
            if progress.stat().st_size != seen:
                seen, since = progress.stat().st_size, time.monotonic()
            return time.monotonic() - since > 2

        wait_for(stands_still, 30)
        assert seen < 150
        own_redis_server.resume()
        run = task.wait_ended(60)
        assert run.number("overflow_bytes") == 0
        assert run.number("bytes") == 6 + 200000 * 101


def test_a_task_nobody_announced_starts_without_the_store(
    tmp_path: Path, own_redis_server: RedisServer, key_prefix: str
) -> None:
    with Rig(tmp_path, own_redis_server.url, key_prefix, claim_patience_seconds=1) as rig:
        rig.hear("ready")
        own_redis_server.pause()
        task = rig.run("print('spooled')")
        announced = rig.run("print('waited')", announced=True)
        report = task.report()
        assert report["answer"]["op"] == "go"
        assert report["done"]
        assert announced.process.is_running()
        own_redis_server.resume()
        for each, output in ((task, b"spooled\n"), (announced, b"waited\n")):
            assert str(each.wait_ended().state) == "succeeded"
            assert each.output() == output


def test_a_store_emptied_while_no_shipper_ran_is_said_with_counts(
    tmp_path: Path, own_redis_server: RedisServer, key_prefix: str
) -> None:
    with Rig(tmp_path, own_redis_server.url, key_prefix) as rig:
        go = tmp_path / "go"
        task = rig.run(
            "import os, time\n"
            "for n in range(5): os.write(1, b'%0100d\\n' % n); time.sleep(0.1)\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            "print('after')"
        )
        wait_for(lambda: task.record is not None and task.record.number("bytes") == 505, 10)
        rig.keeper.signal(signal.SIGSTOP)
        shipper = rig.wait_shipper()
        shipper.kill()
        wait_for(lambda: not shipper.is_running() or shipper.status() == "zombie", 5)
        own_redis_server.restart(keep_data=False)
        rig.keeper.signal(signal.SIGCONT)
        go.touch()
        run = task.wait_ended()
        assert task.output() == b"after\n"
        told = [event for event in task.events() if event["kind"] == "overflow"]
        assert [(event["bytes"]) for event in told] == [505]
        assert run.number("overflow_bytes") == 505


def test_output_is_echoed_once_although_the_store_is_away(
    tmp_path: Path, own_redis_server: RedisServer, key_prefix: str
) -> None:
    go = tmp_path / "go"
    with Rig(tmp_path, own_redis_server.url, key_prefix, echo=True) as rig:
        task = rig.run(
            "import os, time\n"
            "print('before hunter2secret')\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            "for n in range(100): print('during', n, 'hunter2secret'); time.sleep(0.02)\n"
            "print('after')",
            masks=["hunter2secret"],
        )
        rig.keeper.wait_for_log("before ***", 10)
        own_redis_server.kill()
        go.touch()
        rig.keeper.wait_for_log("during 99 ***", 15)
        own_redis_server.start()
        task.wait_ended()
        rig.keeper.wait_for_log("after", 5)
        lines = [line for line in rig.keeper.output().splitlines() if "during" in line]
        assert lines == [f"during {n} ***" for n in range(100)]
