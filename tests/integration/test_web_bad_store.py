"""One bad value in the store costs its own place and no more: lists go on without it, and it is counted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail.runs.listing import list_page
from runtail.store import Store
from tests.support.processes import StartProcess
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Relay
from tests.support.runs import finish, make_store, open_run
from tests.support.services import Service
from tests.support.waiting import wait_for

GOOD_TASK = {
    "name": "tests.good", "doc": "Good.", "queue": "celery", "serializer": "json", "accepts_json": True,
    "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False},
}  # fmt: skip
BAD_VALUES = [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"name": 5}', b'{"name": "another"}', b"1e999"]
#: Fields of a record, each with values it cannot have.
BAD_FIELDS: dict[str, list[bytes]] = {
    "state": [b"dreaming", b"", b"\xff"],
    "kwargs": [b"{", b"[1]", b"\xff", b"5"],
    "cancel": [b"nonsense", b"[]"],
    "created_ms": [b"yesterday", b"1.5"],
    "attempt": [b"\x00"],
    "line": [b"many"],
    "last": [b"first", b"1-x"],
    "exit_status": [b"good"],
    "cut_from": [b"x"],
}


@pytest.fixture
def store(own_redis_server: RedisServer) -> Store:
    """A store that only this test has."""
    return make_store(own_redis_server.url, "runtail:")


@pytest.fixture
def web(own_redis_server: RedisServer, store: Store, tmp_path: Path) -> Iterator[Service]:
    """A running web service."""
    with Service("web", tmp_path, {"broker_url": own_redis_server.url}) as service:
        yield service
        assert "Traceback" not in service.process.output()


def get(web: Service, path: str) -> Any:
    """GET from the API, which must answer."""
    answer = httpx.get(f"{web.url}/api/v1{path}", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def unreadable(web: Service, what: str) -> float:
    """What the metric counts."""
    text = httpx.get(f"http://127.0.0.1:{web.admin_port}/metrics").text
    return next(
        float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith(f'runtail_web_unreadable_total{{what="{what}"}}')
    )


def test_a_login_that_the_store_refuses_is_named(web: Service, own_redis_server: RedisServer) -> None:
    assert get(web, "/runs")["runs"] == []
    with own_redis_server.client() as client:
        client.acl_setuser("default", enabled=True, passwords=["+another"], reset_passwords=True)
        # New connections must log in.
        client.client_kill_filter(_type="normal", skipme=True)
    wait_for(lambda: httpx.get(f"{web.url}/api/v1/runs", timeout=20).is_error, 20)
    answer = httpx.get(f"{web.url}/api/v1/runs", timeout=20)
    assert answer.status_code == 503
    assert "refuses the user or the password of RUNTAIL_STORE_URL" in answer.json()["detail"]


def test_tasks_and_workers_that_cannot_be_read_are_left_out(web: Service, store: Store) -> None:
    keys = store.keys
    store.client.hset(keys.tasks(), "tests.good", json.dumps(GOOD_TASK))
    # Another version of a worker may say less; the page need not ask what is there.
    bare = {"doc": "", "schema": {}, "queue": "", "exclusive": False, "labels": {}, "title": "",
            "presets": {}, "sealed": False}  # fmt: skip
    store.client.hset(keys.tasks(), "tests.bare", json.dumps({"name": "tests.bare"}))
    worker = {"name": "good@host", "queues": ["celery"], "pid": 1}
    store.client.set(keys.worker("good@host"), json.dumps(worker))
    store.client.zadd(keys.workers(), {"good@host": 1})
    assert unreadable(web, "task") == unreadable(web, "worker") == 0
    bad = [
        *BAD_VALUES,
        b'{"name": "bad-%d", "schema": [], "queues": 7}',
        b'{"name": "bad-%d", "queue": 5, "queues": {}}',
        b'{"name": "bad-%d", "labels": {"team": ["a"]}, "queues": {}}',
        b'{"name": "bad-%d", "presets": {"nightly": 7}, "title": 7, "queues": {}}',
        b'{"name": "bad-%d", "exclusive": "no", "queues": [], "concurrency": "many"}',
        b'{"name": "bad-%d", "secrets": 5, "queues": [["celery"]]}',
        b'{"name": "bad-%d", "secrets": [{}], "queues": ["celery"], "tasks": [{}]}',
        b'{"name": "bad-%d", "schema": {"properties": [1]}, "queues": [], "tasks": 5}',
        b'{"name": "bad-%d", "max_attempts": "x", "queues": [], "seal_keys": [1]}',
    ]
    for number, value in enumerate(bad):
        name = f"bad-{number}"
        store.client.hset(keys.tasks(), name, value.replace(b"%d", b"%d" % number))
        store.client.set(keys.worker(name), value.replace(b"%d", b"%d" % number))
        store.client.zadd(keys.workers(), {name: 1})
    store.client.hset(keys.tasks(), b"\xff\x00", json.dumps(GOOD_TASK))
    store.client.zadd(keys.workers(), {b"\xff\x00": 1})
    assert get(web, "/tasks")["tasks"] == [{"name": "tests.bare", **bare}, {**bare, **GOOD_TASK}]
    assert get(web, "/workers")["workers"] == [worker]
    assert unreadable(web, "task") == len(bad) + 1
    assert unreadable(web, "worker") >= len(bad)
    # A queued run asks for workers, too.
    started = httpx.post(f"{web.url}/api/v1/runs", json={"task": "tests.good", "kwargs": {"n": 1}})
    assert started.status_code == 202
    assert started.json()["why"] == "waiting for a worker"
    bad_one = httpx.post(f"{web.url}/api/v1/runs", json={"task": "bad-3"})
    assert (bad_one.status_code, bad_one.json()["code"]) == (404, "unknown-task")
    assert web.process.output().count("bad-0") <= 2, "each is named once"


def test_runs_that_cannot_be_read_are_left_out(web: Service, store: Store) -> None:
    good: list[str] = []
    bad: list[str] = []
    for name, values in BAD_FIELDS.items():
        for number, value in enumerate(values):
            for kept in (good, bad):
                writer = open_run(store, f"{'good' if kept is good else 'bad'}-{name}-{number}")
                finish(writer)
                kept.append(writer.claim.run_id)
            store.client.hset(store.keys.run(bad[-1]), name, value)
    for garbage in (b"\xff\xfe", b"a\xc3"):
        store.client.zadd(store.keys.runs(), {garbage: 2**41})
    for query in ("", "?limit=3", "?state=succeeded", "?task=tests.task"):
        found: list[str] = []
        cursor: str | None = None
        while cursor is not None or not found:
            page = get(web, f"/runs{query}{'&' if query else '?'}cursor={cursor}" if cursor else f"/runs{query}")
            found += [run["id"] for run in page["runs"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert sorted(found) == sorted(good), query
    assert unreadable(web, "run") > len(bad)
    for run_id in bad:
        answer = httpx.get(f"{web.url}/api/v1/runs/{run_id}")
        assert (answer.status_code, answer.json()["code"]) == (500, "record")
        assert run_id in answer.json()["detail"]
        # Nothing but a deletion helps, and that works.
        assert httpx.delete(f"{web.url}/api/v1/runs/{run_id}").status_code == 204


def test_the_reaper_goes_round_bad_records_and_the_relay_too(
    own_redis_server: RedisServer, store: Store, tmp_path: Path, start_process: StartProcess
) -> None:
    settings = {"broker_url": own_redis_server.url, "lease_seconds": 1, "beat_seconds": 0.3}
    bad, silent = open_run(store, "bad"), open_run(store, "silent")
    store.client.hset(store.keys.run("bad"), "attempt", "first")
    store.client.sadd(store.keys.running(), b"\xff\xfe")
    store.client.zadd(store.keys.queued(), {b"\xff\xfd": 1})
    store.client.zadd(store.keys.finished(), {b"\xff\xfc": 1})
    relay = Relay(start_process, own_redis_server.url, "runtail:").wait_until_ready()
    client = Client(relay.url).join()
    assert client.emit("subscribe", {"v": 1, "run": "bad"})["code"] == "record"
    assert client.emit("subscribe", {"v": 1, "runs": True})["ok"]
    with Service("web", tmp_path, settings) as web:
        wait_for(lambda: httpx.get(f"{web.url}/api/v1/runs/silent").json()["state"] == "lost", 40, web.process.evidence)
        assert "Traceback" not in web.process.output()
        # It is left as it is, to be looked at.
        assert store.client.sismember(store.keys.running(), "bad")
        store.client.publish(store.keys.notifications("x"), "")
        store.client.publish(f"{store.settings.key_prefix}list", b"\xff")
    assert client.emit("unsubscribe", "x") == {"ok": True}
    client.close()
    assert "Traceback" not in relay.process.output()
    assert (bad.claim.run_id, silent.claim.run_id) == ("bad", "silent")
    assert [run.id for run in list_page(store).runs] == ["silent"]


@pytest.mark.parametrize(
    ("schema", "value", "status"),
    [
        ({"type": "string", "pattern": "(a+)+$"}, "a" * 30_000 + "!", 422),
        ({"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}, "a" * 30_000, 422),
        ({"type": "string", "pattern": "^b+$"}, "bbb", 202),
        ({"type": "string", "pattern": "(?=a)b"}, "b", 500),
        ({"type": "string", "pattern": "((a{100}){100}){100}"}, "a", 500),
        ({"type": "string", "pattern": 5}, "a", 500),
        ({"type": "object", "patternProperties": {"(a+)+$": {}}}, {"a" * 30_000 + "!": 1}, 500),
        ({"$ref": "#"}, "a", 500),
        ({"type": "array", "uniqueItems": True}, [[n] for n in range(9_000)], 500),
        ({"type": "array", "items": {"multipleOf": 1e-300}}, [1e300 + n for n in range(2_000)], 202),
        ({"type": "string", "format": "ipv6"}, ":" * 30_000, 422),
        ({"type": "array", "items": {"enum": list(range(2_000))}}, list(range(3_000, 9_000)), 422),
    ],
)
def test_a_schema_cannot_stop_the_service(
    web: Service, store: Store, schema: dict[str, Any], value: object, status: int
) -> None:
    task = GOOD_TASK | {"schema": {"type": "object", "properties": {"x": schema}}}
    store.client.hset(store.keys.tasks(), "tests.good", json.dumps(task))
    began = time.monotonic()
    answer = httpx.post(f"{web.url}/api/v1/runs", json={"task": "tests.good", "kwargs": {"x": value}}, timeout=60)
    assert (answer.status_code, time.monotonic() - began < 10) == (status, True), answer.text[:500]
    if status == 500:
        assert answer.json()["code"] == "schema"
        assert "tests.good" in answer.json()["detail"]


@pytest.mark.parametrize("serializer", ["pickle", "yaml", "msgpack", "../json", ""])
def test_parameters_are_sent_as_json_whatever_the_store_says(web: Service, store: Store, serializer: str) -> None:
    store.client.hset(store.keys.tasks(), "tests.good", json.dumps(GOOD_TASK | {"serializer": serializer}))
    answer = httpx.post(f"{web.url}/api/v1/runs", json={"task": "tests.good", "kwargs": {"n": 7}})
    assert answer.status_code == 202
    message: Any = json.loads(store.client.lpop("celery"))  # type: ignore[arg-type]
    assert message["content-type"] == "application/json"


def test_a_worker_that_reads_no_json_is_sent_nothing(web: Service, store: Store) -> None:
    store.client.hset(store.keys.tasks(), "tests.good", json.dumps(GOOD_TASK | {"accepts_json": False}))
    answer = httpx.post(f"{web.url}/api/v1/runs", json={"task": "tests.good", "kwargs": {"n": 7}})
    assert (answer.status_code, answer.json()["code"]) == (409, "serializer")
    assert "accept_content" in answer.json()["detail"]
    assert get(web, "/runs")["runs"] == []
