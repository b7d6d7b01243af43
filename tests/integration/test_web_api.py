"""The JSON API of a real web process: start, list, read, cancel, delete, and every kind of bad input."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from runtail.protocol import RunState
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.redis_server import RedisServer
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.services import Service
from tests.support.waiting import wait_for

TASK = {
    "name": "tests.echo",
    "doc": "Prints what it is told.",
    "schema": {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "times": {"type": "integer", "minimum": 1, "default": 1},
        },
        "required": ["text"],
        "additionalProperties": False,
    },
    "queue": "web-tests",
    "serializer": "json",
    "exclusive": False,
    "restart": False,
    "max_attempts": 3,
    "acks_late": False,
}


@pytest.fixture
def queue(key_prefix: str) -> str:
    """A queue of this test's own."""
    return f"{key_prefix}queue"


@pytest.fixture
def store(redis_url: str, key_prefix: str, queue: str) -> Store:
    """A store with two tasks in the catalogue."""
    made = make_store(redis_url, key_prefix)
    for entry in ({**TASK, "queue": queue}, {**TASK, "name": "tests.alone", "queue": queue, "exclusive": True}):
        made.client.hset(made.keys.tasks(), str(entry["name"]), orjson.dumps(entry))
    return made


@pytest.fixture
def web(redis_url: str, key_prefix: str, tmp_path: Path, store: Store) -> Iterator[Service]:
    """A running web service."""
    settings = {
        "broker_url": redis_url,
        "key_prefix": key_prefix,
        "web_threads": 4,
        "allowed_origins": "http://docs.test",
    }
    with Service("web", tmp_path, settings) as service:
        yield service


@pytest.fixture
def api(web: Service) -> Iterator[httpx.Client]:
    """A client of its API."""
    with httpx.Client(base_url=f"{web.url}/api/v1", timeout=20) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Check that an answer is a problem document and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"], "it must say what to do next"
    return body


def test_tasks_and_workers_are_listed(api: httpx.Client, store: Store) -> None:
    assert [task["name"] for task in api.get("/tasks").json()["tasks"]] == ["tests.alone", "tests.echo"]
    assert api.get("/workers").json() == {"workers": []}
    worker = {"v": 1, "name": "w@1", "queues": ["q"]}
    store.client.set(store.keys.worker("w@1"), orjson.dumps(worker), ex=30)
    store.client.zadd(store.keys.workers(), {"w@1": time.time() * 1000})
    assert api.get("/workers").json() == {"workers": [worker]}


def test_a_started_run_is_recorded_and_published(api: httpx.Client, store: Store, queue: str) -> None:
    answer = api.post("/runs", json={"task": "tests.echo", "kwargs": {"text": "hé"}})
    assert answer.status_code == 202
    run = answer.json()
    assert answer.headers["location"] == f"/api/v1/runs/{run['id']}"
    assert run["state"] == "queued"
    assert run["why"] == f"waiting: no worker listens to queue {queue}"
    assert api.get(f"/runs/{run['id']}").json()["kwargs"] == {"text": "hé"}

    message = json.loads(store.client.lrange(queue, 0, -1)[0])
    assert message["headers"]["id"] == run["id"]
    assert message["headers"]["task"] == "tests.echo"
    assert message["headers"]["runtail"] == {
        "v": 1,
        "run": run["id"],
        "attempt": 1,
        "store": store.uuid(),
        "execution": 1,
    }
    assert read_run(store, run["id"]).text("published") == "1"


def test_a_caller_may_choose_the_id(api: httpx.Client) -> None:
    body = {"task": "tests.echo", "kwargs": {"text": "a"}, "run_id": "build-7"}
    assert api.post("/runs", json=body).json()["id"] == "build-7"
    assert problem(api.post("/runs", json=body), 409)["code"] == "taken"
    assert problem(api.post("/runs", json={**body, "run_id": "a/b"}), 422)["errors"][0]["field"] == "run_id"


