"""Side doors: places where an answer about one's own team could tell something of another's."""

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask

from runtail.runs import listing
from runtail.store import Store
from tests.support.grants import LIMITED
from tests.support.runs import make_store
from tests.support.two_teams import CANARY, OTHERS, OWN, application, call, length, seed

PREFIX = "t-doors:"


@pytest.fixture(scope="module")
def store(redis_url: str) -> Store:
    return make_store(redis_url, PREFIX)


@pytest.fixture(scope="module")
def app(store: Store) -> Iterator[Flask]:
    yield from application(store)


@pytest.mark.parametrize("who", LIMITED)
def test_no_filter_of_the_list_tells_a_word_of_the_other_team(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    for query in (
        {},
        {"state": "succeeded"},
        {"task": f"others.{CANARY}"},
        {"who": "started"},
        {"label": "team:others"},
        {"label": f"of:{CANARY}"},
        {"limit": "1"},
    ):
        answer = app.test_client().get("/api/v1/runs", query_string=query, headers={"X-Test-Principal": who})
        if who in ("guest", "only-log"):
            assert answer.status_code == 403
            continue
        assert CANARY.encode() not in answer.data
        assert {run["id"] for run in answer.get_json()["runs"]} <= {OWN}


@pytest.mark.parametrize("who", LIMITED)
def test_a_page_that_ends_at_a_hidden_run_does_not_name_it(
    app: Flask, store: Store, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if who in ("guest", "only-log"):
        return  # has no list
    monkeypatch.setattr(listing, "MAX_SCANNED", 3)
    seed(store, who)
    hidden = [f"{CANARY}-{number:02}" for number in range(20)]
    try:
        # Several in one millisecond, and all newer than the own run.
        for number, run_id in enumerate(hidden):
            record: dict[Any, Any] = {"state": "succeeded", "task": f"others.{CANARY}", "line": "1"}
            store.client.hset(store.keys.run(run_id), mapping=record)
            store.client.zadd(store.keys.runs(), {run_id: 4_000_000_000_000 + number // 4})
        found, pages, cursor = [], 0, None
        while pages == 0 or cursor is not None:
            query: dict[str, str] = {"cursor": cursor} if cursor else {}
            answer = app.test_client().get("/api/v1/runs", query_string=query, headers={"X-Test-Principal": who})
            found += [run["id"] for run in answer.get_json()["runs"]]
            cursor, pages = answer.get_json()["next"], pages + 1
            if cursor is not None:
                assert CANARY.encode() not in base64.urlsafe_b64decode(cursor + "==")
        assert pages > 3
        assert found.count(OWN) == 1
        assert len(found) == len(set(found))
    finally:
        store.client.zrem(store.keys.runs(), *hidden)
        store.client.delete(*(store.keys.run(run_id) for run_id in hidden))


@pytest.mark.parametrize("who", LIMITED)
def test_workers_are_shown_with_their_own_teams_tasks_and_queues(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    answer = app.test_client().get("/api/v1/workers", headers={"X-Test-Principal": who})
    if who in ("guest", "only-log", "only-record"):
        assert answer.status_code == 403
    elif who == "by-self":
        assert answer.get_json() == {"workers": []}  # its right is on runs
    else:
        assert answer.get_json() == {"workers": [{"name": "both", "queues": ["own"], "tasks": ["own.ours"]}]}


@pytest.mark.parametrize("who", ["operator", "by-queue", "by-label", "by-self", "everything"])
def test_a_run_names_the_one_it_is_a_retry_of_to_those_who_may_see_that(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    headers = {"X-Test-Principal": who}
    shown = app.test_client().get(f"/api/v1/runs/{OWN}", headers=headers).get_json()["retry_of"]
    assert shown == (f"{CANARY}-first" if who == "everything" else None)
    again = app.test_client().post(f"/api/v1/runs/{OWN}/retry", json={}, headers=headers)
    assert again.status_code == 202
    assert again.get_json()["retry_of"] == OWN
    # Records of release 0.1.0 do not say what that run was.
    store.client.hdel(store.keys.run(OWN), "retry_of_thing")
    shown = app.test_client().get(f"/api/v1/runs/{OWN}", headers=headers).get_json()["retry_of"]
    assert shown == (f"{CANARY}-first" if who == "everything" else None)


@pytest.mark.parametrize("who", ["operator", "by-queue", "by-label", "by-self", "everything"])
def test_the_run_that_holds_a_task_is_named_to_those_who_may_see_it(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    task = {"name": "own.alone", "schema": {"type": "object"}, "queue": "own", "labels": {"team": "own"}}
    holder = f"{CANARY}-holder"
    # The same task in another queue, with another label, started by somebody else.
    fields: dict[Any, Any] = {
        "state": "running",
        "task": "own.alone",
        "queue": "others",
        "line": "1",
        "who_id": "user:x",
    }
    try:
        store.client.hset(store.keys.tasks(), "own.alone", orjson.dumps({**task, "exclusive": True}))
        store.client.hset(store.keys.run(holder), mapping={**fields, "labels": '{"team":"others"}'})
        store.client.set(store.keys.exclusive("own.alone"), holder)
        answer = app.test_client().post(
            "/api/v1/runs", json={"task": "own.alone", "kwargs": {}}, headers={"X-Test-Principal": who}
        )
        assert (answer.status_code, answer.get_json()["title"]) == (409, "Task is already running")
        sees = who in ("operator", "everything")  # by the task's name
        assert answer.get_json().get("run") == (holder if sees else None)
        assert (CANARY.encode() in answer.data) == sees
    finally:
        store.client.delete(store.keys.run(holder), store.keys.exclusive("own.alone"))
        store.client.hdel(store.keys.tasks(), "own.alone")


@pytest.mark.parametrize("who", ["operator", "by-queue", "by-label", "by-self", "no-parameters"])
def test_why_a_run_waits_is_told_to_those_who_may_see_workers(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    waiting: dict[Any, Any] = {"state": "queued", "queue": "own", "why": "waiting for a worker"}
    store.client.hset(store.keys.run(OWN), mapping=waiting)
    store.client.delete(store.keys.worker("both"))
    answer = app.test_client().get(f"/api/v1/runs/{OWN}", headers={"X-Test-Principal": who})
    plain = who == "no-parameters"  # and without workers:read
    assert answer.get_json()["why"] == ("waiting for a worker" if plain else "waiting: no worker listens to queue own")


@pytest.mark.parametrize("who", ["operator", "by-queue", "by-label", "by-self"])
def test_an_id_that_is_taken_is_refused_alike_whoever_has_it(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    answers = []
    for run_id in (OWN, OTHERS):
        body = {"task": "own.ours", "kwargs": {}, "run_id": run_id}
        answer = app.test_client().post("/api/v1/runs", json=body, headers={"X-Test-Principal": who})
        assert answer.status_code == 409
        assert CANARY.encode() not in answer.data
        answers.append(answer.data.replace(run_id.encode(), b"<id>"))
    assert answers[0] == answers[1]


def test_who_may_start_a_task_learns_nothing_of_the_runs_of_others(app: Flask, store: Store) -> None:
    """As the documentation has it for people who start a task and see only what they started."""
    seed(store, "by-self")
    theirs = f"{CANARY}-of-the-own-task"
    record: dict[Any, Any] = {"state": "succeeded", "task": "own.ours", "queue": "own", "line": "2", "kwargs": "{}"}
    store.client.hset(store.keys.run(theirs), mapping={**record, "who_id": "user:somebody"})
    try:
        (status, body), (missing, same) = (
            call(app, "by-self", "POST", "/api/v1/runs/<run_id>/retry", run_id) for run_id in (theirs, "none-of-all")
        )
        same = same.replace(b"none-of-all", theirs.encode())
        assert (status, body) == (missing, same.replace(*length(same, body)))
        assert status == 404
    finally:
        store.client.delete(store.keys.run(theirs))


@pytest.mark.parametrize("who", ["operator", "by-queue", "by-label", "by-self"])
def test_a_task_of_others_that_is_not_recorded_is_not_known(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    name = f"others.{CANARY}-left-out"
    store.client.hset(store.keys.unrecorded(), mapping={name: CANARY, "own.left-out": "its code says so"})
    try:
        answers = {
            one: app.test_client().post(
                "/api/v1/runs", json={"task": one, "kwargs": {}}, headers={"X-Test-Principal": who}
            )
            for one in (name, "others.none", "own.left-out")
        }
        assert answers[name].data.replace(name.encode(), b"others.none") == answers["others.none"].data
        assert answers[name].status_code == 404
        # Nobody knows its queue or its labels.
        assert answers["own.left-out"].status_code == (409 if who in ("operator", "by-self") else 404)
    finally:
        store.client.delete(store.keys.unrecorded())


@pytest.mark.parametrize("who", LIMITED)
def test_a_record_that_cannot_be_read_looks_like_one_that_is_not_there(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    store.client.hset(store.keys.run(OTHERS), "epoch", "no number")
    status, body = call(app, who, "GET", "/api/v1/runs/<run_id>", OTHERS)
    missing, same = call(app, who, "GET", "/api/v1/runs/<run_id>", "none-of-all")
    assert (status, body) == (missing, same.replace(b"none-of-all", OTHERS.encode()).replace(*length(same, body)))
    assert call(app, "everything", "GET", "/api/v1/runs/<run_id>", OTHERS)[0] == 500
