"""Sealed parameters through the whole product: what a task gets, and that nobody else sees it in clear anywhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from celery import Celery

import runtail
from runtail.protocol import RunState
from runtail.runs.record import Run, read_run
from runtail.settings import load_settings
from tests.support.command import Command
from tests.support.http_get import http_get
from tests.support.installation import Installation
from tests.support.leaks import commands, everything, leaks
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Follower
from tests.support.secrets_known import BY_DEFAULT
from tests.support.services import Service
from tests.support.waiting import wait_for


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


KEY, OLD_KEY, OTHER_KEY = (new_key() for _ in range(3))
TOKEN, PIN, DEEP = "T0k=n/with \"all' kinds", 271828, "deep-Hj5vY9"
#: What must stand nowhere in clear; the keys themselves neither.
VALUES = (TOKEN, str(PIN), DEEP, BY_DEFAULT, KEY)
KWARGS: dict[str, Any] = {
    "token": TOKEN,
    "pin": PIN,
    "options": {"deep": [DEEP, True, 7]},
    "note": f"written with {DEEP}, pin {PIN}",
    "end": "exit",
}
SHOWN = {"token": "***", "pin": "***", "options": "***", "note": "written with ***, pin ***", "end": "exit"}
#: What a task says of them at its end.
BYE = "bye *** *** *** True 7 ***"


class Sealing(Installation):
    """Web, relay and one worker that have the key, and everything that their server is told.

    The worker logs what it can, and publishes Celery's events.
    """

    def __init__(self, directory: Path, redis_url: str, **settings: Any) -> None:
        ours = {"seal_keys": KEY, "vanished_seconds": 3.0, "echo": True}
        super().__init__(
            directory, redis_url, app="tests.support.secret_app", services=("web", "socket"), **{**ours, **settings}
        )

    def __enter__(self) -> Sealing:
        super().__enter__()
        self.worker = self.add(name="worker", concurrency=2, arguments=["--loglevel=DEBUG", "--task-events"])
        self.worker.wait_ready()
        self.wait_published("s.gives_away")
        return self


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sealing, bytearray]]:
    """The product with keys, and every command that its server gets."""
    directory = tmp_path_factory.mktemp("sealed")
    with (
        RedisServer(directory / "redis") as server,
        commands(server.url) as told,
        Sealing(directory, server.url) as made,
    ):
        yield made, told


@contextlib.contextmanager
def producer(stack: Installation) -> Iterator[Celery]:
    """A program of one's own that starts tasks."""
    with Celery(broker=stack.settings["broker_url"], set_as_current=False) as app:
        runtail.install(app, load_settings({}, **stack.settings))
        yield app


def by_api(stack: Sealing, _directory: Path) -> str:
    return stack.start("s.gives_away", KWARGS)


def by_command(stack: Sealing, directory: Path) -> str:
    file = directory / "token"
    file.write_text(TOKEN)
    words = [f"{k}={v}" if isinstance(v, str | int) else f"{k}:={json.dumps(v)}" for k, v in KWARGS.items()]
    command = Command(directory, stack.web.url, "start", "s.gives_away", f"token=@{file}", *words[1:], "--follow")
    assert command.wait() == 1, command.err
    assert leaks(command.out + command.err.encode(), VALUES) == []
    file.unlink()
    return command.err.split()[1]


def by_retrying_over_the_api(stack: Sealing, directory: Path) -> str:
    first = by_api(stack, directory)
    stack.wait_ended(first)
    answer = httpx.post(f"{stack.web.url}/api/v1/runs/{first}/retry", json={}, timeout=30)
    assert answer.status_code == 202, answer.text
    assert leaks(answer.text, VALUES) == []
    return str(answer.json()["id"])


def by_retrying_at_the_command_line(stack: Sealing, directory: Path) -> str:
    first = by_api(stack, directory)
    stack.wait_ended(first)
    command = Command(directory, stack.web.url, "retry", first)
    assert command.wait() == 0, command.err
    return command.out.decode().strip()


def with_a_retry_of_celerys(stack: Sealing, _directory: Path) -> str:
    return stack.start("s.gives_away", {**KWARGS, "end": "again"})


def by_a_producer(stack: Sealing, _directory: Path) -> str:
    with producer(stack) as app:
        kwargs = {name: runtail.seal(app, KWARGS[name]) for name in ("token", "pin", "options", "note")}
        return str(app.send_task("s.gives_away", kwargs={**kwargs, "end": "exit"}).id)