def test_an_id_that_has_to_be_escaped_is_found(api: httpx.Client, store: Store) -> None:
    run_id = "nightly: 50% of #7? \\ ü;&=+%2F"
    writer = open_run(store, run_id)
    write_lines(writer, 1, 3)
    path = f"/runs/{quote(run_id, safe='')}"
    assert api.get(path).json()["id"] == run_id
    for rest in ("/log", "/log.txt", "/outline", "/log/search?q=line"):
        assert api.get(path + rest).status_code == 200, rest
    assert [run["id"] for run in api.get("/runs").json()["runs"]] == [run_id]
    assert api.post(f"{path}/cancel").status_code == 202
    finish(writer, RunState.CANCELLED, "cancelled")
    assert problem(api.post(f"{path}/retry"), 404)["code"] == "unknown-task"
    assert api.delete(path).status_code == 204


def test_a_task_that_is_not_recorded_cannot_be_started_here(api: httpx.Client, store: Store) -> None:
    store.client.hset(store.keys.unrecorded(), "metrics.ping", "RUNTAIL_TASKS leaves it out")
    body = problem(api.post("/runs", json={"task": "metrics.ping", "kwargs": {}}), 409)
    assert (body["code"], body["task"]) == ("not-recorded", "metrics.ping")
    assert "RUNTAIL_TASKS leaves it out" in body["detail"]
    assert [run["id"] for run in api.get("/runs").json()["runs"]] == []
    assert "metrics.ping" not in [task["name"] for task in api.get("/tasks").json()["tasks"]]


def test_a_repeated_request_starts_one_run(api: httpx.Client, store: Store, queue: str) -> None:
    body = {"task": "tests.echo", "kwargs": {"text": "once"}}
    headers = {"Idempotency-Key": "key-1"}
    first, second = (api.post("/runs", json=body, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert store.client.llen(queue) == 1
    other = api.post("/runs", json={"task": "tests.echo", "kwargs": {"text": "other"}}, headers=headers)
    assert problem(other, 422)["code"] == "idempotency"


def test_an_exclusive_task_is_refused_with_the_tutorials_sentence(api: httpx.Client) -> None:
    body = {"task": "tests.alone", "kwargs": {"text": "a"}}
    holder = api.post("/runs", json=body).json()["id"]
    refusal = problem(api.post("/runs", json=body), 409)
    assert refusal["title"] == "Task is already running"
    assert refusal["run"] == holder
    assert refusal["run_page"] == f"/runs/{holder}"
    api.post(f"/runs/{holder}/cancel")
    assert api.post("/runs", json=body).status_code == 202


@pytest.mark.parametrize(
    ("kwargs", "field"),
    [
        ({}, "text"),
        ({"text": 1}, "text"),
        ({"text": "a", "times": 0}, "times"),
        ({"text": "a", "times": "many"}, "times"),
        ({"text": "a", "times": 2.0}, "times"),
        ({"text": "a", "times": 1e20}, "times"),
        ({"text": "a", "times": True}, "times"),
        ({"text": "a", "tmies": 2}, "tmies"),
    ],
)
def test_wrong_parameters_are_named(api: httpx.Client, store: Store, kwargs: dict[str, Any], field: str) -> None:
    body = problem(api.post("/runs", json={"task": "tests.echo", "kwargs": kwargs}), 422)
    assert [error["field"] for error in body["errors"]] == [field]
    assert store.client.zcard(store.keys.runs()) == 0


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b'{"task"', JSON, 400),
        (b'{"task": NaN}', JSON, 400),
        (b'{"task": "\xff"}', JSON, 400),
        (b"", JSON, 400),
        (b"[]", JSON, 422),
        (b'{"task": "tests.echo", "more": 1}', JSON, 422),
        # Larger ones would be something else when they arrive.
        (b'{"task": "tests.echo", "kwargs": {"text": "a", "times": 18446744073709551616}}', JSON, 422),
        (b'{"task": "tests.echo", "kwargs": {"text": "a", "times": -9223372036854775809}}', JSON, 422),
        (b'{"task": "tests.echo", "kwargs": {"text": "a", "times": %s}}' % (b"9" * 5000), JSON, 422),
        (b'{"task": "tests.echo", "kwargs": {"text": ["a", {"b": [100000000000000000000 ]}]}}', JSON, 422),
        (b'{"task": "nope"}', JSON, 404),
        (b'{"task": "tests.echo"}', {"Content-Type": "text/plain"}, 415),
        (b"task=tests.echo", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'"' + b"x" * 65_536 + b'"', JSON, 413),
        (b'{"task": "tests.echo"}', {**JSON, "Idempotency-Key": "k" * 201}, 422),
    ],
)
def test_bad_bodies_get_a_clear_answer(
    api: httpx.Client, store: Store, content: bytes, headers: dict[str, str], status: int
) -> None:
    problem(api.post("/runs", content=content, headers=headers), status)
    assert store.client.zcard(store.keys.runs()) == 0


