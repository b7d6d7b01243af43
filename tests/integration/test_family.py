"""Runs that call others: who called a run, and with which run that began, in records and in the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtail.runid import MAX_RUN_ID_CHARS
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.family import fields_of
from runtail.runs.filter import Filter
from runtail.runs.listing import list_page
from runtail.runs.record import Run
from runtail.store import Store
from tests.support.runs import make_store
from tests.support.two_teams import application, call, seed
from tests.support.waiting import wait_for
from tests.support.worker import Worker

#: Calls a chain of two, of which the first calls one more.
SCRIPT = """
    from celery import current_app
    script = current_app.tasks["script"]
    call = "from celery import current_app; current_app.tasks['script'].delay('print(3)')"
    (script.si(call) | script.si("print(2)")).delay()
"""


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix)


@pytest.fixture
def worker(tmp_path: Path, redis_url: str) -> Iterator[Worker]:
    with Worker(tmp_path, redis_url, app="tests.support.script_app") as made:
        yield made


def family(store: Store, root: str) -> list[Run]:
    """The runs that a run called, and those that these called; the newest first."""
    return list(list_page(store, Filter(root=root), limit=50).runs)


def test_a_worker_keeps_who_called_a_run(worker: Worker) -> None:
    root, _ = worker.do("script", SCRIPT)
    wait_for(lambda: len(family(worker.store, root.id)) == 3, 20, lambda: family(worker.store, root.id))
    assert root.text("parent_id") == root.text("root_id") == ""
    parents = [run.text("parent_id") for run in family(worker.store, root.id)]
    (first,) = (run for run in family(worker.store, root.id) if run.text("parent_id") == root.id)
    assert sorted(parents) == sorted([root.id, first.id, first.id])


def called(store: Store, run_id: str, parent: str = "", root: str = "") -> None:
    """Claim a run that another one called."""
    delivery = Delivery(run_id, "tests.task", "worker@test", parent=parent, root=root)
    assert isinstance(claim(store, delivery, owner="o", token=run_id), Claimed)


def test_the_api_tells_the_family_of_a_run(api: httpx.Client, store: Store) -> None:
    called(store, "top", root="top")
    called(store, "middle", "top", "top")
    called(store, "low", "middle", "top")
    called(store, "other", "gone", "gone")
    assert {run["id"] for run in api.get("/runs", params={"root": "top"}).json()["runs"]} == {"low", "middle"}
    low, top = api.get("/runs/low").json(), api.get("/runs/top").json()
    assert (low["parent_id"], low["root_id"]) == ("middle", "top")
    assert (top["parent_id"], top["root_id"]) == (None, None)
    assert api.get("/runs", params={"root": ""}).status_code == 422


def test_who_may_not_read_a_run_does_not_learn_its_id(store: Store) -> None:
    seed(store, "ann")
    called(store, "child", "own-run", "others-run")
    store.client.hset(store.keys.run("child"), mapping={"labels": '{"team":"own"}', "queue": "own", "task": "own.ours"})
    for app in application(store):
        status, body = call(app, "viewer", "GET", "/api/v1/runs/<run_id>", "child")
        assert status == 200
        assert b'"parent_id":"own-run"' in body
        assert b'"root_id":null' in body
        assert b"others-run" not in call(app, "viewer", "GET", "/api/v1/runs", "")[1]


@pytest.mark.parametrize(
    ("parent", "root"), [("", "root"), ("parent", ""), ("parent", "me"), ("x" * (MAX_RUN_ID_CHARS + 1), "root")]
)
def test_a_run_without_a_family_keeps_nothing(parent: str, root: str) -> None:
    assert fields_of("me", parent, root) == {}
