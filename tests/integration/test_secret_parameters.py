"""Secret parameters through the whole product: every way to start a run, every place where one shows."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from celery import Celery

from runtail.protocol import RunState
from runtail.runs.record import read_run
from runtail.settings import load_settings
from runtail_web.publisher import TaskPublisher, make_producer
from tests.support.command import PROGRAM, Command
from tests.support.leaks import everything
from tests.support.leaks import leaks as found_in
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Follower, make_store
from tests.support.secrets_known import BY_DEFAULT, SCHEDULED
from tests.support.stack import Stack
from tests.support.waiting import wait_for

APP = "tests.support.secret_app"
TOKEN, PIN, DEEP = "T0k=n/with \"all' kinds", 271828, "deep-Hj5vY9"
#: What must stand nowhere; PIN as any text shows it.
VALUES = (TOKEN, str(PIN), DEEP, BY_DEFAULT, SCHEDULED["token"])
KWARGS: dict[str, Any] = {
    "token": TOKEN,
    "pin": PIN,
    "options": {"deep": [DEEP, True, 7]},
    "note": f"written with {DEEP}, pin {PIN}",
    "end": "exit",
}
SHOWN = {"token": "***", "pin": "***", "options": "***", "note": "written with ***, pin ***", "end": "exit"}


def leaks(text: str | bytes) -> list[str]:
    """The values that stand in a text."""
    return found_in(text, VALUES)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with tasks that give their secrets away."""
    directory = tmp_path_factory.mktemp("secrets")
    with RedisServer(directory / "redis") as server:
        made = Stack(directory, server.url, app=APP, vanished_seconds=3.0)
        made.web.configure(socket_url=made.relay.url)
        with made:
            yield made


def by_api(stack: Stack, _directory: Path) -> str:
    return stack.start("s.gives_away", KWARGS)


def by_command(stack: Stack, directory: Path) -> str:
    words = [f"{k}={v}" if isinstance(v, str | int) else f"{k}:={json.dumps(v)}" for k, v in KWARGS.items()]
    command = Command(directory, stack.web.url, "start", "s.gives_away", *words, "--follow")
    assert command.wait() == 1, command.err
    assert leaks(command.out + command.err.encode()) == []
    return command.err.split()[1]


def by_delay(stack: Stack, _directory: Path) -> str:
    with Celery(broker=stack.settings["broker_url"], set_as_current=False) as client:
        return str(client.send_task("s.gives_away", kwargs=KWARGS).id)


def by_position(stack: Stack, _directory: Path) -> str:
    with Celery(broker=stack.settings["broker_url"], set_as_current=False) as client:
        return str(client.send_task("s.gives_away", args=[TOKEN, PIN], kwargs={"note": f"pin {PIN}"}).id)


def by_a_wrong_call(stack: Stack, _directory: Path) -> str:
    with Celery(broker=stack.settings["broker_url"], set_as_current=False) as client:
        return str(client.send_task("s.gives_away", args=[TOKEN, PIN], kwargs={"tokne": TOKEN}).id)


def with_a_retry(stack: Stack, _directory: Path) -> str:
    return stack.start("s.gives_away", {**KWARGS, "end": "retry"})


