"""Task ids that come twice at a real worker: nothing stays out because it is watched, and nothing is executed twice."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.states import READY_STATES

from runtail.errors import ExecutionRefused
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for
from tests.support.worker import Worker

GET_SECONDS = 40
MakeWorker = Callable[..., Worker]


@pytest.fixture
def make_worker(tmp_path: Path, redis_url: str) -> Iterator[MakeWorker]:
    workers: list[Worker] = []

    def make(*, pool: str = "prefork", concurrency: int = 3, broker: str = "", **environment: str) -> Worker:
        directory = tmp_path / str(len(workers))
        directory.mkdir()
        made = Worker(
            directory,
            redis_url,
            app="tests.support.same_id_app",
            arguments=[f"--pool={pool}", f"--concurrency={concurrency}"],
            environment={"TEST_BROKER": broker or redis_url, **environment},
        )
        workers.append(made)
        return made.wait_ready()

    yield make
    # The last first: one that shares the prefix of an earlier one must have ended before that is looked for.
    for worker in reversed(workers):
        worker.client.backend.client.connection_pool.disconnect()
        worker.close()


def send(worker: Worker, task: str, *args: Any, task_id: str = "", **options: Any) -> str:
    """Publish a task under an id of our choice; return that."""
    task_id = task_id or f"chosen-{uuid.uuid4().hex[:8]}"
    options = {"queue": worker.queue, **options}
    # By an app without results: one with them subscribes to each.
    with Celery("sender", broker=worker.client.conf.broker_url, set_as_current=False) as sender:
        sender.conf.broker_transport_options = worker.client.conf.broker_transport_options
        sender.send_task(task, args=args, task_id=task_id, **options)
    return task_id


def result_of(worker: Worker, task_id: str) -> Any:
    """Wait until a result is stored; return it. (Without ``.get()``, whose subscription outlives the test.)"""
    backend = worker.client.backend

    def stored() -> Any:
        found = backend.get_task_meta(task_id, cache=False)
        return found if found["status"] in READY_STATES else None

    found: Any = wait_for(stored, GET_SECONDS, worker.process.evidence)
    return found["result"]


def deliver(worker: Worker, message: bytes, **changes: Any) -> None:
    """Put a message into the queue as kombu does with one that is delivered again."""
    payload = json.loads(message)
    payload["headers"].update(changes.pop("headers", {}))
    payload["properties"].update(changes)
    worker.store.client.lpush(worker.queue, json.dumps(payload))


def captured(worker: Worker, task: str, *args: Any, **options: Any) -> tuple[str, bytes]:
    """Publish a task; return its id and its message."""
    aside = f"{worker.queue}-aside"
    result = send(worker, task, *args, queue=aside, **options)
    message: Any = worker.store.client.rpop(aside)
    worker.store.client.lpush(worker.queue, message)
    return result, bytes(message)


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_an_id_that_is_used_again_is_executed_again(make_worker: MakeWorker, pool: str) -> None:
    worker = make_worker(pool=pool)
    for number, word in enumerate(["one", "two", "three"], start=1):
        result = send(worker, "i.says", word, task_id="sync 42%")
        run = wait_for(lambda number=number: _execution(worker, "sync 42%", number), 20)  # type: ignore[misc]
        assert run is not None
        # A result that succeeded is not stored anew by Celery itself.
        assert result_of(worker, result) == "one"
    assert [worker.output(run_id) for run_id in ("sync 42%~1", "sync 42%~2", "sync 42%")] == [
        b"one\n", b"two\n", b"three\n"
    ]  # fmt: skip


def _execution(worker: Worker, run_id: str, number: int) -> Any:
    run = worker.find(run_id)
    return run if run is not None and run.execution == number and run.state.terminal else None


def test_an_id_that_is_used_while_the_first_lives_is_executed_and_said(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker()
    go = tmp_path / "go"
    first = send(worker, "i.waits", str(go), "first")
    worker.wait_output(first, b"began first\n")
    send(worker, "i.says", "second", task_id=first)
    worker.process.wait_for_log(f"i.says[{first}] is not recorded: another task with the same id", 30)
    assert result_of(worker, first) == "second"
    wait_for(lambda: worker.events(first, "overlap"), 20)
    go.touch()
    run = worker.wait_ended(first)
    assert (run.state, run.execution) == ("succeeded", 1)
    assert worker.output(first) == b"began first\nended first\n"
    assert [event["count"] for event in worker.events(first, "overlap")] == [1]


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_task_that_starts_itself_again_under_its_id(make_worker: MakeWorker, pool: str) -> None:
    worker = make_worker(pool=pool)
    result = send(worker, "i.starts_itself_again", 3)
    run = wait_for(lambda: _execution(worker, result, 4), 40, worker.process.evidence)
    assert run is not None
    names = [*(f"{result}~{number}" for number in (1, 2, 3)), result]
    assert [worker.output(name) for name in names] == [b"time 3\n", b"time 2\n", b"time 1\n", b"time 0\n"]


def test_a_chord_whose_ids_are_used_again(make_worker: MakeWorker) -> None:
    worker = make_worker()
    for number in (1, 2, 3):
        send(worker, "i.applies_a_chord", "nightly", "ab")
        for name, said in (("nightly-body", b"joined a b\n"), ("nightly-a", b"a\n"), ("nightly-b", b"b\n")):
            run = wait_for(lambda: _execution(worker, name, number), 40, worker.process.evidence)  # noqa: B023
            assert run is not None
            assert worker.output(name) == said


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_the_same_message_after_the_end_is_not_executed_again(make_worker: MakeWorker, pool: str) -> None:
    worker = make_worker(pool=pool)
    result, message = captured(worker, "i.says", "once")
    assert result_of(worker, result) == "once"
    worker.wait_ended(result)
    deliver(worker, message, headers={"redelivered": True})
    worker.process.wait_for_log(f"i.says[{result}] is not executed: the run is ended (succeeded)", 30)
    assert worker.output(result) == b"once\n"
    assert worker.find(f"{result}~1") is None


def test_a_duplicate_while_the_first_lives_touches_no_result(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker()
    go = tmp_path / "go"
    result, message = captured(worker, "i.waits", str(go), "first")
    worker.wait_output(result, b"began first\n")
    deliver(worker, message, headers={"redelivered": True})
    worker.process.wait_for_log(f"i.waits[{result}] is not executed: it is being executed", 30)
    stays(lambda: worker.client.backend.get_state(result) == "PENDING", 0.5)
    go.touch()
    assert result_of(worker, result) == "first"
    assert worker.wait_ended(result).number("attempt") == 1
    assert worker.events(result, "overlap") == []


def test_a_task_that_outlives_the_visibility_timeout_is_executed_once(
    make_worker: MakeWorker, tmp_path: Path, own_redis_server: RedisServer
) -> None:
    # kombu looks for such messages once a minute, in a worker that has nothing to wait for; here it is done by hand,
    # with its own code.
    worker = make_worker(broker=own_redis_server.url, TEST_VISIBILITY="1")
    worker.client.conf.broker_url = own_redis_server.url
    go = tmp_path / "go"
    result = send(worker, "i.waits_late", str(go), "first")
    worker.wait_output(result, b"began first\n")
    time.sleep(1.1)
    with worker.client.connection_for_read() as connection:
        connection.transport_options = {"visibility_timeout": 1}
        channel: Any = connection.default_channel
        channel.qos.restore_visible(interval=1)
    worker.process.wait_for_log(f"i.waits_late[{result}] is not executed: it is being executed", 30)
    go.touch()
    assert result_of(worker, result) == "first"
    assert worker.wait_ended(result).number("attempt") == 1


@pytest.mark.parametrize("task", ["i.dies_once", "i.requeues"])
def test_a_message_that_the_broker_gets_back_is_the_next_attempt(
    make_worker: MakeWorker, tmp_path: Path, task: str
) -> None:
    worker = make_worker()
    result = send(worker, task, str(tmp_path / "seen"))
    assert result_of(worker, result) in ("lived", "done")
    run = worker.wait_ended(result)
    assert (run.state, run.number("attempt"), run.execution) == ("succeeded", 2, 1)


def test_what_a_worker_gives_back_at_its_shutdown_is_the_next_attempt_elsewhere(
    make_worker: MakeWorker, tmp_path: Path
) -> None:
    worker = make_worker(concurrency=1)
    result = send(worker, "i.waits_late", str(tmp_path / "go"), "word")
    worker.wait_output(result, b"began word\n")
    worker.process.signal(signal.SIGQUIT)
    worker.process.wait(30)
    (tmp_path / "go").touch()
    other = make_worker(TEST_QUEUE=worker.queue, RUNTAIL_KEY_PREFIX=worker.prefix, concurrency=1)
    other.client.control.add_consumer(worker.queue, reply=True)
    assert result_of(worker, result) == "word"
    run = worker.wait_ended(result)
    assert (run.state, run.number("attempt"), run.execution) == ("succeeded", 2, 1)


# Exclusive tasks and the result backend.


def test_a_lone_exclusive_task_that_is_refused_fails_so_that_nobody_waits(
    make_worker: MakeWorker, tmp_path: Path
) -> None:
    worker = make_worker()
    go = tmp_path / "go"
    holder = send(worker, "i.alone", str(go))
    worker.wait_output(holder, b"began alone\n")
    refused = send(worker, "i.alone", str(go))
    failure = result_of(worker, refused)
    assert isinstance(failure, ExecutionRefused)
    assert str(failure) == f"not executed: Task is already running: run {holder} holds it"
    assert worker.client.backend.get_state(refused) == "FAILURE"
    # The same id again, while it holds the task itself: what is stored is the first one's.
    send(worker, "i.alone", str(go), task_id=holder)
    worker.process.wait_for_log(f"i.alone[{holder}] is not executed: Task is already running", 30)
    assert worker.client.backend.get_state(holder) == "PENDING"
    go.touch()
    assert result_of(worker, holder) == "alone"
    assert worker.find(refused) is None


def test_a_chord_with_an_exclusive_task_that_is_refused_fails_too(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker()
    go = tmp_path / "go"
    holder = send(worker, "i.alone", str(go))
    worker.wait_output(holder, b"began alone\n")

    send(worker, "i.applies_a_chord", "halting", "a", str(go))
    assert "already running" in str(result_of(worker, "halting-body"))
    go.touch()


# Ids that cannot be chosen, headers that were copied.


def test_an_id_with_a_number_of_an_execution_cannot_be_chosen(make_worker: MakeWorker) -> None:
    worker = make_worker(concurrency=1)
    assert result_of(worker, send(worker, "i.says", "x", task_id="mine~7")) == "x"
    assert worker.find("mine~7") is None
    worker.process.wait_for_log("i.says came with the id 'mine~7', but an id does not end in ~ and a number", 10)
    assert result_of(worker, send(worker, "i.says", "y", task_id="mine~7b~")) == "y"
    assert worker.wait_ended("mine~7b~").state == "succeeded"


def test_headers_that_a_task_hands_on_belong_to_another_run(make_worker: MakeWorker) -> None:
    from runtail.runs.start import start

    worker = make_worker()
    task = {"name": "i.hands_headers_on", "queue": worker.queue}

    def publish(run_id: str, name: str, kwargs: Any, queue: str, headers: Any) -> None:
        worker.client.send_task(name, kwargs=kwargs, queue=queue, headers=dict(headers), task_id=run_id)

    run, _ = start(worker.store, publish, task=task, kwargs={})
    other = result_of(worker, run.id)
    assert result_of(worker, other) == "handed on"
    ended = [worker.wait_ended(each) for each in (run.id, other)]
    assert [each.text("announced") for each in ended] == ["1", "0"]
    assert worker.output(other) == b"handed on\n"


# Brokers that know a message by no id of its own.


@pytest.mark.parametrize("tag", ["1", "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a"])
def test_a_tag_that_is_no_publication_is_none(make_worker: MakeWorker, tag: str) -> None:
    worker = make_worker()
    result, message = captured(worker, "i.says", "once")
    assert result_of(worker, result) == "once"
    worker.wait_ended(result)
    # In doubt it runs.
    deliver(worker, message, delivery_tag=tag)
    run = wait_for(lambda: _execution(worker, result, 2), 30, worker.process.evidence)
    assert run is not None
    assert worker.output(f"{result}~1") == worker.output(result) == b"once\n"


def test_a_broker_of_files_keeps_its_publications(make_worker: MakeWorker, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    worker = make_worker(broker="filesystem://", TEST_FOLDER=str(folder))
    worker.client.conf.broker_url = "filesystem://"
    options = ("data_folder_in", "data_folder_out", "control_folder")
    worker.client.conf.broker_transport_options = dict.fromkeys(options, str(folder))
    worker.process.signal(signal.SIGSTOP)
    result = send(worker, "i.replaces", "word")
    (file,) = folder.glob("*.msg")
    copy = file.read_bytes()
    worker.process.signal(signal.SIGCONT)
    assert result_of(worker, result) == "word"
    assert worker.wait_ended(result).number("attempt") == 2
    send(worker, "i.says", "again", task_id=result)
    assert wait_for(lambda: _execution(worker, result, 2), 30) is not None
    (folder / f"9{file.name}").write_bytes(copy)
    worker.process.wait_for_log(f"i.replaces[{result}] is not executed", 30)
    assert worker.output(result) == b"again\n"


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_broker_in_memory_keeps_its_publications(make_worker: MakeWorker, tmp_path: Path, pool: str) -> None:
    """Its worker is the only one that can publish; of a prefork pool that is the main process."""
    here: list[Any] = [("i.says", "plain", ["word"], 2), ("i.requeues", "back", [str(tmp_path / "seen")], 1)]
    here += [("i.starts_itself_again", "again", [2], 1)] if pool == "solo" else []
    worker = make_worker(pool=pool, broker="memory://", TEST_HERE=json.dumps(here))
    worker.process.wait_for_log("i.says[plain] is not executed: ", 30)
    assert (worker.wait_ended("plain").number("attempt"), worker.output("plain")) == (1, b"word\n")
    assert worker.find("plain~1") is None
    assert result_of(worker, "back") == "done"
    assert worker.wait_ended("back").number("attempt") == 2
    if pool == "solo":
        assert wait_for(lambda: _execution(worker, "again", 3), 30, worker.process.evidence) is not None
        assert worker.output("again~1") == b"time 2\n"