@pytest.mark.parametrize(
    "text",
    ["18446744073709551616", "-9223372036854775809, 1", '\\"99999999999999999999', "[0.12345678901234567890123, 1e20]"],
)
def test_digits_in_a_text_are_no_number(api: httpx.Client, text: str) -> None:
    body = f'{{"task": "tests.echo", "kwargs": {{"text": "{text}", "times": 9223372036854775807}}}}'
    answer = api.post("/runs", content=body, headers=JSON)
    assert answer.status_code == 202, answer.text
    assert answer.json()["kwargs"] == {"text": json.loads(f'"{text}"'), "times": 2**63 - 1}


def test_a_body_without_a_length_is_limited_too(api: httpx.Client, store: Store) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"task": "tests.echo", "kwargs": {"text": "a"}}'
        for _ in range(70):
            yield b" " * 1024

    problem(api.post("/runs", content=chunks(), headers=JSON), 413)
    assert store.client.zcard(store.keys.runs()) == 0


def test_a_body_in_small_chunks_is_read_whole(api: httpx.Client) -> None:
    # Longer than the limit with what stands around the chunks, and shorter without.
    text = "a" * 59_000
    body = orjson.dumps({"task": "tests.echo", "kwargs": {"text": text}})
    answer = api.post("/runs", content=(body[at : at + 16] for at in range(0, len(body), 16)), headers=JSON)
    assert answer.status_code == 202, answer.text
    assert answer.json()["kwargs"]["text"] == text


def test_the_list_goes_on_behind_its_cursor(api: httpx.Client, store: Store) -> None:
    started = []
    for n in range(5):
        started.append(api.post("/runs", json={"task": "tests.echo", "kwargs": {"text": str(n)}}).json()["id"])
        moment = store.now_ms()
        wait_for(lambda: store.now_ms() > moment, 5)  # noqa: B023 - called before the next round
    first = api.get("/runs", params={"limit": 3}).json()
    second = api.get("/runs", params={"limit": 3, "cursor": first["next"]}).json()
    assert [run["id"] for run in first["runs"] + second["runs"]] == started[::-1]
    assert second["next"] is None
    assert problem(api.get("/runs", params={"limit": 0}), 422)["errors"][0]["field"] == "limit"
    assert problem(api.get("/runs", params={"colour": "red"}), 422)["errors"][0]["field"] == "colour"


def test_a_queued_run_is_cancelled_at_once(api: httpx.Client) -> None:
    run_id = api.post("/runs", json={"task": "tests.echo", "kwargs": {"text": "a"}}).json()["id"]
    answer = api.post(f"/runs/{run_id}/cancel", json={"why": "wrong branch"})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    again = problem(api.post(f"/runs/{run_id}/cancel"), 409)
    assert again["code"] == "ended"


