"""What a task writes is stored byte for byte, whoever wrote it and however."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtail.runs.start import start
from tests.support.waiting import wait_for
from tests.support.worker import Worker, exists


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("worker"), redis_url) as worker:
        yield worker.wait_ready()


def test_print_in_order_on_both_streams(worker: Worker) -> None:
    run, output = worker.do("t.printing")
    assert output == b"one\ntwo words\nthree\nfour\n"
    assert (run.state, run.number("line") - 1, run.number("bytes")) == ("succeeded", 4, len(output))


def test_logging_of_any_logger(worker: Worker) -> None:
    _, output = worker.do("t.logs")
    first, second = output.decode().splitlines()
    assert first.endswith("from a logger")
    assert "t.logs[" in first or "INFO" in first
    assert second.endswith("from a task logger")


def test_system_calls_keep_their_order(worker: Worker) -> None:
    _, output = worker.do("t.writes")
    assert output == b"".join(b"%d\n" % number for number in range(100))


def test_subprocesses_stand_between_what_python_wrote(worker: Worker) -> None:
    _, output = worker.do("t.subprocesses")
    assert output == b"before\nrun\nerr\nsystem\npopen\nafter\n"


def test_text_before_a_fork_is_written_once(worker: Worker) -> None:
    _, output = worker.do("t.forks")
    assert output == b"".join(b"begun %d err child end\n" % number for number in range(3))


@pytest.mark.parametrize(
    ("how", "before", "says"),
    [
        ("bar", b" 20%|##  |", b"Traceback (most recent call last):"),
        ("subprocess", b"half a line", b"Traceback (most recent call last):"),
        ("exit", b" 20%|##  |", b"no disk"),
    ],
)
def test_what_is_said_of_a_failure_begins_a_line(worker: Worker, how: str, before: bytes, says: bytes) -> None:
    _, output = worker.do("t.fails_under_a_bar", how)
    assert output.splitlines()[:2] == [before, says]


def test_output_of_c_code_comes_in_order(worker: Worker) -> None:
    _, output = worker.do("t.c")
    assert output == b"python\nputs\nno newline"


def test_fifty_threads_keep_their_lines_whole(worker: Worker) -> None:
    _, output = worker.do("t.threads")
    wanted = {f"thread {number} line {line}" for number in range(50) for line in range(100)}
    assert sorted(output.decode().splitlines()) == sorted(wanted)


def test_faulthandler(worker: Worker) -> None:
    _, output = worker.do("t.dump")
    assert b"most recent call first" in output
    assert b"in dump" in output


def test_bytes_that_are_no_text(worker: Worker) -> None:
    _, output = worker.do("t.raw_bytes")
    assert output == b"nul \0 bad \xff\xfe half \xe2\x82\n\xc3\x28\nname-\xe9\nlone \\ud800\n"


def test_devices_by_name(worker: Worker) -> None:
    _, output = worker.do("t.by_name")
    assert output == b"dev stdout\nnamed\n"


def test_subprocess_that_makes_its_output_nonblocking(worker: Worker) -> None:
    _, output = worker.do("t.nonblocking", 5000)
    assert output == b"".join(b"%0200d\n" % number for number in range(5000))


@pytest.mark.parametrize(("code", "state", "status"), [(0, "succeeded", 0), (3, "failed", 3), (None, "succeeded", 0)])
def test_sys_exit_is_the_exit_status(worker: Worker, code: int | None, state: str, status: int) -> None:
    run, output = worker.do("t.exit", code)
    assert output == b"leaving\n"
    assert (run.state, run.maybe("exit_status")) == (state, status)


def test_exit_with_a_sentence(worker: Worker) -> None:
    run, output = worker.do("t.exit", "no disk left")
    assert output == b"leaving\nno disk left\n"
    assert (run.state, run.text("why"), run.maybe("exit_status")) == ("failed", "no disk left", 1)
    assert run.summary()["why_line"] == 2


def test_traceback_of_ten_megabytes_stands_there_once(worker: Worker) -> None:
    run, output = worker.do("t.long_failure", 10_000_000)
    assert run.state == "failed"
    assert len(run.text("why")) < 1000
    assert run.text("why").startswith("ValueError: begin")
    assert output.count(b"Traceback (most recent call last)") == 1
    assert output.count(b"x" * 10_000_000 + b" end") == 1


def test_grandchild_that_keeps_the_pipe_does_not_hold_the_end(worker: Worker) -> None:
    run_id = worker.send("t.leaves_grandchild", 300)
    run = worker.wait_ended(run_id, 20)
    assert run.state == "succeeded"
    pid = worker.client.AsyncResult(run_id).get(timeout=20)
    assert exists(pid)
    psutil.Process(pid).kill()


def test_task_that_closes_its_streams_does_not_spoil_the_next(worker: Worker) -> None:
    for _ in range(4):
        _, output = worker.do("t.closes")
        assert output == b"before closing\nstill here\n"
    assert worker.do("t.printing")[1] == b"one\ntwo words\nthree\nfour\n"


def test_environment_of_a_run(worker: Worker) -> None:
    run, output = worker.do("t.environment")
    assert output.decode() == f"RUNTAIL_RUN={run.id}.1\nPYTHONUNBUFFERED=1\nFORCE_COLOR=None\nTTY_INTERACTIVE=None\n"


def test_what_a_task_does_not_print_is_as_it_would_be_without_runtail(worker: Worker) -> None:
    run, _ = worker.do("t.for_itself")
    assert worker.client.AsyncResult(run.id).get(timeout=20) == ["alert\n", "None None\n"]


def is_a_bar_in_colour(output: bytes) -> bool:
    """Tell whether it is one in colour; an animated one fails the test."""
    assert output.count(b"bar of rich") == 1
    # The cursor is hidden and shown, but it does not move.
    assert re.findall(rb"\x1b\[[0-9;]*[A-K]", output) == []
    return b"\x1b[3" in output


def test_a_progress_bar_of_rich_has_no_animation_and_colours_where_they_are_asked_for(
    worker: Worker, tmp_path: Path, redis_url: str
) -> None:
    ways = ("sh", "subprocess", "task")
    assert [is_a_bar_in_colour(worker.do("t.rich_bar", how)[1]) for how in ways] == [True, False, False]
    with Worker(tmp_path, redis_url, environment={"FORCE_COLOR": "1"}) as coloured:
        coloured.wait_ready()
        assert all(is_a_bar_in_colour(coloured.do("t.rich_bar", how)[1]) for how in ways)


def test_sections_progress_secrets_and_commands(worker: Worker) -> None:
    run, output = worker.do("t.said", token="s3cr3t-t0ken")
    assert output.decode().splitlines() == [
        "token is ***",
        "inside",
        "say *** twice: ***",
        "terminal",
        "a",
        "b",
        "status 3",
        "list",
    ]
    assert [event["title"] for event in worker.events(run.id, "group")] == ["First"]
    assert len(worker.events(run.id, "endgroup")) == 1
    assert run.json("kwargs") == {"token": "***"}
    assert run.number("masked") == 3


def test_labels_of_the_task_and_those_that_it_sets(worker: Worker) -> None:
    run, output = worker.do("t.labelled")
    assert output == b"labelled\n"
    assert (run.labels, run.added_labels) == ({"team": "builders"}, {"ticket": "T-1"})
    assert [event["text"] for event in worker.events(run.id, "warning")] == [
        "A label is not set: the task declares the label team, so it cannot be set."
    ]


def test_the_title_is_the_declared_one_until_the_task_sets_another(worker: Worker) -> None:
    run, output = worker.do("t.titled", "s3cr3t-t0ken")
    assert (run.summary()["title"], output) == ("Titled declared, ***", b"")
    run, _ = worker.do("t.titled", how="set", token="s3cr3t-t0ken")
    assert run.summary()["title"] == "Set with ***"


def test_what_a_task_returns_is_kept_without_secrets_and_only_its_beginning(worker: Worker) -> None:
    run, _ = worker.do("t.titled", "s3cr3t-t0ken")
    result = run.summary()["result"]
    assert {**result["value"], "large": None} == {"how": "declared", "token": "***", "mask": "***", "large": None}
    assert result["value"]["large"][-1] == "…"
    assert result["cut"]
    assert worker.client.AsyncResult(run.id).get(timeout=20)["token"] == "s3cr3t-t0ken", "the backend has it as it is"
    for name in ("t.labelled", "t.keeps_to_itself"):
        assert worker.do(name)[0].summary()["result"] is None


def test_arguments_are_recorded_by_name(worker: Worker) -> None:
    run, _ = worker.do("t.arguments", 1, "two", 3, 4, five=5)
    assert run.json("kwargs") == {"a": 1, "b": "two", "more": [3, 4], "five": 5}


def test_retries_are_attempts_of_one_run(worker: Worker) -> None:
    run, output = worker.do("t.retries")
    assert (run.state, run.number("attempt")) == ("succeeded", 3)
    assert [line for line in output.splitlines() if line.startswith(b"attempt")] == [
        b"attempt 0",
        b"attempt 1",
        b"attempt 2",
    ]
    retries = worker.events(run.id, "retry")
    assert [(event["retries"], event["max"], event["reason"]) for event in retries] == [
        (1, 3, "ValueError: not yet"),
        (2, 3, "ValueError: not yet"),
    ]


def test_retries_of_a_run_that_was_started_here(worker: Worker) -> None:
    def publish(run_id: str, name: str, kwargs: object, queue: str, headers: object) -> None:
        worker.client.send_task(name, kwargs=kwargs, queue=queue, headers=headers, task_id=run_id)

    started, created = start(worker.store, publish, task={"name": "t.retries", "queue": worker.queue}, kwargs={})
    assert created
    run = worker.wait_ended(started.id)
    assert (run.state, run.number("attempt"), run.text("announced")) == ("succeeded", 3, "1")
    assert [event["attempt"] for event in worker.events(run.id, "start")] == [1, 2, 3]


def test_celerys_own_lines_go_to_the_worker_and_output_is_echoed(worker: Worker) -> None:
    run, output = worker.do("t.printing")
    worker.process.wait_for_log(f"Task t.printing[{run.id}] succeeded", 20)
    assert b"succeeded in" not in output
    worker.process.wait_for_log("two words", 20)


def test_worker_that_logs_to_a_file_still_captures_logging(tmp_path: Path, redis_url: str) -> None:
    log = tmp_path / "celery.log"
    with Worker(tmp_path, redis_url, arguments=["--concurrency=1", f"--logfile={log}"]) as worker:
        wait_for(lambda: log.exists() and "ready" in log.read_text(), 60, worker.process.evidence)
        _, output = worker.do("t.logs")
        first, second = output.decode().splitlines()
        assert first.endswith("from a logger")
        assert second.endswith("from a task logger")
        assert worker.do("t.printing")[1] == b"one\ntwo words\nthree\nfour\n"
        assert "Task t.logs" in log.read_text()


def test_split_tells_streams_apart(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, environment={"RUNTAIL_SPLIT": "on"}) as worker:
        worker.wait_ready()
        _, output = worker.do("t.writes")
        assert sorted(map(int, output.split())) == list(range(100))


def test_nothing_is_left_of_a_worker(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url) as worker:
        worker.wait_ready()
        run, _ = worker.do("t.printing")
        pids = [worker.keeper().pid, worker.shipper().pid]
        worker.process.terminate()
        wait_for(lambda: not any(exists(pid) for pid in pids), 20)
        assert run.state == "succeeded"


def test_without_capture_tasks_run_as_ever(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url, environment={"RUNTAIL_CAPTURE": "off"}) as worker:
        worker.wait_ready()
        run_id = worker.send("t.printing")
        worker.client.AsyncResult(run_id).get(timeout=20)
        worker.process.wait_for_log("two", 20)
        assert worker.find(run_id) is None


def test_importing_and_installing_costs_a_web_app_nothing() -> None:
    script = (
        "import celery, sys, threading, os\n"
        "import runtail\n"
        "app = celery.Celery('x', broker='redis://127.0.0.1:1/0')\n"
        "before = dict(app.conf)\n"
        "runtail.install(app); runtail.install(app)\n"
        "assert dict(app.conf) == before\n"
        "assert threading.active_count() == 1\n"
        "worker = ('runtail.worker.celery_main.supervisor', 'runtail.worker.task.trace')\n"
        "for name in ('redis', 'runtail.store', *worker):\n"
        "    assert name not in sys.modules, name\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNTAIL_")}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
