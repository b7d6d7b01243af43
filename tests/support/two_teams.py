"""Runs, tasks and workers of two teams, and an application to which everybody says in a header who they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from flask import Flask, request

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.store import Store
from runtail_web.app import create_app
from tests.support.grants import principal
from tests.support.runs import finish, open_run, write_lines

#: Stands in everything that the other team's run has.
CANARY = "canary-of-the-others"
OWN, OTHERS = "own-run", "others-run"


def seed(store: Store, who: str, login: str = "user") -> None:
    """Make the two runs, their tasks and their workers; again after a test has ended or deleted them.

    :param who: started the own run.
    :param login: what ids begin with.
    """
    queues = {"own": "own", "others": f"{CANARY}-queue"}
    for run_id, team, word in ((OWN, "own", "ours"), (OTHERS, "others", CANARY)):
        store.client.delete(store.keys.run(run_id), store.keys.log(run_id), store.keys.deleted(run_id))
        writer = open_run(store, run_id, task=f"{team}.{word}")
        writer.add("o", f"{word} in the log\n".encode(), 1)
        write_lines(writer, 2, 3)
        finish(writer, why=f"{word} is why")
        labels = {"team": team, "of": word}
        fields: dict[Any, Any] = {
            "queue": queues[team],
            "kwargs": orjson.dumps({"of": word}),
            "title": f"{word} is the title",
            "result": orjson.dumps({"value": f"{word} is the result", "cut": False}),
            "who": f"{word} started it",
            "who_id": f"{login}:{who}" if team == "own" else "user:somebody",
            "labels": orjson.dumps(labels),
            "label:note": f"{word} is noted",
            # Runs of the other team called it.
            "parent_id": f"{CANARY}-parent",
            "root_id": f"{CANARY}-root",
            # Each is a retry of a run of the other team.
            "retry_of": f"{CANARY}-first",
            "retry_of_thing": orjson.dumps([f"others.{CANARY}", queues["others"], {"team": "others"}, "user:somebody"]),
        }
        store.client.hset(store.keys.run(run_id), mapping=fields)
        task = {"name": f"{team}.{word}", "schema": {"type": "object"}, "queue": queues[team], "doc": f"{word} does it"}
        store.client.hset(store.keys.tasks(), f"{team}.{word}", orjson.dumps({**task, "labels": labels}))
    for name, teams in (("both", ("own", "others")), (f"{CANARY}-worker", ("others",))):
        worker = {
            "name": name,
            "queues": [queues[team] for team in teams],
            "tasks": [f"{team}.{'ours' if team == 'own' else CANARY}" for team in teams],
        }
        store.client.set(store.keys.worker(name), orjson.dumps(worker))
        store.client.zadd(store.keys.workers(), {name: 1})


def application(store: Store) -> Iterator[Flask]:
    """Yield the application; who asks says so in a header."""

    def identify() -> Principal | None:
        return principal(request.headers["X-Test-Principal"], store, OWN)

    stop, audit = threading.Event(), Audit(store)
    yield create_app(store.settings, store, lambda *_: None, stop, watch=lambda _: None, identify=identify, audit=audit)
    stop.set()
    audit.stop()


def by_test_header(who: str) -> dict[str, Any]:
    """Return what of a request says who sends it, to the application of these tests."""
    return {"headers": {"X-Test-Principal": who}}


def call(
    app: Flask,
    who: str,
    method: str,
    path: str,
    run_id: str,
    shown: Callable[[str], dict[str, Any]] = by_test_header,
) -> tuple[int, bytes]:
    """Send a request, as good as its route wants it; return the status and all that was answered."""
    address = path.replace("<run_id>", run_id).replace("<path:filename>", "none.js").replace("<token_id>", "none")
    address = address.replace("<share_id>", "none")
    body: dict[str, Any] | None = {} if method == "POST" else None
    if (method, path) == ("POST", "/api/v1/runs"):
        body = {"task": "own.ours" if run_id == OWN else f"others.{CANARY}", "kwargs": {}}
    if path.endswith("/tokens") and body is not None:
        body = {"name": "a token"}
    if path.endswith("/open"):
        body = {"secret": "none"}
    if path.endswith("lock"):
        body = {"id": "user:none"}
    query = {"q": "in"} if path.endswith("search") else {"id": run_id} if path.endswith("run-lines") else None
    answer = app.test_client().open(address, method=method, json=body, query_string=query, **shown(who))
    with answer:
        return answer.status_code, answer.data + str(answer.headers).encode()


def length(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    """Return the lines that give the length of two answers: those of the ids differ."""

    def line(answer: bytes) -> bytes:
        return next(one for one in answer.split(b"\r\n") if b"Content-Length" in one)

    return line(first), line(second)
