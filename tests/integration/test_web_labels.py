"""Labels of tasks and runs: in the catalogue, in records, in the API, and as a filter of the list."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from runtail.header import HEADER
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.filter import Filter
from runtail.runs.listing import list_page, list_tasks
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, write_lines

TEAM = {"team": "builders"}
TASK = {"name": "tests.labelled", "schema": {"type": "object"}, "queue": "web-labels", "labels": TEAM}
#: As a worker of release 0.1.0 publishes it.
OLDER = {"name": "tests.older", "schema": {"type": "object"}, "queue": "web-labels"}


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    made = make_store(redis_url, key_prefix)
    for task in (TASK, OLDER):
        made.client.hset(made.keys.tasks(), str(task["name"]), orjson.dumps({**task, "queue": f"{key_prefix}queue"}))
    return made


def start(api: httpx.Client, **body: Any) -> httpx.Response:
    return api.post("/runs", json={"task": "tests.labelled", "kwargs": {}, **body})


def claimed(store: Store, run_id: str, task: str, labels: dict[str, str], token: str = "t") -> None:
    """Claim a run as a worker does whose task declares labels."""
    fields = store.client.hgetall(store.keys.run(run_id))
    headers = {"v": 1, "run": run_id, "attempt": 1, "store": store.uuid(), "execution": 1} if fields else None
    delivery = Delivery(run_id, task, "worker@test", headers=headers, labels=labels)
    assert isinstance(claim(store, delivery, owner="o", token=token), Claimed)


def test_a_start_copies_what_the_task_declares_and_keeps_what_is_given_apart(api: httpx.Client, store: Store) -> None:
    answer = start(api, labels={"ticket": "T-1"})
    assert answer.status_code == 202, answer.text
    run = answer.json()
    assert (run["labels"], run["added_labels"]) == (TEAM, {"ticket": "T-1"})
    for shown in (api.get(f"/runs/{run['id']}").json(), api.get("/runs").json()["runs"][0]):
        assert (shown["labels"], shown["added_labels"]) == (TEAM, {"ticket": "T-1"})
    by_name = {task["name"]: task["labels"] for task in api.get("/tasks").json()["tasks"]}
    assert by_name == {"tests.labelled": TEAM, "tests.older": {}}


def test_a_declared_label_cannot_be_given(api: httpx.Client, store: Store) -> None:
    for bad, part in (
        ({"team": "others"}, "the task declares the label team"),
        ({"a:b": "x"}, "'a:b' cannot be the key"),
        ({"ticket": ""}, "cannot be the value"),
        ({"ticket": 7}, "labels.ticket"),
    ):
        answer = start(api, labels=bad)
        assert answer.status_code == 422
        assert part in answer.json()["detail"]
    assert api.get("/runs").json()["runs"] == []


def test_the_same_key_with_other_labels_is_another_request(api: httpx.Client) -> None:
    def keyed(**labels: str) -> httpx.Response:
        body = {"task": "tests.labelled", "kwargs": {}, "labels": labels}
        return api.post("/runs", json=body, headers={"Idempotency-Key": "k"})

    first = keyed(ticket="1").json()["id"]
    assert keyed(ticket="1").json()["id"] == first
    assert keyed(ticket="2").status_code == 422


def test_no_secret_of_the_start_becomes_a_label(api: httpx.Client, store: Store) -> None:
    task = {**TASK, "name": "tests.secretive", "secrets": ["token"], "queue": f"{store.settings.key_prefix}queue"}
    store.client.hset(store.keys.tasks(), "tests.secretive", orjson.dumps(task))
    secret = "hunter2-s3cret"
    answer = start(api, task="tests.secretive", kwargs={"token": secret}, labels={"note": f"by {secret}", secret: "x"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["added_labels"] == {"note": "by ***"}
    assert secret.encode() not in repr(store.client.hgetall(store.keys.run(answer.json()["id"]))).encode()


def test_the_list_finds_declared_and_added_labels(api: httpx.Client, store: Store) -> None:
    one = start(api, labels={"ticket": "1"}).json()["id"]
    two = start(api, labels={"ticket": "2", "note": "a:b c"}).json()["id"]
    older = start(api, task="tests.older", labels={"team": "builders"}).json()["id"]

    def found(label: str) -> set[str]:
        return {run["id"] for run in api.get("/runs", params={"label": label}).json()["runs"]}

    assert found("team:builders") == {one, two, older}
    assert found("ticket:1") == {one}
    assert found("note:a:b c") == {two}
    assert found("ticket:3") == found("labels:x") == set()
    # What somebody wrote over a declared one into the store does not count.
    store.client.hset(store.keys.run(one), "label:team", "others")
    assert found("team:others") == set()
    assert api.get(f"/runs/{one}").json()["added_labels"] == {"ticket": "1"}
    for bad in ("ticket", ":x", "ticket:", "x" * 300):
        assert api.get("/runs", params={"label": bad}).status_code == 422


def test_a_claim_copies_what_the_task_declares_if_nobody_did(api: httpx.Client, store: Store) -> None:
    claimed(store, "plain", "tests.labelled", TEAM)
    assert read_run(store, "plain").labels == TEAM
    # Started by a web service that did not know: as one of release 0.1.0.
    by_older = start(api, task="tests.older").json()["id"]
    claimed(store, by_older, "tests.older", TEAM)
    assert read_run(store, by_older).labels == TEAM
    # Whoever made the record decides.
    by_web = start(api).json()["id"]
    claimed(store, by_web, "tests.labelled", {"team": "others"})
    assert read_run(store, by_web).labels == TEAM
    # A worker of release 0.1.0.
    claimed(store, "by-older-worker", "tests.older", {})
    assert b"labels" not in store.client.hkeys(store.keys.run("by-older-worker"))
    assert {run.id: run.labels for run in list_page(store, Filter()).runs}["by-older-worker"] == {}


def test_a_writer_stores_labels_with_its_entries_and_again_in_an_emptied_store(store: Store) -> None:
    headers = {HEADER: {"v": 1, "run": "r", "attempt": 1, "store": store.uuid(), "execution": 1}}
    writer = open_run(store, "r", headers=headers)
    writer.labels = {"ticket": "1"}
    write_lines(writer, 1, 2)
    assert read_run(store, "r").added_labels == {"ticket": "1"}
    for key in store.client.scan_iter(match=f"{store.settings.key_prefix}*"):
        store.client.delete(key)
    write_lines(writer, 3, 4)
    finish(writer)
    assert read_run(store, "r").added_labels == {"ticket": "1"}


def test_a_task_with_labels_that_are_none_is_left_out_of_the_catalogue(api: httpx.Client, store: Store) -> None:
    for bad in ({"team": ["builders"]}, ["team"], {"": "x"}):
        store.client.hset(store.keys.tasks(), "tests.labelled", orjson.dumps({**TASK, "labels": bad}))
        assert [task["name"] for task in list_tasks(store)] == ["tests.older"]
        assert start(api).status_code == 404
        assert [task["name"] for task in api.get("/tasks").json()["tasks"]] == ["tests.older"]
