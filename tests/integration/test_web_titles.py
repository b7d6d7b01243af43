"""Titles and results of runs, and presets of tasks, in records and in the API."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from runtail.header import HEADER
from runtail.log.writer import LogWriter
from runtail.protocol import RunState
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.listing import list_tasks
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, write_lines

PRESETS = {"nightly": {"region": "eu"}}
TASK = {
    "name": "tests.titled",
    "schema": {"type": "object"},
    "secrets": ["token"],
    "title": "Sync of {region}",
    "presets": PRESETS,
}
#: As a worker of release 0.1.0 publishes it.
OLDER = {"name": "tests.older", "schema": {"type": "object"}}


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    made = make_store(redis_url, key_prefix)
    for task in (TASK, OLDER):
        made.client.hset(made.keys.tasks(), str(task["name"]), orjson.dumps({**task, "queue": f"{key_prefix}queue"}))
    return made


def start(api: httpx.Client, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return api.post("/runs", json={"task": "tests.titled", "kwargs": {"region": "eu"}, **body}, headers=headers)


def announced(store: Store, run_id: str) -> dict[str, Any]:
    return {"v": 1, "run": run_id, "attempt": 1, "store": store.uuid(), "execution": 1}


def claimed(store: Store, run_id: str, title: str, headers: dict[str, Any] | None = None) -> LogWriter:
    """Claim a run as a worker does whose task declares a title."""
    found = claim(store, Delivery(run_id, "tests.titled", "w@test", headers=headers, title=title), owner="o", token="t")
    assert isinstance(found, Claimed)
    return LogWriter(store, found.claim)


def test_a_title_is_given_at_the_start_or_declared(api: httpx.Client) -> None:
    declared = start(api).json()
    given = start(api, title="  By\nhand ").json()
    assert (declared["title"], given["title"]) == ("Sync of eu", "By hand")
    assert start(api, task="tests.older").json()["title"] is None
    assert [run["title"] for run in api.get("/runs").json()["runs"]] == [None, "By hand", "Sync of eu"]
    assert api.get(f"/runs/{given['id']}").json()["title"] == "By hand"
    for bad in (7, "x" * 201, None):
        assert start(api, title=bad).status_code == 422


def test_no_secret_of_the_start_becomes_a_title(api: httpx.Client, store: Store) -> None:
    secret = "hunter2-s3cret"
    kwargs = {"region": f"at {secret}", "token": secret}
    runs = [start(api, kwargs=kwargs).json(), start(api, kwargs=kwargs, title=f"with {secret}").json()]
    assert [run["title"] for run in runs] == ["Sync of at ***", "with ***"]
    for run in runs:
        assert secret.encode() not in repr(store.client.hgetall(store.keys.run(run["id"]))).encode()


def test_the_same_key_with_another_title_is_another_request(api: httpx.Client) -> None:
    first = start(api, key="k", title="one").json()["id"]
    assert start(api, key="k", title="one").json()["id"] == first
    assert start(api, key="k", title="two").status_code == 422
    assert start(api, key="k").status_code == 422
    # A label is not taken for a title.
    assert start(api, key="l", labels={"a": "b"}).status_code == 202
    assert start(api, key="l", title='{"a":"b"}').status_code == 422


def test_a_claim_gives_the_declared_title_to_a_run_that_has_none(api: httpx.Client, store: Store) -> None:
    claimed(store, "plain", "Sync of us")
    assert read_run(store, "plain").summary()["title"] == "Sync of us"
    given = start(api, title="by hand").json()["id"]
    claimed(store, given, "Sync of us", announced(store, given))
    assert read_run(store, given).summary()["title"] == "by hand"


def test_a_writer_stores_title_and_result_again_in_an_emptied_store(store: Store) -> None:
    writer = open_run(store, "r", headers={HEADER: announced(store, "r")})
    title = "first"
    writer.title = lambda: title
    write_lines(writer, 1, 2)
    title = "second"
    write_lines(writer, 3, 4)
    assert read_run(store, "r").summary()["title"] == "second"
    for key in store.client.scan_iter(match=f"{store.settings.key_prefix}*"):
        store.client.delete(key)
    result = {"value": {"rows": 3}, "cut": False}
    writer.end(RunState.SUCCEEDED, "", t_ms=1, result=orjson.dumps(result).decode())
    summary = read_run(store, "r").summary()
    assert (summary["title"], summary["result"]) == ("second", result)


def test_a_run_that_returned_nothing_has_no_result(store: Store) -> None:
    finish(open_run(store, "r"))
    assert read_run(store, "r").summary()["result"] is None


def test_presets_stand_in_the_catalogue(api: httpx.Client, store: Store) -> None:
    tasks = {task["name"]: task for task in api.get("/tasks").json()["tasks"]}
    assert (tasks["tests.titled"]["presets"], tasks["tests.titled"]["title"]) == (PRESETS, "Sync of {region}")
    assert (tasks["tests.older"]["presets"], tasks["tests.older"]["title"]) == ({}, "")
    for bad in ({"presets": ["x"]}, {"presets": {"x": 7}}, {"title": 7}):
        store.client.hset(store.keys.tasks(), "tests.titled", orjson.dumps({**TASK, **bad}))
        assert [task["name"] for task in list_tasks(store)] == ["tests.older"]
        assert start(api).status_code == 404