def by_a_producer_by_position(stack: Sealing, _directory: Path) -> str:
    with producer(stack) as app:
        args = [runtail.seal(app, TOKEN), runtail.seal(app, PIN)]
        kwargs = {"options": runtail.seal(app, KWARGS["options"]), "end": "again"}
        return str(app.send_task("s.gives_away", args=args, kwargs=kwargs).id)


WAYS = [
    by_api, by_command, by_retrying_over_the_api, by_retrying_at_the_command_line, with_a_retry_of_celerys,
    by_a_producer, by_a_producer_by_position,
]  # fmt: skip


@pytest.mark.parametrize("start", WAYS)
def test_a_sealed_parameter_is_in_clear_nowhere(
    stack: tuple[Sealing, bytearray], tmp_path: Path, start: Callable[[Sealing, Path], str]
) -> None:
    """Every place that a value could show in: server, broker and events by every command that they get."""
    product, told = stack
    watcher = Client(product.relay.url).join()
    watcher.emit("subscribe", {"v": 1, "runs": True})
    run_id = start(product, tmp_path)
    wait_for(lambda: product.get(f"/api/v1/runs/{run_id}").status_code == 200, 30)
    follower = Follower(run_id)
    follower.connect(product.relay.url)
    follower.until_end(60)
    run = product.wait_ended(run_id)
    # The task got the very values, and gave them away in every way that it knows.
    assert run.text("why") == BYE, product.evidence()
    if start is not by_a_producer_by_position:
        shown = run.json("kwargs")
        assert {name: shown[name] for name in ("token", "pin", "options")} == dict.fromkeys(
            ("token", "pin", "options"), "***"
        )
    said: dict[str, str | bytes] = {
        path: product.get(path).content
        for path in (
            f"/api/v1/runs/{run_id}", "/api/v1/runs", f"/api/v1/runs/{run_id}/log", f"/api/v1/runs/{run_id}/log.txt",
            f"/api/v1/runs/{run_id}/outline", f"/runs/{run_id}/text", f"/runs/{run_id}", "/", "/api/v1/tasks",
            "/api/v1/workers", "/api/v1/config", "/api/v1/audit",
        )
    }  # fmt: skip
    said |= {
        "lines": b"\n".join(follower.lines),
        "record and end": orjson.dumps([follower.record, follower.ended]),
        "events of the list": orjson.dumps(watcher.waiting),
        "the worker's log": product.worker.process.output(),
        "web's log": product.web.process.output(),
        "the relay's log": product.relay.process.output(),
    }
    for name, port in (("web", product.web.admin_port), ("relay", product.relay.admin_port)):
        said[f"metrics of {name}"] = http_get(f"http://127.0.0.1:{port}/metrics")[1]
    said["metrics of the worker"] = product.worker.get("/metrics")[1]
    for arguments in (("follow", run_id), ("follow", run_id, "--json"), ("runs",), ("runs", "--json"), ("tasks",)):
        command = Command(tmp_path, product.web.url, *arguments)
        command.wait()
        said[" ".join(arguments)] = command.out + command.err.encode()
    said |= {key.decode(): held for key, held in everything(product.store.client)}
    said["commands"] = bytes(told)
    assert {place: found for place, text in said.items() if (found := leaks(text, VALUES))} == {}
    # No reader is handed the sealed form either.
    for place in ("/api/v1/runs", f"/api/v1/runs/{run_id}", "record and end", "events of the list", "runs --json"):
        assert b"gAAAA" not in (said[place] if isinstance(said[place], bytes) else str(said[place]).encode()), place
    watcher.close()
    follower.close()


def test_the_tap_sees_the_message_wherever_celery_puts_it(stack: tuple[Sealing, bytearray]) -> None:
    """What the test above relies on: a plain message, which has its values in clear, is found."""
    product, told = stack
    before = len(told)
    assert product.send("s.gives_away", token="a-plain-token-1", end="exit")
    wait_for(lambda: b"unacked" in told[before:] and b"celeryev/task" in told[before:], 60)
    assert leaks(bytes(told[before:]), ["a-plain-token-1"]) == ["a-plain-token-1"]


def message_of(stack: Installation, run_id: str) -> dict[str, Any]:
    """The parameters in the message of a run that waits."""
    [message] = [
        one for one in map(json.loads, stack.store.client.lrange(stack.queue, 0, -1)) if one["headers"]["id"] == run_id
    ]
    assert leaks(json.dumps(message["headers"]), VALUES) == []
    return dict(json.loads(base64.b64decode(message["body"]))[1])


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Installation]:
    """A web service with keys, whose workers are the test's."""
    with (
        RedisServer(tmp_path / "redis") as server,
        Installation(
            tmp_path, server.url, app="tests.support.secret_naps", services=("web",),
            seal_keys=f"{KEY},{OLD_KEY}", vanished_seconds=2.0, lease_seconds=4.0, beat_seconds=1.0,
        ) as made,
    ):  # fmt: skip
        yield made


