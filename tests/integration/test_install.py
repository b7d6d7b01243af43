"""``runtail.install(app)`` changes nothing for the app; where it cannot work it says so."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import chain, chord, group
from celery.app.trace import build_tracer, trace_ok_t

from runtail.runs.start import start
from tests.support.celery_worker import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for
from tests.support.worker import Worker

GET_SECONDS = 60


def outcome(result: Any) -> Any:
    """What somebody who waits for a result sees, exceptions included."""
    try:
        return result.get(timeout=GET_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever came is compared
        return [type(error).__name__, str(error)]


def use_everything(worker: Worker, pool: str) -> dict[str, Any]:
    """Use all of the sample app; return what came of it."""
    app, queue = worker.client, worker.queue

    def send(name: str, *args: Any, **options: Any) -> Any:
        return app.send_task(name, args=args, queue=queue, **options)

    def signature(name: str, *args: Any) -> Any:
        return app.signature(name, args=args, queue=queue)

    asked = time.time()
    results = {
        "add": send("s.add", 2, 3),
        "chord": chord([signature("s.add", n, n) for n in range(5)])(signature("s.total")),
        "chain": chain(signature("s.add", 1, 1), signature("s.add", 10), signature("s.late"))(),
        "group": group([signature("s.late", n) for n in range(3)])(),
        "flaky": send("s.flaky", 2),
        "never": send("s.never"),
        "late": send("s.late", 21),
        "based": send("s.based"),
        "bound": app.send_task("s.bound", args=(1, 2), kwargs={"k": 3}, queue=queue),
        "fails": send("s.fails"),
        "rejects": send("s.rejects"),
        "nested": send("s.nested"),
    }
    if pool == "prefork":
        # Celery's solo pool knows no time limits, and an exit breaks it.
        results["soft"] = send("s.soft")
        results["exits"] = send("s.exits")
    later = send("s.when", eta=datetime.now(UTC) + timedelta(seconds=1.5))
    seen = {name: outcome(result) for name, result in results.items()}
    states = {name: result.state for name, result in results.items() if name != "group"}
    kept = {name: results[name]._get_task_meta().get("kwargs") for name in ("add", "late")}  # noqa: SLF001 (Celery's)
    return {"seen": seen, "states": states, "kept": kept, "eta kept": later.get(timeout=GET_SECONDS) >= asked + 1.4}


@pytest.fixture
def make_worker(tmp_path: Path, redis_url: str) -> Any:
    workers: list[Worker] = []

    def make(**options: Any) -> Worker:
        workers.append(Worker(tmp_path, options.pop("redis_url", redis_url), **options))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


MakeWorker = Callable[..., Worker]


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_results_are_the_same_with_and_without(make_worker: MakeWorker, pool: str) -> None:
    arguments = ["--concurrency=2", f"--pool={pool}"]
    without, with_runtail = (
        make_worker(app="tests.support.sample_app", arguments=arguments, environment={"TEST_INSTALL": install})
        for install in ("0", "1")
    )
    found = [json.loads(json.dumps(use_everything(worker.wait_ready(), pool))) for worker in (without, with_runtail)]
    assert found[1] == found[0]
    assert found[1]["seen"]["chord"] == 20
    assert found[1]["seen"]["flaky"] == [2, 2]
    assert found[1]["seen"]["based"] == ["before", "called"]
    run, output = with_runtail.do("s.based")
    assert output == b"before start\non success\n"
    assert run.state == "succeeded"
    assert without.store.client.keys(f"{without.prefix}*") == []


def test_trace_has_the_shape_that_the_wrapper_needs() -> None:
    from celery import Celery

    app = Celery("shape", set_as_current=False)

    @app.task(name="shape.task")
    def task(x: int) -> int:
        return x + 1

    tracer = build_tracer(task.name, app.tasks[task.name], app=app)
    result = tracer("id", (1,), {}, {"id": "id"})
    assert isinstance(result, trace_ok_t)
    assert (result.retval, result.info) == (2, None)
    app.close()


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--pool=threads", "--concurrency=2"], {}, "the thread pool with concurrency 2 is not supported"),
        (["--pool=gevent", "--concurrency=5"], {}, "the gevent pool with concurrency 5 is not supported"),
        (["--pool=eventlet", "--concurrency=1"], {}, "the eventlet pool is not supported"),
        (["--concurrency=1"], {"TEST_START_METHOD": "spawn"}, "worker_pool_start_method=spawn is not supported"),
        (["--concurrency=1"], {"RUNTAIL_QUOTA_BYTES": "much"}, "RUNTAIL_QUOTA_BYTES='much' is not a int"),
    ],
)
def test_what_cannot_work_is_refused_at_start(
    make_worker: MakeWorker, arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    worker = make_worker(arguments=arguments, environment=environment)
    assert worker.process.wait(60) != 0
    assert f"Runtail: {sentence}" in worker.process.output()


@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_one_task_at_a_time_is_captured(make_worker: MakeWorker, pool: str) -> None:
    worker = make_worker(arguments=[f"--pool={pool}", "--concurrency=1"]).wait_ready()
    assert worker.do("t.printing")[1] == b"one\ntwo words\nthree\nfour\n"
    _, output = worker.do("t.writes")
    assert output == b"".join(b"%d\n" % number for number in range(100))


def test_solo_captures_again_after_a_reconnect(make_worker: MakeWorker, own_redis_server: RedisServer) -> None:
    own_redis_server.restart(append_only="always")
    worker = make_worker(redis_url=own_redis_server.url, arguments=["--pool=solo"]).wait_ready()
    assert worker.do("t.printing")[1] == b"one\ntwo words\nthree\nfour\n"
    seen = len(worker.process.output())
    own_redis_server.restart()
    worker.process.wait_for_log("Connected to redis", 30, since_chars=seen)
    assert worker.do("t.printing")[1] == b"one\ntwo words\nthree\nfour\n"


@pytest.fixture
def store_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for the store alone, not started yet."""
    directory = tmp_path / "store"
    directory.mkdir()
    server = RedisServer(directory, append_only="always")
    yield server
    server.stop()


