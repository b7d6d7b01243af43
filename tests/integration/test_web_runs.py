"""The list of runs with its filters and cursor, and starting a run again."""

from __future__ import annotations

import time
from typing import Any

import httpx
import orjson
import pytest

from runtail.protocol import RunState
from runtail.runs import listing
from runtail.runs.filter import Filter
from runtail.runs.listing import list_page
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run

TASK = {
    "name": "tests.echo",
    "schema": {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": False},
    "queue": "web-runs",
}


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    """A store that knows one task."""
    made = make_store(redis_url, key_prefix)
    made.client.hset(made.keys.tasks(), "tests.echo", orjson.dumps({**TASK, "queue": f"{key_prefix}queue"}))
    return made


def plant(store: Store, run_id: str, created_ms: int, **fields: str) -> None:
    """Write a record as old as it should be."""
    record: dict[Any, Any] = {"state": "succeeded", "task": "a.task", "who": "ann", "line": "1"}
    pipeline = store.client.pipeline(transaction=False)
    pipeline.hset(store.keys.run(run_id), mapping=record | fields | {"created_ms": created_ms})
    pipeline.zadd(store.keys.runs(), {run_id: created_ms})
    pipeline.execute()


def walked(api: httpx.Client, **query: Any) -> list[str]:
    """Return the ids of all pages."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/runs", params={**query, **cursor}).json()
        ids += [run["id"] for run in page["runs"]]
        if page["next"] is None:
            return ids
        cursor = {"cursor": page["next"]}


def test_runs_of_one_millisecond_are_all_listed_once(api: httpx.Client, store: Store) -> None:
    wanted = [f"run-{n:02}" for n in range(25)]
    for run_id in wanted:
        plant(store, run_id, 1_764_000_000_000)
    plant(store, "older", 1_763_999_999_999)
    plant(store, "newer", 1_764_000_000_001)
    for limit in (1, 2, 7, 200):
        assert walked(api, limit=limit) == ["newer", *reversed(wanted), "older"]


def test_a_cursor_outlives_its_run_and_what_is_new(api: httpx.Client, store: Store) -> None:
    for n in range(6):
        plant(store, f"run-{n}", 1_764_000_000_000)
    first = api.get("/runs", params={"limit": 3}).json()
    assert [run["id"] for run in first["runs"]] == ["run-5", "run-4", "run-3"]
    assert api.delete("/runs/run-3").status_code == 204
    plant(store, "run-9", 1_764_000_000_009)
    second = api.get("/runs", params={"limit": 3, "cursor": first["next"]}).json()
    assert [run["id"] for run in second["runs"]] == ["run-2", "run-1", "run-0"]
    assert second["next"] is None


@pytest.mark.parametrize("cursor", ["0", "x", "!", "", "MTIz", "é", "OjEyMw"])
def test_a_cursor_that_is_none_is_named(api: httpx.Client, cursor: str) -> None:
    answer = api.get("/runs", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_filters(api: httpx.Client, store: Store) -> None:
    plant(store, "a", 1000, state="failed", task="x.one", who="ann at home")
    plant(store, "b", 2000, state="lost", task="x.two", who="BOB")
    plant(store, "c", 3000, state="succeeded", task="x.one", who="bob")
    plant(store, "d", 4000, state="running", task="x.two", who="")
    assert walked(api, state="failed") == ["a"]
    assert walked(api, state="failed,lost") == ["b", "a"]
    assert walked(api, task="x.one") == ["c", "a"]
    assert walked(api, task="x.") == []
    assert walked(api, who="Bob") == ["c", "b"]
    assert walked(api, since=2000, until=4000) == ["c", "b"]
    assert walked(api, until=1000) == []
    assert walked(api, state="succeeded", task="x.one", who="b", since=3000) == ["c"]
    for query in ({"state": "done"}, {"state": "failed,"}, {"since": "yesterday"}, {"until": -1}):
        answer = api.get("/runs", params=query)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == next(iter(query))


def test_few_among_many_runs_are_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = store.client.pipeline(transaction=False)
    for n in range(10_000):
        state = "failed" if n % 2500 == 0 else "succeeded"
        # Groups of 1,500 share a millisecond: more than one look takes in.
        pipeline.hset(store.keys.run(f"r{n:05}"), mapping={"state": state, "task": "a", "who": ""})
        pipeline.zadd(store.keys.runs(), {f"r{n:05}": 1000 + n // 1500})
    pipeline.execute()
    began = time.monotonic()
    page = list_page(store, Filter(states=frozenset({"failed"})), limit=10)
    print(f"4 of 10,000 runs: {(time.monotonic() - began) * 1000:.0f} ms")
    assert [run.id for run in page.runs] == ["r07500", "r05000", "r02500", "r00000"]
    assert page.following is None

    monkeypatch.setattr(listing, "MAX_SCANNED", 1000)
    ids: list[str] = []
    pages, place = 0, None
    while pages == 0 or place is not None:
        page = list_page(store, Filter(states=frozenset({"failed"})), limit=10, after=place)
        ids += [run.id for run in page.runs]
        pages, place = pages + 1, page.following
    assert ids == ["r07500", "r05000", "r02500", "r00000"]
    assert pages >= 7, "each looked at a part only, and said so"


def test_a_run_is_started_again(api: httpx.Client, store: Store) -> None:
    first = api.post("/runs", json={"task": "tests.echo", "kwargs": {"text": "***"}}).json()
    early = api.post(f"/runs/{first['id']}/retry")
    assert (early.status_code, early.json()["code"]) == (409, "not-over")
    api.post(f"/runs/{first['id']}/cancel")
    headers = {"Idempotency-Key": "again"}
    answer = api.post(f"/runs/{first['id']}/retry", headers=headers)
    assert answer.status_code == 202, answer.text
    second = answer.json()
    assert second["id"] != first["id"]
    assert answer.headers["location"] == f"/api/v1/runs/{second['id']}"
    assert (second["task"], second["kwargs"]) == (first["task"], first["kwargs"])
    assert (second["retry_of"], first["retry_of"]) == (first["id"], None)
    assert second["who"] == "anonymous (127.0.0.1)"
    assert api.post(f"/runs/{first['id']}/retry", headers=headers, json={}).json()["id"] == second["id"]
    assert api.post("/runs/none/retry").status_code == 404


def test_a_run_whose_parameters_are_not_known_is_not_started_again(api: httpx.Client, store: Store) -> None:
    writer = open_run(store, task="tests.echo")
    finish(writer, RunState.FAILED, "it broke")
    run_id = writer.claim.run_id
    store.client.hset(store.keys.run(run_id), mapping={"hidden": "1", "kwargs": orjson.dumps({"text": "as *** said"})})
    answer = api.post(f"/runs/{run_id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "parameters")
    assert "the values of its secret parameters are not kept" in answer.json()["detail"]
    store.client.hset(store.keys.run(run_id), "hidden", "0")
    for kwargs in ({"text": "***"}, {"text": ["a lo…"]}, {"…": "too large"}):
        store.client.hset(store.keys.run(run_id), "kwargs", orjson.dumps(kwargs))
        answer = api.post(f"/runs/{run_id}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "parameters")
    store.client.hset(store.keys.run(run_id), "kwargs", orjson.dumps({"other": 1}))
    assert api.post(f"/runs/{run_id}/retry").status_code == 422
    store.client.hset(store.keys.run(run_id), "kwargs", orjson.dumps({"text": "all of it"}))
    again = api.post(f"/runs/{run_id}/retry").json()
    assert read_run(store, again["id"]).json("kwargs") == {"text": "all of it"}
    assert read_run(store, again["id"]).text("retry_of") == run_id


def test_a_value_that_somebody_sealed_is_not_taken(api: httpx.Client, store: Store) -> None:
    """Whoever has seen one in a queue or a log could have it opened by a task that shows it."""
    task = {"name": "tests.any", "schema": {"type": "object"}, "queue": "any"}
    store.client.hset(store.keys.tasks(), "tests.any", orjson.dumps(task))
    sealed = {"runtail.sealed": "gAAAAA"}
    answer = api.post("/runs", json={"task": "tests.any", "kwargs": {"a": 1, "token": sealed}})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "token"
    assert "sealed" in error["message"]
    assert api.get("/runs").json()["runs"] == []
    # Nothing opens one that is inside something else.
    assert api.post("/runs", json={"task": "tests.any", "kwargs": {"a": [sealed]}}).status_code == 202