def test_a_running_run_is_asked_to_end(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    answer = api.post(f"/runs/{writer.claim.run_id}/cancel", json={"why": "too slow"})
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert writer.flush().cancel is not None
    finish(writer, RunState.CANCELLED, "cancelled")
    assert api.get(f"/runs/{writer.claim.run_id}").json()["state"] == "cancelled"


def test_a_deleted_run_is_gone(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 5)
    run_id = writer.claim.run_id
    assert api.delete(f"/runs/{run_id}").status_code == 204
    for method, path in (
        ("GET", ""),
        ("POST", "/cancel"),
        ("DELETE", ""),
        ("GET", "/log"),
        ("GET", "/log.txt"),
        ("GET", "/log.txt?follow=1"),
    ):
        problem(api.request(method, f"/runs/{run_id}{path}"), 404)
    assert not store.client.exists(store.keys.log(run_id))


def test_unknown_addresses_and_methods(api: httpx.Client, web: Service) -> None:
    problem(api.get("/nothing"), 404)
    assert "GET" in problem_headers(api.put("/runs"), 405)["allow"]
    problem(httpx.get(f"{web.url}/nothing"), 404)


def problem_headers(answer: httpx.Response, status: int) -> httpx.Headers:
    """Check that an answer is a problem document and return its headers."""
    problem(answer, status)
    return answer.headers


def test_an_absent_store_is_answered_503_and_leaves_nothing(own_redis_server: RedisServer, tmp_path: Path) -> None:
    store = make_store(own_redis_server.url, "t:")
    store.client.hset(store.keys.tasks(), "tests.echo", orjson.dumps(TASK))
    settings = {"broker_url": own_redis_server.url, "key_prefix": "t:"}
    with Service("web", tmp_path, settings) as web, httpx.Client(base_url=f"{web.url}/api/v1", timeout=30) as api:
        body = {"task": "tests.echo", "kwargs": {"text": "a"}}
        own_redis_server.pause()
        before = time.monotonic()
        answer = api.post("/runs", json=body)
        assert int(problem_headers(answer, 503)["retry-after"]) >= 1
        print(f"a silent store: 503 after {time.monotonic() - before:.1f} s")
        own_redis_server.resume()
        own_redis_server.kill()
        for method, path in (("GET", "/runs"), ("POST", "/runs"), ("GET", "/tasks"), ("GET", "/runs/x/log.txt")):
            problem(api.request(method, path, json=body if method == "POST" else None), 503)
        own_redis_server.start()
        wait_for(lambda: api.get("/runs").status_code == 200, 15)
        assert api.get("/runs").json()["runs"] == []


def test_a_silent_broker_is_answered_503_and_leaves_nothing_open(
    own_redis_server: RedisServer, redis_url: str, key_prefix: str, store: Store, tmp_path: Path
) -> None:
    settings = {"broker_url": own_redis_server.url, "store_url": redis_url, "key_prefix": key_prefix}
    with Service("web", tmp_path, settings) as web, httpx.Client(base_url=f"{web.url}/api/v1", timeout=60) as api:
        body = {"task": "tests.alone", "kwargs": {"text": "a"}}
        headers = {"Idempotency-Key": "k"}
        for silence in (own_redis_server.pause, own_redis_server.kill):
            silence()
            before = time.monotonic()
            answer = api.post("/runs", json=body, headers=headers)
            took = time.monotonic() - before
            assert "retry-after" in problem_headers(answer, 503)
            print(f"a broker after {silence.__name__}: 503 after {took:.1f} s")
            assert took < 15
            runs = api.get("/runs").json()["runs"]
            assert {run["state"] for run in runs} == {"failed"}
        # Neither the key nor the exclusive hold is lost to the failed starts.
        own_redis_server.start()
        wait_for(lambda: api.post("/runs", json=body, headers=headers).status_code == 202, 15)