@pytest.mark.parametrize("start", [by_api, by_command, by_delay, by_position, by_a_wrong_call, with_a_retry])
def test_a_secret_parameter_stands_nowhere(stack: Stack, tmp_path: Path, start: Any) -> None:
    watcher = Client(stack.relay.url).join()
    watcher.emit("subscribe", {"v": 1, "runs": True})
    run_id = start(stack, tmp_path)
    wait_for(lambda: stack.get(f"/api/v1/runs/{run_id}").status_code == 200, 30)
    follower = Follower(run_id)
    follower.connect(stack.relay.url)
    follower.until_end(60)
    run = stack.wait_ended(run_id)
    if start in (by_api, by_command, by_delay):
        assert run.json("kwargs") == SHOWN
    said = [
        *(stack.get(path).content for path in (
            f"/api/v1/runs/{run_id}", "/api/v1/runs", f"/api/v1/runs/{run_id}/log", f"/api/v1/runs/{run_id}/log.txt",
            f"/api/v1/runs/{run_id}/outline", f"/runs/{run_id}/text", f"/runs/{run_id}", "/", "/api/v1/tasks",
        )),
        b"\n".join(follower.lines),
        orjson.dumps([follower.record, follower.ended]),
        orjson.dumps(watcher.waiting),
        stack.worker.output().encode(),
        stack.web.process.output().encode(),
        stack.relay.process.output().encode(),
    ]  # fmt: skip
    for arguments in (("follow", run_id), ("follow", run_id, "--json"), ("runs",), ("runs", "--json"), ("tasks",)):
        command = Command(tmp_path, stack.web.url, *arguments)
        command.wait()
        said.append(command.out + command.err.encode())
    for text in said:
        assert leaks(text) == [], text
    assert {key: found for key, held in everything(stack.store.client) if (found := leaks(held))} == {}
    watcher.close()
    follower.close()