def worker(product: Installation, keys: str | None, name: str = "") -> Any:
    environment: dict[str, str | None] = {"RUNTAIL_SEAL_KEYS": keys}
    made = product.add(name=name, environment=environment).wait_ready()
    product.wait_published("n.naps")
    return made


def sealed_in_catalogue(product: Installation) -> bool:
    [task] = [one for one in product.get("/api/v1/tasks").json()["tasks"] if one["name"] == "n.naps"]
    assert "seal_keys" not in task
    return bool(task["sealed"])


def naps(product: Installation, seconds: float = 0.0) -> str:
    return product.start("n.naps", {"token": TOKEN, "seconds": seconds})


def test_it_is_sealed_with_a_key_that_every_worker_has(product: Installation) -> None:
    """In whichever order keys are changed, and wherever one has none, nobody gets what he cannot open."""
    first = worker(product, OLD_KEY, "first")
    assert sealed_in_catalogue(product)
    product.wait_ended(naps(product))
    # One that has no key comes: what it could not open is not sealed.
    second = worker(product, None, "second")
    wait_for(lambda: not sealed_in_catalogue(product), 30)
    second.process.terminate(30)
    wait_for(lambda: sealed_in_catalogue(product), 60)
    first.process.terminate(30)
    # While nobody is there, it is the last that was there that counts.
    run_id = naps(product)
    sealed = message_of(product, run_id)
    assert sealed.keys() == {"token", "seconds"}
    assert list(sealed["token"]) == ["runtail.sealed"]
    assert read_run(product.store, run_id).json("sealed")["values"] == {"token": sealed["token"]}
    # What waits is opened by one that has the newer key, too.
    worker(product, f"{KEY},{OLD_KEY}", "third")
    assert product.wait_ended(run_id).state is RunState.SUCCEEDED


def test_a_worker_without_the_key_fails_the_run_and_says_so(product: Installation) -> None:
    there = worker(product, KEY, "there")
    there.process.terminate(30)
    for keys, sentence in ((None, "is not set here"), (OTHER_KEY, "no key of RUNTAIL_SEAL_KEYS here opens it")):
        run_id = naps(product)
        other = worker(product, keys, f"other-{bool(keys)}")
        run = product.wait_ended(run_id)
        assert run.state is RunState.FAILED
        assert "the parameter 'token' is sealed, and" in run.text("why")
        assert sentence in run.text("why")
        assert "RUNTAIL_SEAL_KEYS" in run.text("why")
        output = product.output(run_id)
        assert b"good night" not in output
        assert b"ExecutionRefused: the parameter 'token' is sealed" in output
        said = product.get(f"/api/v1/runs/{run_id}/log.txt").content + other.process.output().encode()
        assert leaks(said, [*VALUES, OTHER_KEY]) == []
        other.process.terminate(30)
        worker(product, KEY, f"again-{bool(keys)}").process.terminate(30)


def test_a_run_whose_worker_is_lost_is_restarted_with_its_secrets(product: Installation) -> None:
    first = worker(product, KEY, "first")
    run_id = naps(product, 600)
    product.wait_running(run_id)
    first.kill()
    second = worker(product, KEY, "second")
    product.wait([run_id], lambda run: run.number("attempt") == 2 and run.state is RunState.RUNNING)
    # Shut down in order it is put back, too.
    os.kill(second.process.pid, signal.SIGQUIT)
    product.wait([run_id], lambda run: run.state is RunState.QUEUED)
    second.process.terminate(30)
    assert list(message_of_when_there(product, run_id)["token"]) == ["runtail.sealed"]
    worker(product, KEY, "third")
    product.wait([run_id], lambda run: run.number("attempt") == 3 and run.state is RunState.RUNNING)
    assert httpx.post(f"{product.web.url}/api/v1/runs/{run_id}/cancel", json={}, timeout=30).is_success


def message_of_when_there(product: Installation, run_id: str) -> dict[str, Any]:
    wait_for(lambda: product.store.client.llen(product.queue), 60)
    return message_of(product, run_id)


