"""Messages that a hostile producer publishes: none holds a task's process, and no more is believed than was checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail import header
from tests.support.capture_rig import Rig
from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.support.worker import Worker


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module", params=["prefork", "solo"])
def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str, port: int
) -> Iterator[Worker]:
    with Worker(
        tmp_path_factory.mktemp("hostile"),
        redis_url,
        app="tests.support.same_id_app",
        arguments=[f"--pool={request.param}", "--concurrency=1"],
        environment={"TEST_BROKER": redis_url, "RUNTAIL_WORKER_ADMIN_PORT": str(port)},
    ) as made:
        yield made.wait_ready()


def bad_headers(port: int) -> float:
    name = "runtail_worker_bad_headers_total "
    lines = http_get(f"http://127.0.0.1:{port}/metrics")[1].splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), -1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"who": {"name": ["ana"]}},
        {"attempt": "first"},
        {"store": {"a": {"b": 1}}},
        {"v": 9},
        {"execution": -2},
        {"store": "x" * 100_000},
        "not an object",
        ["runtail"],
    ],
)
def test_a_bad_header_is_dropped_and_counted_and_the_task_runs(worker: Worker, port: int, change: Any) -> None:
    before = wait_for(lambda: (seen := bad_headers(port)) >= 0 and seen + 1, 20)
    run_id = f"hostile-{abs(hash(str(change)))}"
    good = header.make(worker.store.uuid(), run_id, 1, 1)[header.HEADER]
    value = {**good, **change} if isinstance(change, dict) else change
    worker.client.send_task(
        "i.says", args=("hello",), queue=worker.queue, task_id=run_id, headers={header.HEADER: value}
    ).get(timeout=30)
    run = worker.wait_ended(run_id)
    assert (run.state, run.text("announced"), run.text("who"), worker.output(run_id)) == (
        "succeeded", "0", "", b"hello\n"
    )  # fmt: skip
    wait_for(lambda: bad_headers(port) == before, 10, lambda: bad_headers(port))
    worker.process.wait_for_log(f"the header of {run_id} is dropped: ", 10)


def test_who_in_a_header_is_cleaned_and_cut(worker: Worker) -> None:
    run_id = "who-is-it"
    own = header.make(worker.store.uuid(), run_id, 1, 1)[header.HEADER]
    who = "\x1b[2Jadmin\r\n" + "x" * 9000
    headers = {header.HEADER: {**own, "who": who}}
    worker.client.send_task("i.says", args=("hello",), queue=worker.queue, task_id=run_id, headers=headers).forget()
    assert worker.wait_ended(run_id).text("who") == ("admin " + "x" * 9000)[: header.MAX_WHO_CHARS]


@pytest.mark.parametrize("changes", [{"retries": "abc"}, {"replaced_task_nesting": -5}, {"retries": [1]}])
def test_counts_that_are_none_are_taken_for_zero(worker: Worker, changes: dict[str, Any]) -> None:
    run_id = f"counts-{sorted(changes)[0]}-{type(next(iter(changes.values()))).__name__}"
    options: dict[str, Any] = {"headers": changes}
    worker.client.send_task("i.says", args=("hello",), queue=worker.queue, task_id=run_id, **options).get(timeout=30)
    assert worker.wait_ended(run_id).state == "succeeded"


# What fails in our own code before a task may begin.


@pytest.mark.parametrize(("announced", "op"), [(False, "unrecorded"), (True, "refuse")])
def test_a_run_that_is_given_up_answers_its_process(
    tmp_path: Path, redis_url: str, key_prefix: str, announced: bool, op: str
) -> None:
    with Rig(tmp_path, redis_url, key_prefix) as rig:
        rig.hear("ready")
        # A record of another kind: the claim's script fails.
        rig.store.client.set(rig.store.keys.run("broken"), "not a record")
        task = rig.run("print('done')", "broken", announced=announced)
        assert task.report()["answer"]["op"] == op
        assert rig.run("print('next')").wait_ended().state == "succeeded"


@pytest.mark.parametrize("field", ["run", "nonce", "masks"])
def test_a_start_record_that_cannot_be_read_is_answered(
    tmp_path: Path, redis_url: str, key_prefix: str, field: str
) -> None:
    with Rig(tmp_path, redis_url, key_prefix) as rig:
        rig.hear("ready")
        wrong: dict[str, Any] = {field: {"a": 7}}
        answer = rig.run("print('done')", **wrong).report()["answer"]
        assert answer["op"] in ("unrecorded", "go")
        assert rig.run("print('next')").wait_ended().state == "succeeded"
