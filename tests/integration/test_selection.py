"""Tasks that are left out run as without Runtail; what was started in Runtail before is still recorded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runtail.errors import TaskNotRecorded, TaskUnknown
from runtail.runs.cancel import cancel
from runtail.runs.listing import list_page, read_task
from runtail.runs.start import start
from tests.support.waiting import wait_for
from tests.support.worker import Worker


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Worker]:
    environment: dict[str, str | None] = {"RUNTAIL_TASKS": "*,!t.add,!t.w*,t.waits"}
    with Worker(tmp_path_factory.mktemp("worker"), redis_url, environment=environment) as worker:
        yield worker.wait_ready()


@pytest.mark.parametrize("task", ["t.add", "t.quiet"])
def test_left_out_by_pattern_or_by_itself(worker: Worker, task: str) -> None:
    before = {run.id for run in list_page(worker.store).runs}
    result = worker.client.send_task(task, args=(20, 22), queue=worker.queue)
    assert result.get(timeout=30) == 42
    run, output = worker.do("t.printing")
    assert (run.state, output.count(b"\n")) == ("succeeded", 4)
    assert {run.id for run in list_page(worker.store).runs} - before == {run.id}
    assert worker.find(result.id) is None


def test_output_of_a_task_that_is_left_out_is_in_the_workers_log_and_in_no_run(worker: Worker) -> None:
    worker.client.send_task("t.quiet", args=(1, 1), queue=worker.queue).get(timeout=30)
    worker.process.wait_for_log("quiet: 1 + 1", 10)
    assert b"quiet" not in worker.do("t.printing")[1]


def test_a_run_that_goes_on_with_a_task_that_is_left_out_is_recorded_to_its_end(worker: Worker) -> None:
    result = worker.client.send_task("t.replaced", args=(3, 4), queue=worker.queue)
    assert result.get(timeout=30) == 7
    assert worker.wait_ended(result.id).state == "succeeded"
    assert worker.output(result.id) == b"replaced by a quiet one\nquiet: 3 + 4\n"


def test_the_catalogue_leaves_it_out_and_says_why(worker: Worker) -> None:
    client, keys = worker.store.client, worker.store.keys
    wait_for(lambda: client.exists(keys.worker(worker.hostname)), 20)
    assert read_task(worker.store, "t.waits")["name"] == "t.waits"
    for task, why in {
        "t.add": "RUNTAIL_TASKS leaves it out",
        "t.writes": "RUNTAIL_TASKS leaves it out",
        "t.quiet": 'its code says so: runtail={"record": False}',
    }.items():
        with pytest.raises(TaskNotRecorded, match="is not recorded") as raised:
            read_task(worker.store, task)
        assert raised.value.why == why
        assert task not in json.loads(client.get(keys.worker(worker.hostname)) or b"{}")["tasks"]
    with pytest.raises(TaskUnknown):
        read_task(worker.store, "t.unheard_of")


def test_what_runtail_started_before_is_still_recorded(worker: Worker) -> None:
    messages: list[Any] = []
    task = {"name": "t.quiet", "queue": worker.queue}
    run, _ = start(worker.store, lambda *message: messages.append(message), task=task, kwargs={"x": 2, "y": 3})
    cancelled, _ = start(worker.store, lambda *message: messages.append(message), task=task, kwargs={"x": 5, "y": 5})
    cancel(worker.store, cancelled.id, who="ada", why="")
    for run_id, name, kwargs, queue, headers in reversed(messages):
        worker.client.send_task(name, kwargs=kwargs, queue=queue, headers=headers, task_id=run_id)
    assert worker.wait_ended(run.id).state == "succeeded"
    assert worker.output(run.id) == b"quiet: 2 + 3\n"
    assert "quiet: 5 + 5" not in worker.process.output()