def test_a_message_that_vanished_is_published_again_unless_nobody_could_open_it(product: Installation) -> None:
    worker(product, KEY, "first").process.terminate(30)
    run_id = naps(product)
    before = message_of(product, run_id)
    product.store.client.delete(product.queue)
    assert message_of_when_there(product, run_id) == before
    worker(product, KEY, "second").process.terminate(30)
    assert product.wait_ended(run_id).state is RunState.SUCCEEDED
    lost = naps(product)
    # As one publishes that has no key.
    tasks = product.store.keys.tasks()
    found: Any = product.store.client.hget(tasks, "n.naps")
    entry = orjson.loads(found)
    product.store.client.hset(tasks, "n.naps", orjson.dumps({**entry, "seal_keys": []}))
    product.store.client.delete(product.queue)
    run = product.wait_ended(lost)
    assert run.state is RunState.LOST
    assert run.text("why").endswith(
        "cannot be published again: no worker of its task has the key of its secret parameters (RUNTAIL_SEAL_KEYS)"
    )
    # Nor is it started again with its values in clear.
    answer = httpx.post(f"{product.web.url}/api/v1/runs/{run_id}/retry", json={}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (409, "parameters")


def test_without_a_key_of_its_own_web_starts_nothing_again(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        settings: dict[str, Any] = {"app": "tests.support.secret_naps", "services": ("web",), "key_prefix": "runtail:"}
        with Installation(tmp_path, server.url, seal_keys=KEY, **settings) as made:
            worker(made, KEY)
            run_id = naps(made)
            made.wait_ended(run_id)
        with Installation(tmp_path, server.url, seal_keys=OTHER_KEY, **settings) as made:
            answer = httpx.post(f"{made.web.url}/api/v1/runs/{run_id}/retry", json={}, timeout=30)
    assert answer.status_code == 409
    assert "the parameter 'token' is sealed, and no key of RUNTAIL_SEAL_KEYS here opens it" in answer.json()["detail"]


@pytest.mark.parametrize("capture", ["on", "off"])
@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_task_that_is_not_recorded_gets_its_values_as_well(tmp_path: Path, capture: str, pool: str) -> None:
    with (
        RedisServer(tmp_path / "redis") as server,
        Installation(tmp_path, server.url, app="tests.support.secret_app", seal_keys=KEY) as made,
    ):
        member = made.add(
            concurrency=1, arguments=[f"--pool={pool}"], environment={"RUNTAIL_CAPTURE": capture}
        ).wait_ready()
        with producer(made) as app:
            sealed = runtail.seal(app, TOKEN)
            for options in ({"args": [sealed]}, {"kwargs": {"token": sealed}}):
                app.send_task("s.takes", **options)
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        wait_for(lambda: member.process.output().count(f"took {digest}") == 2, 60, member.process.evidence)
        # Celery itself knows the sealed values only: it stores them with results, and publishes them at a retry.
        requests = re.findall(r"took \w+ (.*)", member.process.output())
        assert [json.loads(one) for one in requests] == [[[sealed], {}], [[], {"token": sealed}]]


def test_a_worker_refuses_to_start_with_a_key_that_is_none(tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path / "redis") as server,
        Installation(tmp_path, server.url, app="tests.support.secret_naps", seal_keys="not-a-key") as made,
    ):
        member = made.add()
        wait_for(lambda: not member.process.is_running(), 60, member.process.evidence)
        assert "Runtail: RUNTAIL_SEAL_KEYS: key 1 is not 32 random bytes" in member.process.output()
        assert "not-a-key" not in member.process.output()


def test_web_refuses_to_start_with_a_key_that_is_none(tmp_path: Path, redis_url: str) -> None:
    service = Service("web", tmp_path, {"store_url": redis_url, "broker_url": redis_url, "seal_keys": "not-a-key"})
    service.launch()
    wait_for(lambda: not service.process.is_running(), 60, service.process.evidence)
    assert "RUNTAIL_SEAL_KEYS: key 1 is not 32 random bytes" in service.process.output()
    assert "not-a-key" not in service.process.output()


def test_the_environment_of_a_worker_shows_no_key(tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path / "redis") as server,
        Installation(
            tmp_path, server.url, app="tests.support.secret_app", seal_keys=f"{KEY},{OLD_KEY}", mask_env=""
        ) as made,
    ):
        made.add().wait_ready()
        run: Run = made.wait_ended(made.send("s.environment", ["RUNTAIL_SEAL_KEYS"]))
        assert b"RUNTAIL_SEAL_KEYS=***,***\n" in made.output(run.id)
        assert leaks(made.output(run.id), [KEY, OLD_KEY]) == []
