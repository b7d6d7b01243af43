"""The demo tasks do what their descriptions say, in the reference worker."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtail.errors import ExclusiveHeld
from runtail.runs.cancel import cancel
from runtail.runs.listing import read_task
from runtail.runs.start import start
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for
from tests.support.worker import Worker, exists


@pytest.fixture(scope="module")
def health_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("health")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, redis_url: str, health_directory: Path) -> Iterator[Worker]:
    environment: dict[str, str | None] = {
        "RUNTAIL_HEALTH_DIR": str(health_directory),
        "RUNTAIL_CANCEL_GRACE_SECONDS": "1",
        "RUNTAIL_BEAT_SECONDS": "0.5",
    }
    directory = tmp_path_factory.mktemp("worker")
    with Worker(directory, redis_url, app="runtail_worker.app", environment=environment) as worker:
        yield worker.wait_ready()


def test_tail_prints_the_tutorials_lines(worker: Worker) -> None:
    run, output = worker.do("demo.tail", lines=5, interval=0.05)
    assert output == b"".join(b"Task message %d\n" % number for number in range(5))
    assert run.state == "succeeded"


def test_tail_is_exclusive(worker: Worker) -> None:
    wait_for(lambda: worker.store.client.hexists(worker.store.keys.tasks(), "demo.tail"), 20)
    task = {**read_task(worker.store, "demo.tail"), "queue": worker.queue}
    assert task["exclusive"] is True

    def publish(run_id: str, name: str, kwargs: object, queue: str, headers: object) -> None:
        worker.client.send_task(name, kwargs=kwargs, queue=queue, headers=headers, task_id=run_id)

    first, _ = start(worker.store, publish, task=task, kwargs={"lines": 1000})
    with pytest.raises(ExclusiveHeld, match="Task is already running"):
        start(worker.store, publish, task=task, kwargs={})
    worker.wait_running(first.id)
    cancel(worker.store, first.id, who="ada", why="")
    assert worker.wait_ended(first.id, 30).state == "cancelled"
    second, _ = start(worker.store, publish, task=task, kwargs={"lines": 1})
    assert worker.wait_ended(second.id, 30).state == "succeeded"


def test_build_image_has_sections_colours_progress_and_a_secret(worker: Worker) -> None:
    run, output = worker.do("demo.build_image", name="shop", roles=["db"], seconds=0.5)
    assert run.state == "succeeded"
    titles = [event["title"] for event in worker.events(run.id, "group")]
    assert titles == ["Prepare", "Install packages", "Role db", "Write image"]
    assert len(worker.events(run.id, "endgroup")) == 4
    assert b"\x1b[32m" in output
    assert b"Logging in with token ***\n" in output
    assert b"writing [####################] 100 %\n" in output
    assert run.number("rewritten_bytes") > 0
    assert re.search(rb"Image shop-[0-9a-f]{8} registered in eu-central-1", output)
    assert [event["text"] for event in worker.events(run.id, "warning")] == ["port 22 stays open for the build"]


def test_flood_stores_every_line(worker: Worker) -> None:
    run, output = worker.do("demo.flood", lines=20_000, bytes_per_line=100)
    assert output == b"".join(b"%010d " % n + b"x" * 88 + b"\n" for n in range(20_000))
    assert run.number("line") - 1 == 20_000


def test_binary_keeps_bytes(worker: Worker) -> None:
    run, output = worker.do("demo.binary")
    # The carriage return among all bytes moves the cursor: of that line remains what a terminal has in its cells.
    assert bytes(range(32, 127)) + bytes(range(128, 256)) + b"\n" in output
    assert b"half a euro sign: \xe2\x82\n" in output
    assert b"<script>alert('not run')</script>\n" in output
    assert b"lone surrogate: \\ud800\noverwritten 9\nno newline at the end" in output
    assert run.number("rewritten_bytes") > 0


@pytest.mark.parametrize(
    ("how", "exit_status", "signal", "why"),
    [
        ("exception", None, None, "DemoError: this is what a failing task looks like"),
        ("exit", 3, None, "sys.exit(3)"),
        ("os._exit", 3, None, "status 3"),
        ("sigkill", None, 9, "signal 9 (SIGKILL)"),
    ],
)
def test_a_crash_ends_as_its_way_of_dying_says(
    worker: Worker, how: str, exit_status: int | None, signal: int | None, why: str
) -> None:
    run, output = worker.do("demo.crash", how=how)
    assert output.startswith(f"About to die by {how}\n".encode())
    assert run.state == "failed"
    assert (run.maybe("exit_status"), run.maybe("signal")) == (exit_status, signal)
    assert why in run.text("why")


def test_crash_by_memory_where_memory_is_limited(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, app="runtail_worker.app", arguments=["--concurrency=1"]) as worker:
        worker.wait_ready()
        # The limit of a process, not of a container: the allocation fails, and nobody is killed.
        for process in (psutil.Process(worker.process.pid), *worker.pool_children()):
            process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + (3 << 29), psutil.RLIM_INFINITY))
        run, output = worker.do("demo.crash", how="memory")
        assert output.startswith(b"About to die by memory\nHolding 1 GiB\n")
        assert b"Holding 2 GiB" not in output
        # Celery ends a worker whose task raised this; the run's end is stored all the same.
        assert (run.state, run.text("why")) == ("failed", "MemoryError")


def test_a_nap_says_when_it_begins_and_ends(worker: Worker) -> None:
    run, output = worker.do("demo.nap", seconds=0.1)
    assert output == b"Going to sleep for 0.1 s\nAwake\n"
    assert run.text("restart") == "1"


def test_tree_is_gone_after_a_cancel(worker: Worker) -> None:
    run_id = worker.send("demo.tree", seconds=321.5)
    worker.wait_output(run_id, b"ignores TERM: pid")

    def naps() -> list[int]:
        return [p.pid for p in psutil.process_iter(["cmdline"]) if "321.5" in (p.info["cmdline"] or [])]

    pids = wait_for(lambda: len(naps()) >= 7 and naps(), 20, naps)
    # Here what tasks run is asked for colours: but for the one without an environment, all of it.
    environments = [psutil.Process(pid).environ() for pid in pids or []]
    assert [environment["FORCE_COLOR"] for environment in environments if environment] == ["1"] * (len(pids or []) - 1)
    cancel(worker.store, run_id, who="ada", why="")
    assert worker.wait_ended(run_id, 30).state == "cancelled"
    wait_for(lambda: not any(exists(pid) for pid in pids or []), 10, naps)


def test_probes_see_a_living_worker(worker: Worker, health_directory: Path) -> None:
    assert (health_directory / "ready").exists()
    alive = health_directory / "alive"
    wait_for(alive.exists, 10)
    before = alive.stat().st_mtime_ns
    wait_for(lambda: alive.stat().st_mtime_ns > before, 10)


def test_checks_have_a_queue_of_their_own_and_demo_tasks_can_be_left_out(
    tmp_path: Path, own_redis_server: RedisServer
) -> None:
    with Worker(
        tmp_path,
        own_redis_server.url,
        app="runtail_worker.app",
        environment={"RUNTAIL_DEMO_TASKS": "off"},
    ) as worker:
        worker.wait_ready()
        wait_for(lambda: worker.store.client.exists(worker.store.keys.worker(worker.hostname)), 20)
        names: list[bytes] = worker.store.client.hkeys(worker.store.keys.tasks())  # type: ignore[assignment]
        assert names == [b"runtail.check"]
        task = read_task(worker.store, "runtail.check")
        assert (task["queue"], task["exclusive"]) == ("runtail-check", False)

        def publish(run_id: str, name: str, kwargs: object, queue: str, headers: object) -> None:
            worker.client.send_task(name, kwargs=kwargs, queue=queue, headers=headers, task_id=run_id)

        kwargs = {"lines": 3, "seconds": 4.0}
        # Two at once, although this worker was told to take from another queue.
        runs = [start(worker.store, publish, task=task, kwargs=kwargs)[0] for _ in range(2)]
        for run in runs:
            worker.wait_running(run.id)
        for run in runs:
            assert worker.wait_ended(run.id).state == "succeeded"
            assert worker.output(run.id) == b"".join(b"Check line %d of 3\n" % number for number in (1, 2, 3))
