"""`runtail worker -- celery …`: a shutdown has an end, whole logs, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.command import PROGRAM
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for
from tests.support.worker import Worker, exists

LAUNCHER = (PROGRAM, "worker", "--")
#: As PID 1 of its own process tree: a container without an init.
PID_1 = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
POOLS = {"prefork": ("--concurrency=2",), "solo": ("--pool=solo",)}

MakeWorker = Callable[..., Worker]


@pytest.fixture
def launch(tmp_path: Path, redis_url: str) -> Iterator[MakeWorker]:
    """Starts workers, each told how long a drain and the grace after it may take."""
    with ExitStack() as stack:

        def start(
            pool: str = "prefork",
            *,
            drain_seconds: float = 575.0,
            grace_seconds: float = 10.0,
            url: str = redis_url,
            launcher: Sequence[str | Path] = LAUNCHER,
            **environment: str,
        ) -> Worker:
            return stack.enter_context(
                Worker(
                    tmp_path,
                    url,
                    arguments=POOLS[pool],
                    launcher=launcher,
                    environment={
                        "RUNTAIL_WORKER_DRAIN_SECONDS": str(drain_seconds),
                        "RUNTAIL_CANCEL_GRACE_SECONDS": str(grace_seconds),
                        **environment,
                    },
                )
            ).wait_ready()

        yield start


def below(worker: Worker) -> list[psutil.Process]:
    """Every process that the launcher has started, and what they have."""
    return psutil.Process(worker.process.pid).children(recursive=True)


def whole(worker: Worker, run_id: str) -> int:
    """How many lines the task has written, none of which is missing or twice."""
    # Under solo, Celery's own announcements stand between them.
    lines = [line for line in worker.output(run_id).splitlines() if line.startswith(b"line ")]
    assert lines == [b"line %d" % number for number in range(1, len(lines) + 1)]
    return len(lines)


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_that_ends_within_the_drain_succeeds(launch: MakeWorker, tmp_path: Path, pool: str) -> None:
    worker = launch(pool)
    flag = tmp_path / "stop"
    run_id = worker.send("t.writes_until", str(flag), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    processes = below(worker)
    worker.process.signal(signal.SIGTERM)
    worker.process.wait_for_log("575 s", 20)
    worker.process.wait_for_log("Warm shutdown", 20)
    # Whoever is impatient changes nothing.
    worker.process.signal(signal.SIGTERM)
    flag.touch()
    run = worker.wait_ended(run_id)
    assert run.state == "succeeded"
    assert worker.process.wait(60) == 0
    assert whole(worker, run_id) > 3
    assert not [process for process in processes if exists(process.pid)]


@pytest.mark.parametrize("pool", POOLS)
def test_what_runs_longer_is_interrupted_with_a_whole_log(launch: MakeWorker, tmp_path: Path, pool: str) -> None:
    worker = launch(pool, drain_seconds=1.0, grace_seconds=60.0)
    run_ids = [worker.send("t.writes_until", str(tmp_path / "never"), 0.01) for _ in range(len(POOLS[pool]))]
    for run_id in run_ids:
        worker.wait_output(run_id, b"line 3\n")
    processes = below(worker)
    worker.process.signal(signal.SIGTERM)
    for run_id in run_ids:
        run = worker.wait_ended(run_id, 30)
        assert (run.state, run.text("why")) == ("lost", "told to stop by a signal")
        assert worker.events(run_id, "interrupted")
        assert whole(worker, run_id) > 3
    assert worker.process.wait(60) == 0
    assert not [process for process in processes if exists(process.pid)]


@pytest.mark.parametrize("pool", POOLS)
def test_a_run_whose_message_comes_again_waits_for_it(
    launch: MakeWorker, tmp_path: Path, redis_url: str, pool: str
) -> None:
    worker = launch(pool, drain_seconds=0.5)
    run_id = worker.send("t.late", str(tmp_path / "stop"))
    worker.wait_output(run_id, b"an attempt\n")
    worker.process.signal(signal.SIGTERM)
    assert worker.process.wait(60) == 0
    run = worker.find(run_id)
    assert run is not None
    assert (run.state, run.text("why")) == ("queued", "redelivery expected")
    assert [event["reason"] for event in worker.events(run_id, "interrupted")] == [
        "told to stop by a signal; redelivery expected"
    ]
    (tmp_path / "stop").touch()
    with Worker(
        tmp_path,
        redis_url,
        arguments=(*POOLS[pool], f"--queues={worker.queue}"),
        environment={"RUNTAIL_KEY_PREFIX": worker.prefix},
    ):
        run = worker.wait_ended(run_id)
    assert (run.state, run.number("attempt")) == ("succeeded", 2)
    assert worker.output(run_id).count(b"an attempt\n") == 2


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_that_obeys_nothing_is_killed_after_the_grace(launch: MakeWorker, pool: str) -> None:
    worker = launch(pool, drain_seconds=0.5, grace_seconds=1.0)
    run_id = worker.send("t.ignores_term")
    worker.wait_output(run_id, b"line 3\n")
    processes = below(worker)
    worker.process.signal(signal.SIGTERM)
    worker.process.wait_for_log("has not ended 1 s after SIGQUIT and is killed", 30)
    assert worker.process.wait(60) == 128 + signal.SIGKILL
    run = worker.find(run_id)
    assert run is not None
    assert run.state == "lost"
    assert worker.events(run_id, "interrupted")
    assert not exists(int(worker.output(run_id).split()[1]))
    assert whole(worker, run_id) > 3
    assert not [process for process in processes if exists(process.pid)]


def test_what_was_written_before_celery_is_killed_is_stored(launch: MakeWorker, tmp_path: Path) -> None:
    """And what a task started is ended, whatever it has made of itself."""
    worker = launch()
    stubborn = worker.send("t.stubborn")
    worker.wait_output(stubborn, b"all started\n")
    run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.001)
    worker.wait_output(run_id, b"line 100\n")
    processes = below(worker)
    worker.main.kill()
    assert worker.process.wait(60) == 128 + signal.SIGKILL
    for ended in (run_id, stubborn):
        run = worker.find(ended)
        assert run is not None
        assert run.state == "lost"
        assert worker.events(ended, "interrupted")
    assert whole(worker, run_id) >= 100
    started = [int(line.split()[1]) for line in worker.output(stubborn).splitlines() if line[-1:].isdigit()]
    assert len(started) == 6
    assert not [pid for pid in started if exists(pid)]
    assert not [process for process in processes if exists(process.pid)]
    assert "killed by signal 9" in worker.process.output()


def test_it_waits_until_a_store_that_is_away_has_come_back(launch: MakeWorker, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        worker = launch(url=server.url)
        run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.01)
        worker.wait_output(run_id, b"line 3\n")
        seen = whole(worker, run_id)
        server.pause()
        wait_for(lambda: worker.process.output().count("line ") > seen + 50, 30)
        worker.main.kill()
        worker.process.wait_for_log("killed by signal 9", 20)
        # It has not ended: keeper and shipper live.
        assert worker.process.is_running()
        server.resume()
        assert worker.process.wait(60) == 128 + signal.SIGKILL
        assert whole(worker, run_id) > seen + 50
        run = worker.find(run_id)
        assert run is not None
        assert run.state == "lost"


@pytest.mark.parametrize("init", [PID_1, (*PID_1, "tini", "--")], ids=["alone", "tini"])
def test_in_a_container(launch: MakeWorker, tmp_path: Path, init: Sequence[str]) -> None:
    """As PID 1, and as the child of an init, where nothing else collects what ends."""
    worker = launch(launcher=(*init, *LAUNCHER), drain_seconds=1.0)
    left, _output = worker.do("t.leaves_grandchild", 300)
    assert left.state == "succeeded"
    run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    # What the container's runtime signals is PID 1.
    (first,) = psutil.Process(worker.process.pid).children()
    processes = below(worker)
    assert "sleep" in {process.name() for process in processes}
    first.terminate()
    run = worker.wait_ended(run_id, 30)
    assert (run.state, run.text("why")) == ("lost", "told to stop by a signal")
    assert worker.process.wait(60) == 0
    assert not [process for process in processes if exists(process.pid)]


def test_without_the_launcher_celery_stops_too(launch: MakeWorker, tmp_path: Path) -> None:
    worker = launch()
    main, processes = worker.main, below(worker)
    worker.process.signal(signal.SIGKILL)
    wait_for(
        lambda: not [process for process in [main, *processes] if exists(process.pid)], 60, worker.process.evidence
    )


def test_signals_are_handed_on_once(tmp_path: Path) -> None:
    """To the command alone: also what a terminal sends to a group."""
    script = (
        "import os, signal, sys, time\n"
        "def note(number, frame): os.write(1, signal.Signals(number).name.encode() + b'\\n')\n"
        "for name in ('TERM', 'INT', 'HUP', 'USR1', 'USR2'): signal.signal(getattr(signal, 'SIG' + name), note)\n"
        "signal.signal(signal.SIGQUIT, lambda *_: sys.exit(7))\n"
        "os.write(1, b'begun\\n')\n"
        "while True: time.sleep(60)\n"
    )
    with subprocess.Popen(
        [*LAUNCHER, sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    ) as launcher:  # fmt: skip
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "begun\n"
        for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"):
            os.killpg(launcher.pid, getattr(signal, name))
            assert launcher.stdout.readline() == f"{name}\n"
        launcher.send_signal(signal.SIGQUIT)
        assert launcher.wait(20) == 7
        assert launcher.stdout.read() == ""


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "words"),
    [
        (["--", "no-such-program"], {}, 127, "cannot start no-such-program: there is no such program on the PATH"),
        (["--", "celery"], {"RUNTAIL_WORKER_DRAIN_SECONDS": "soon"}, 2, "RUNTAIL_WORKER_DRAIN_SECONDS='soon' is not a"),
        ([], {}, 2, "Usage: runtail worker -- COMMAND"),
        (["--"], {}, 2, "Usage: runtail worker -- COMMAND"),
        (["--frobnicate"], {}, 2, "Usage: runtail worker -- COMMAND"),
        (["--", "celery", "--app", "nowhere", "worker"], {}, 2, "celery ended with status 2; the lines before this"),
        (["--", "sh", "-c", "exit 9"], {}, 9, "sh ended with status 9"),
        (["--", "sh", "-c", "kill -KILL $$"], {}, 137, "sh was killed by signal 9"),
        (["sh", "-c", "exit 0"], {}, 0, ""),
    ],
)
def test_why_it_did_not_start_is_the_last_word(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], status: int, words: str
) -> None:
    """What an orchestrator shows of a container that failed is the end of its log."""
    done = subprocess.run(
        [PROGRAM, "worker", *arguments], cwd=tmp_path, env={**os.environ, **environment}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    if words.startswith("Usage"):
        assert done.stderr.startswith(words)
    else:
        assert words in (done.stderr.splitlines() or [""])[-1]


def test_it_needs_nothing_that_an_extra_brings() -> None:
    code = (
        "import sys; sys.argv = ['runtail', 'worker', '--', 'true']\n"
        "import runtail.__main__\n"
        "try: runtail.__main__.main()\n"
        "except SystemExit as ended: print(ended.code)\n"
        "print(sorted({'celery', 'click', 'redis', 'rich', 'websocket'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n[]\n"
