"""Where ``runtail.install`` records to, what it says of it, and a store that is none."""

import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery

from tests.support.celery_client import close_client
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for
from tests.support.worker import Worker

#: As with two lines in an app and nothing else.
NOTHING_SET: dict[str, str | None] = {"RUNTAIL_BROKER_URL": None, "RUNTAIL_STORE_URL": None}
MakeWorker = Callable[..., Worker]


@pytest.fixture
def make_worker(tmp_path: Path, redis_url: str) -> Iterator[MakeWorker]:
    workers: list[Worker] = []

    def make(*, app: str = "tests.support.script_app", conf: dict[str, Any] | None = None, **options: Any) -> Worker:
        environment = {**options.pop("environment", {}), "TEST_CONF": json.dumps(conf or {})}
        arguments = options.pop("arguments", ["--concurrency=1"])
        workers.append(Worker(tmp_path, redis_url, app=app, arguments=arguments, environment=environment, **options))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


def folders_in(directory: Path) -> dict[str, str]:
    """Options of kombu's transport over files: another kind of broker that needs no server."""
    messages = directory / "messages"
    messages.mkdir()
    return {name: str(messages) for name in ("data_folder_in", "data_folder_out", "control_folder")}


@pytest.mark.parametrize("pool", ["prefork", "solo"])
@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"broker_url": ["{url}", "redis://127.0.0.1:1/0"]},
        {"broker_url": "{url};redis://127.0.0.1:1/0"},
        {"broker_url": "redis://127.0.0.1:1/0", "broker_read_url": "{url}", "broker_write_url": "{url}"},
    ],
    ids=["plain", "list", "alternatives", "read-write"],
)
def test_the_apps_own_broker_is_the_store(make_worker: MakeWorker, redis_url: str, conf: Any, pool: str) -> None:
    conf = json.loads(json.dumps(conf).replace("{url}", redis_url))
    arguments = ["--concurrency=1", f"--pool={pool}"]
    worker = make_worker(conf=conf, environment=NOTHING_SET, arguments=arguments).wait_ready()
    run, output = worker.do("script", "print('here')")
    assert (run.state, output) == ("succeeded", b"here\n")
    line = worker.process.wait_for_log("Runtail records the output of tasks in", 10)
    assert f"{redis_url.rstrip('/')}" in line
    assert f"under {worker.prefix}*" in line


def test_a_prefix_of_the_brokers_keys_is_one_of_the_stores(make_worker: MakeWorker, redis_url: str) -> None:
    prefix = f"team-{time.monotonic_ns()}:"
    conf = {"broker_transport_options": {"global_keyprefix": prefix}}
    worker = make_worker(conf=conf, environment={**NOTHING_SET, "RUNTAIL_KEY_PREFIX": None}, acl=False)
    client = Celery("prefixed", broker=redis_url, set_as_current=False)
    client.conf.update(task_default_queue=worker.queue, **conf)
    try:
        worker.wait_ready()
        run_id = client.send_task("script", args=("print('here')",)).id
        key = f"{prefix}runtail:run:{run_id}"
        redis: Any = worker.store.client
        wait_for(lambda: redis.hget(key, "state") == b"succeeded", 30, worker.process.evidence)
    finally:
        client.close()
        worker.process.terminate()
        worker.process.wait(30)


def test_a_broker_that_cannot_keep_runs(make_worker: MakeWorker, redis_url: str, tmp_path: Path) -> None:
    folders = folders_in(tmp_path)
    conf = {"broker_url": "filesystem://", "broker_transport_options": folders}
    worker = make_worker(conf=conf, environment=NOTHING_SET).wait_ready()
    client = Celery("files", broker="filesystem://", backend=redis_url, set_as_current=False)
    client.conf.update(broker_transport_options=folders, task_default_queue=worker.queue)
    try:
        assert client.send_task("script", args=("print('ran'); result = 3",)).get(timeout=30) == 3
    finally:
        close_client(client)
    line = worker.process.wait_for_log("nothing is recorded", 10)
    assert line.endswith(
        "Runtail: nothing is recorded: the broker, filesystem, cannot keep runs; set RUNTAIL_STORE_URL to a Redis or "
        "Valkey server, such as redis://localhost:6379/0"
    )
    assert worker.process.output().count("nothing is recorded") == 1
    assert not [p for p in psutil.Process(worker.process.pid).children() if "worker/keeper" in " ".join(p.cmdline())]
    worker.process.wait_for_log("ran", 10)


def test_another_broker_with_a_store_of_its_own(make_worker: MakeWorker, redis_url: str, tmp_path: Path) -> None:
    folders = folders_in(tmp_path)
    conf = {"broker_url": "filesystem://", "broker_transport_options": folders}
    worker = make_worker(conf=conf, environment={"RUNTAIL_BROKER_URL": None}).wait_ready()
    client = Celery("files", broker="filesystem://", backend=redis_url, set_as_current=False)
    client.conf.update(broker_transport_options=folders, task_default_queue=worker.queue)
    try:
        run_id = client.send_task("script", args=("print('stored')",)).id
        assert worker.wait_ended(run_id).state == "succeeded"
        assert worker.output(run_id) == b"stored\n"
    finally:
        close_client(client)