def test_store_away_a_plain_task_runs_after_a_while(make_worker: MakeWorker, store_server: RedisServer) -> None:
    environment = {"RUNTAIL_CLAIM_PATIENCE_SECONDS": "0.5"}
    # A store that is not there takes no users.
    worker = make_worker(store_url=store_server.url, environment=environment, acl=False).wait_ready()
    run_id = worker.send("t.printing")
    worker.client.AsyncResult(run_id).get(timeout=30)
    store_server.start()
    run = worker.wait_ended(run_id)
    assert (run.state, worker.output(run_id)) == ("succeeded", b"one\ntwo words\nthree\nfour\n")


def test_store_away_a_run_of_ours_waits(make_worker: MakeWorker, store_server: RedisServer, tmp_path: Path) -> None:
    store_server.start()
    environment = {"RUNTAIL_CLAIM_PATIENCE_SECONDS": "0.1"}
    worker = make_worker(store_url=store_server.url, environment=environment).wait_ready()
    flag = tmp_path / "ran"
    flag.touch()
    messages: list[Any] = []
    task = {"name": "t.waits", "queue": worker.queue}
    run, _ = start(worker.store, lambda *message: messages.append(message), task=task, kwargs={"path": str(flag)})
    store_server.kill()
    ((run_id, name, kwargs, queue, headers),) = messages
    result = worker.client.send_task(name, kwargs=kwargs, queue=queue, headers=headers, task_id=run_id)
    plain = worker.send("t.waits", str(flag))
    worker.client.AsyncResult(plain).get(timeout=30)
    stays(lambda: not result.ready(), 1.0)
    store_server.start()
    assert result.get(timeout=30) == "seen"
    assert worker.wait_ended(run.id).state == "succeeded"


def test_nobody_to_record_a_plain_task_runs_all_the_same(make_worker: MakeWorker) -> None:
    worker = make_worker().wait_ready()
    assert worker.do("t.printing")[0].state == "succeeded"
    keeper, shipper = worker.keeper(), worker.shipper()
    for process in (keeper, shipper):
        process.send_signal(signal.SIGSTOP)
    try:
        run_id = worker.send("t.printing")
        worker.client.AsyncResult(run_id).get(timeout=40)
        worker.process.wait_for_log("tasks run without being recorded", 10)
    finally:
        for process in (keeper, shipper):
            process.send_signal(signal.SIGCONT)
    assert worker.do("t.printing")[0].state == "succeeded"