def test_a_run_by_beat_is_no_exception(stack: Stack, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "celery", "--app", APP, "beat", "--loglevel", "INFO"]
    environment: dict[str, str | None] = {
        "RUNTAIL_BROKER_URL": stack.settings["broker_url"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TEST_BEAT_FILE": str(tmp_path / "schedule"),
    }
    before = {run["id"] for run in stack.get("/api/v1/runs").json()["runs"]}
    with Process(command, tmp_path, environment=environment):
        found = wait_for(
            lambda: [run["id"] for run in stack.get("/api/v1/runs").json()["runs"] if run["id"] not in before], 60
        )
    run = stack.wait_ended(found[0])
    assert run.json("kwargs") == {"token": "***", "end": "exit"}
    assert leaks(stack.output(run.id) + stack.worker.output().encode() + repr(run.fields).encode()) == []


def test_the_message_has_the_value_and_what_shows_of_it_has_not(stack: Stack) -> None:
    producer = make_producer(load_settings({}, **stack.settings))
    publish = TaskPublisher(stack.store, producer)
    publish("some-run", "s.gives_away", KWARGS, "a-queue-of-nobody", {})
    [message] = stack.store.client.lrange("a-queue-of-nobody", 0, -1)
    stack.store.client.delete("a-queue-of-nobody")
    headers = json.loads(message)["headers"]
    assert headers["kwargsrepr"] == repr(SHOWN)
    assert leaks(json.dumps(headers)) == []
    assert json.loads(base64.b64decode(json.loads(message)["body"]))[1] == KWARGS


def test_the_catalogue_has_no_values_and_a_wrong_one_is_not_repeated(stack: Stack, tmp_path: Path) -> None:
    [task] = [one for one in stack.get("/api/v1/tasks").json()["tasks"] if one["name"] == "s.gives_away"]
    assert task["secrets"] == ["options", "pin", "token", "words"]
    for name in task["secrets"]:
        rule = task["schema"]["properties"][name]
        assert (rule["writeOnly"], rule["format"]) == (True, "password")
        assert not rule.keys() & {"default", "enum", "examples"}
    wrong = httpx.post(
        f"{stack.web.url}/api/v1/runs", json={"task": "s.gives_away", "kwargs": {"token": TOKEN, "pin": TOKEN}}
    )
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [{"field": "pin", "message": "does not fit: type"}]
    assert leaks(wrong.text) == []
    command = Command(tmp_path, stack.web.url, "start", "s.gives_away", f"token={TOKEN}", f"pin={TOKEN}")
    assert command.wait() == 2
    assert "pin: *** is not a whole number" in command.err
    command = Command(tmp_path, stack.web.url, "start", "s.gives_away", f"options:={TOKEN}")
    assert command.wait() == 2
    assert leaks(command.err) == []


def test_the_command_line_takes_secrets_out_of_files_and_from_a_terminal(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    environment = {**os.environ, "RUNTAIL_URL": stack.web.url}
    start = [str(PROGRAM), "start", "s.gives_away", "end=exit"]
    for given, value in ((f"token=@{file}", b""), ("token=@-", TOKEN.encode() + b"\n")):
        found = subprocess.run(
            [*start, given], env=environment, input=value, capture_output=True, check=True, timeout=60
        )
        run = stack.wait_ended(found.stdout.decode().strip())
        # The task was given that very value: it gave it away, and nobody sees it.
        assert run.text("why") == "bye *** 0 ***"
    missing = Command(tmp_path, stack.web.url, "start", "s.gives_away", f"token=@{file}.not")
    assert missing.wait() == 2
    assert "token: the file " in missing.err
    ours, theirs = pty.openpty()
    with subprocess.Popen(start, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as popen:
        os.close(theirs)
        shown = b""
        while b"token:" not in shown:
            shown += os.read(ours, 1_000)
        os.write(ours, TOKEN.encode() + b"\n")
        out, _ = popen.communicate(timeout=60)
    assert popen.returncode == 0
    assert stack.wait_ended(out.decode().strip()).text("why") == "bye *** 0 ***"
    with contextlib.suppress(OSError):
        shown += os.read(ours, 1_000)
    os.close(ours)
    assert leaks(shown) == []


def test_the_same_key_starts_the_same_run_whatever_the_secret_is(stack: Stack) -> None:
    def post(**kwargs: Any) -> httpx.Response:
        body = {"task": "s.gives_away", "kwargs": kwargs}
        return httpx.post(f"{stack.web.url}/api/v1/runs", json=body, headers={"Idempotency-Key": "one-key"})

    first = post(token=TOKEN, note=f"with {TOKEN}", end="exit")
    again = post(token="another-value", note="with another-value", end="exit")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    # That there is one, and everything else, still counts.
    assert post(token=TOKEN, note="another note", end="exit").status_code == 422
    stack.wait_ended(first.json()["id"])


def test_a_run_with_secrets_is_started_again_by_nobody(stack: Stack, tmp_path: Path) -> None:
    run_id = stack.start("s.gives_away", KWARGS)
    stack.wait_ended(run_id)
    answer = httpx.post(f"{stack.web.url}/api/v1/runs/{run_id}/retry", json={})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:runtail:problem:parameters")
    command = Command(tmp_path, stack.web.url, "retry", run_id)
    assert command.wait() == 123
    assert "the values of its secret parameters are not kept" in command.err
    # Without a secret given there is nothing to keep.
    plain = stack.start("s.announces", {"secrets": 1, "seed": "x"})
    stack.wait_ended(plain)
    assert httpx.post(f"{stack.web.url}/api/v1/runs/{plain}/retry", json={}).status_code == 202


def test_a_worker_that_is_shut_down_does_not_put_a_run_with_secrets_back(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        stack = Stack(tmp_path, server.url, app="tests.support.secret_naps", services=("web",), vanished_seconds=2.0)
        with stack:
            secret = stack.start("n.naps", {"token": TOKEN, "seconds": 60})
            plain = stack.start("n.naps", {"seconds": 60})
            for run_id in (secret, plain):
                stack.wait_for_state(run_id, RunState.RUNNING)
            os.kill(stack.worker.pid, signal.SIGQUIT)
            run = stack.wait_ended(secret)
            assert run.state is RunState.LOST
            assert run.text("why").endswith("not restarted: the values of its secret parameters are not kept")
            stack.restart_worker()
            wait_for(lambda: read_run(stack.store, plain).number("attempt") == 2, 60, stack.worker.evidence)
            assert read_run(stack.store, secret).number("attempt") == 1
            os.kill(stack.worker.pid, signal.SIGQUIT)


def test_what_a_worker_saw_hidden_is_marked(redis_url: str, key_prefix: str) -> None:
    from runtail.runs.claim import Claimed, Delivery, claim

    store = make_store(redis_url, key_prefix)
    for hidden in (True, False):
        delivery = Delivery(f"r-{hidden}", "t", "w", kwargs={"note": "as *** said"}, hidden=hidden)
        assert isinstance(claim(store, delivery, owner="o", token="t"), Claimed)
        assert read_run(store, f"r-{hidden}").number("hidden") == int(hidden)
    store.client.close()