def test_the_log_says_what_matters_and_no_password(make_worker: MakeWorker, redis_url: str) -> None:
    address = redis_url.removeprefix("redis://")
    worker = make_worker(
        store_url=f"redis://default:open-sesame@{address}",
        environment={"RUNTAIL_CR": "keep", "RUNTAIL_ECHO": "off", "RUNTAIL_QUOTA_BYTES": "5000000"},
    ).wait_ready()
    line = worker.process.wait_for_log("Runtail records the output of tasks in", 10)
    assert f"in redis://{address.rstrip('/')}" in line
    for changed in ("RUNTAIL_CR=keep", "RUNTAIL_ECHO=off", "RUNTAIL_QUOTA_BYTES=5000000"):
        assert changed in line
    assert "RUNTAIL_LEASE_SECONDS" not in line
    assert worker.do("script", "print('here')")[1] == b"here\n"
    assert "open-sesame" not in worker.process.output()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://127.0.0.1:many/0", "the store's URL redis://127.0.0.1:…/0 cannot be used"),
        ("redis://127.0.0.1:6379/0?no_such_option=1", "the store's URL redis://127.0.0.1:6379/0 cannot be used"),
        ("http://127.0.0.1/", "RUNTAIL_STORE_URL must name a Redis or Valkey server, not 'http' is none"),
    ],
)
def test_a_store_url_that_cannot_be_used_stops_the_worker(make_worker: MakeWorker, url: str, sentence: str) -> None:
    worker = make_worker(environment={"RUNTAIL_STORE_URL": url})
    assert worker.process.wait(60) != 0
    assert f"Runtail: {sentence}" in worker.process.output()
    assert "Traceback" not in worker.process.output()


@pytest.fixture(params=["web server", "silent port", "closed port", "talker"])
def no_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of something that is no store."""
    port = free_port()
    url = f"redis://:open-sesame@127.0.0.1:{port}/0"
    if request.param == "web server":
        with Process([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], tmp_path, name="web"):
            yield url
    elif request.param == "talker":
        talk = "import socket, sys\ns = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        talk += "while True: s.accept()[0].send(b'220 mail.example\\r\\n')"
        with Process([sys.executable, "-c", talk, str(port)], tmp_path, name="talker"):
            yield url
    elif request.param == "silent port":
        with socket.create_server(("127.0.0.1", port), backlog=100):
            yield url
    else:
        yield url


def test_what_is_no_store_is_said_once_and_costs_only_the_first_task_a_wait(
    make_worker: MakeWorker, no_store: str
) -> None:
    worker = make_worker(environment={"RUNTAIL_STORE_URL": no_store}).wait_ready()
    worker.process.wait_for_log("WARNING shipper runtail.worker.shipper.sender: the store", 20)
    shipper = worker.shipper()

    def seconds() -> float:
        began = time.monotonic()
        assert worker.client.AsyncResult(worker.send("script", "result = 1")).get(timeout=30) == 1
        return time.monotonic() - began

    # RUNTAIL_CLAIM_PATIENCE_SECONDS is 5, and the shipper may be in the middle of a call.
    assert seconds() < 15
    assert [took for took in (seconds() for _ in range(5)) if took > 2.5] == []
    output = worker.process.output()
    assert output.count("WARNING shipper runtail.worker.shipper.sender: the store") == 1
    assert "Traceback" not in output
    assert "open-sesame" not in output
    # The same process, which has hardly worked.
    assert worker.shipper().pid == shipper.pid
    assert sum(shipper.cpu_times()[:2]) < 2.0


def test_what_ran_while_the_store_was_away_is_recorded_later(make_worker: MakeWorker, own_redis_server: Any) -> None:
    own_redis_server.kill()
    # Nobody can make users on a store that is away.
    worker = make_worker(store_url=own_redis_server.url, acl=False).wait_ready()
    ids = [worker.send("script", f"print({number}); result = {number}") for number in range(4)]
    assert [worker.client.AsyncResult(run_id).get(timeout=30) for run_id in ids] == [0, 1, 2, 3]
    own_redis_server.start()
    for number, run_id in enumerate(ids):
        assert worker.wait_ended(run_id).state == "succeeded"
        assert worker.output(run_id) == b"%d\n" % number


@pytest.mark.parametrize("pool", ["prefork", "solo"])
@pytest.mark.parametrize("broken", ["settings", "keeper", "child"])
def test_a_failure_of_ours_is_seen_and_the_tasks_run(make_worker: MakeWorker, broken: str, pool: str) -> None:
    worker = make_worker(
        app="tests.support.broken_app",
        environment={"TEST_BROKEN": broken},
        arguments=["--concurrency=1", f"--pool={pool}"],
    ).wait_ready()
    run_id = worker.send("script", "print('ran'); result = 4")
    assert worker.client.AsyncResult(run_id).get(timeout=30) == 4
    worker.process.wait_for_log("run without being recorded", 10)
    worker.process.wait_for_log("RuntimeError: broken on purpose", 10)
    worker.process.wait_for_log("ran", 10)
    assert worker.find(run_id) is None
    worker.process.terminate()
    assert worker.process.wait(30) == 0


def test_service_links_are_no_settings(make_worker: MakeWorker) -> None:
    """What Kubernetes puts into every pod of a namespace with Services of these names."""
    links = {
        f"RUNTAIL_{name}_PORT": f"tcp://10.96.3.{number}:8000"
        for number, name in enumerate(("WEB", "SOCKET", "WORKER_ADMIN", "WEB_ADMIN", "SOCKET_ADMIN"))
    }
    worker = make_worker(environment={**links, "RUNTAIL_WEB_SERVICE_HOST": "10.96.3.0"}).wait_ready()
    assert worker.do("script", "print('here')")[1] == b"here\n"
    assert not re.search(r"RUNTAIL_\w+_PORT", worker.process.wait_for_log("Runtail records the output", 10))