def test_a_task_whose_id_can_be_no_runs_id_runs_all_the_same(make_worker: MakeWorker) -> None:
    worker = make_worker().wait_ready()

    def send(task_id: str) -> Any:
        return worker.client.send_task("t.printing", queue=worker.queue, task_id=task_id).get(timeout=GET_SECONDS)

    seen = send("nightly: 50% of #7?")
    assert worker.wait_ended("nightly: 50% of #7?").state == "succeeded"
    # A process of the pool says it once a minute, and there is more than one.
    for task_id in ("a/b", "..", "x" * 256):
        assert send(task_id) == seen
        assert worker.find(task_id) is None
    worker.process.wait_for_log("recorded: t.printing came with the id 'a/b', but an id has no slashes", 10)


def test_catalogue_and_worker_are_published(make_worker: MakeWorker) -> None:
    worker = make_worker().wait_ready()
    keys, client = worker.store.keys, worker.store.client
    wait_for(lambda: client.exists(keys.worker(worker.hostname)), 20)
    described = json.loads(client.get(keys.worker(worker.hostname)) or b"")
    assert described["queues"] == [worker.queue]
    assert (described["pool"], described["concurrency"]) == ("prefork", 2)
    said = json.loads(client.hget(keys.tasks(), "t.said") or b"")
    secret = {"type": "string", "minLength": 1, "writeOnly": True, "format": "password"}
    assert said["schema"]["properties"]["token"] == secret
    names: Any = client.hkeys(keys.tasks())
    assert b"t.said" in names
    assert not any(name.startswith(b"celery.") for name in names)
    worker.process.terminate()
    wait_for(lambda: not client.exists(keys.worker(worker.hostname)), 20)


def test_interrupted_by_a_cold_shutdown(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker().wait_ready()
    run_id = worker.send("t.writes_until", str(tmp_path / "never"), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    worker.process.signal(signal.SIGQUIT)
    run = worker.wait_ended(run_id)
    assert run.state == "lost"
    assert worker.events(run_id, "interrupted")


def test_warm_shutdown_waits_for_the_task(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker().wait_ready()
    flag = tmp_path / "stop"
    run_id = worker.send("t.writes_until", str(flag), 0.01)
    worker.wait_output(run_id, b"line 3\n")
    worker.process.signal(signal.SIGTERM)
    worker.process.wait_for_log("Warm shutdown", 20)
    flag.touch()
    run = worker.wait_ended(run_id)
    assert run.state == "succeeded"
    assert worker.process.wait(30) == 0
    assert worker.output(run_id).count(b"\n") == run.number("line") - 1
    assert not [p for p in psutil.process_iter() if worker.hostname in " ".join(_command(p))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.pid != os.getpid() else []
    except psutil.NoSuchProcess:
        return []


CHILDREN_APP = """
import os, sys
from celery.signals import worker_process_init
from tests.support.capture_app import app

@worker_process_init.connect(weak=False)
def tell(**_):
    # Connected behind Runtail's, in a process that was forked a moment ago: what the main process had is `had`.
    names = sorted(name for name in set(sys.modules) - had if name.startswith("runtail"))
    os.write(2, f"imported in a child: {names}\\n".encode())

had = set()
os.register_at_fork(after_in_child=lambda: had.update(sys.modules))
"""


def test_a_process_of_the_pool_imports_nothing_of_runtail(tmp_path: Path, redis_url: str) -> None:
    """With one task a process, each task would pay for it, and Celery kills what does not begin within 4 s."""
    (tmp_path / "children_app.py").write_text(CHILDREN_APP)
    arguments = ["--concurrency=1", "--max-tasks-per-child=1"]
    environment: dict[str, str | None] = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with Worker(tmp_path, redis_url, app="children_app", arguments=arguments, environment=environment) as worker:
        worker.wait_ready()
        assert worker.do("t.printing")[0].state == "succeeded"
        assert worker.do("t.printing")[0].state == "succeeded"
        said = re.findall("imported in a child: (.*)", worker.process.output())
        assert len(said) >= 2
        assert set(said) == {"[]"}
