"""Every route for everybody: the status that the table says, and of another team's runs not a byte."""

import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask, request

from runtail.access.principal import Principal
from runtail.access.rights import Right
from runtail.errors import ConfigError
from runtail.store import Store
from runtail_web import authorization
from runtail_web.app import create_app
from tests.support.grants import GRANTS
from tests.support.runs import finish, make_store, open_run, write_lines

PREFIX = "t-access:"
#: Stands in everything that the other team's run has.
CANARY = "canary-of-the-others"
OWN, OTHERS = "own-run", "others-run"

#: ``nobody`` is not logged in.
EVERYBODY = ("nobody", *GRANTS)
#: The documented table: what each route takes. ``login``: any principal; ``public``: nothing.
TABLE: dict[tuple[str, str], Right | str] = {
    ("GET", "/static/<path:filename>"): "public",
    ("GET", "/"): "public",
    ("GET", "/runs"): "public",
    ("GET", "/runs/"): "public",
    ("GET", "/runs/<run_id>"): "public",
    ("GET", "/text.css"): "public",
    ("GET", "/api/api.css"): "public",
    ("GET", "/api"): "login",
    ("GET", "/api/v1/openapi.json"): "login",
    ("GET", "/api/v1/config"): "login",
    ("GET", "/api/v1/tasks"): "tasks:read",
    ("GET", "/api/v1/workers"): "workers:read",
    ("GET", "/api/v1/runs"): "run:read",
    ("POST", "/api/v1/runs"): "run:start",
    ("GET", "/api/v1/runs/<run_id>"): "run:read",
    ("POST", "/api/v1/runs/<run_id>/cancel"): "run:cancel",
    ("POST", "/api/v1/runs/<run_id>/retry"): "run:start",
    ("DELETE", "/api/v1/runs/<run_id>"): "run:delete",
    ("GET", "/api/v1/runs/<run_id>/log"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/log.txt"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/log/search"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/outline"): "log:read",
    ("GET", "/runs/<run_id>/text"): "log:read",
}


def seed(store: Store) -> None:
    """Make the two runs, their tasks and their workers; again after a test has ended or deleted them."""
    for run_id, team, word in ((OWN, "own", "ours"), (OTHERS, "others", CANARY)):
        store.client.delete(store.keys.run(run_id), store.keys.log(run_id), store.keys.deleted(run_id))
        writer = open_run(store, run_id, task=f"{team}.{word}")
        writer.add("o", f"{word} in the log\n".encode(), 1)
        write_lines(writer, 2, 3)
        finish(writer, why=f"{word} is why")
        fields: dict[Any, Any] = {"queue": team, "kwargs": orjson.dumps({"of": word}), "who": f"{word} started it"}
        store.client.hset(store.keys.run(run_id), mapping=fields)
        task = {"name": f"{team}.{word}", "schema": {"type": "object"}, "queue": team, "doc": f"{word} does it"}
        store.client.hset(store.keys.tasks(), f"{team}.{word}", orjson.dumps(task))


@pytest.fixture(scope="module")
def store(redis_url: str) -> Store:
    return make_store(redis_url, PREFIX)


@pytest.fixture(scope="module")
def app(store: Store) -> Iterator[Flask]:
    """The application; who asks says so in a header."""

    def identify() -> Principal | None:
        name = request.headers["X-Test-Principal"]
        return Principal("user", f"user:{name}", name, GRANTS[name]) if name in GRANTS else None

    stop = threading.Event()
    yield create_app(store.settings, store, lambda *_: None, stop, watch=lambda _: None, identify=identify)
    stop.set()


def call(app: Flask, who: str, method: str, path: str, run_id: str) -> tuple[int, bytes]:
    """Send a request, as good as its route wants it; return the status and all that was answered."""
    address = path.replace("<run_id>", run_id).replace("<path:filename>", "none.js")
    body: dict[str, Any] | None = {} if method == "POST" else None
    if (method, path) == ("POST", "/api/v1/runs"):
        body = {"task": "own.ours" if run_id == OWN else f"others.{CANARY}", "kwargs": {}}
    query = {"q": "in"} if path.endswith("search") else None
    answer = app.test_client().open(
        address, method=method, json=body, query_string=query, headers={"X-Test-Principal": who}
    )
    with answer:
        return answer.status_code, answer.data + str(answer.headers).encode()


def expected(who: str, right: str, run_id: str, path: str) -> set[int]:
    """Return the statuses that may be answered."""
    if right == "public":
        return {200, 204, 302, 308, 404, 503}
    if who == "nobody":
        return {401}
    good = {200, 202, 204}
    if right == "login":
        return good
    reached = [grant.rights for grant in GRANTS[who] if grant.unlimited or run_id == OWN or "<run_id>" not in path]
    if any(right in rights for rights in reached):
        return good
    # What one may see, and do no more with, is refused; all else is not there.
    return {403} if "<run_id>" not in path or any("run:read" in rights for rights in reached) else {404}


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(("method", "path"), TABLE)
def test_everybody_gets_what_the_table_says(app: Flask, store: Store, who: str, method: str, path: str) -> None:
    for run_id in (OWN, OTHERS):
        seed(store)
        if (method, path, run_id) == ("POST", "/api/v1/runs", OTHERS):
            continue  # a test of its own
        wanted = expected(who, TABLE[method, path], run_id, path)
        if 200 in wanted and path.endswith("cancel"):
            wanted = {409}  # it is over
        elif 200 in wanted and path.endswith("retry") and who == "no-parameters":
            wanted = {403}  # it would show them
        status, body = call(app, who, method, path, run_id)
        assert status in wanted, (status, body)
        if not any(grant.unlimited for grant in GRANTS.get(who, ())):
            assert CANARY.encode() not in body


def test_the_table_has_every_route(app: Flask) -> None:
    found = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == set(TABLE)


@pytest.mark.parametrize("who", ["guest", "viewer", "operator", "admin"])
def test_a_run_of_others_looks_like_one_that_is_not_there(app: Flask, store: Store, who: str) -> None:
    seed(store)
    for method, path in TABLE:
        if not path.startswith("/api/v1/runs/"):
            continue
        status, body = call(app, who, method, path, OTHERS)
        missing, same = call(app, who, method, path, "none-of-all")
        assert (status, body) == (missing, same.replace(b"none-of-all", OTHERS.encode()).replace(*length(same, body)))


def length(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    """Return the lines that give the length of two answers: those of the ids differ."""

    def line(answer: bytes) -> bytes:
        return next(one for one in answer.split(b"\r\n") if b"Content-Length" in one)

    return line(first), line(second)


@pytest.mark.parametrize("who", ["operator", "admin"])
def test_a_task_of_others_cannot_be_started_and_is_not_known(app: Flask, store: Store, who: str) -> None:
    seed(store)
    client = app.test_client()
    headers = {"X-Test-Principal": who}
    answers = [
        client.post("/api/v1/runs", json={"task": name, "kwargs": {}}, headers=headers)
        for name in (f"others.{CANARY}", "others.none")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    first, second = (answer.get_json() for answer in answers)
    assert first["detail"].replace(f"others.{CANARY}", "others.none") == second["detail"]


def test_a_key_of_one_principal_is_none_of_anothers(app: Flask, store: Store) -> None:
    seed(store)
    client = app.test_client()
    ids = []
    for who in ("operator", "admin", "operator"):
        headers = {"X-Test-Principal": who, "Idempotency-Key": "release"}
        answer = client.post("/api/v1/runs", json={"task": "own.ours", "kwargs": {}}, headers=headers)
        assert answer.status_code == 202
        ids.append(answer.get_json()["id"])
    assert ids[0] == ids[2] != ids[1]
    assert store.client.hget(store.keys.run(ids[0]), "who_id") == b"user:operator"


def test_who_may_not_see_parameters_sees_none(app: Flask, store: Store) -> None:
    seed(store)
    client = app.test_client()
    headers = {"X-Test-Principal": "no-parameters"}
    assert client.get(f"/api/v1/runs/{OWN}", headers=headers).get_json()["kwargs"] is None
    assert {run["kwargs"] for run in client.get("/api/v1/runs", headers=headers).get_json()["runs"]} == {None}
    # Starting it again would show them, in the new run.
    assert client.post(f"/api/v1/runs/{OWN}/retry", json={}, headers=headers).status_code == 403


def test_a_route_that_says_nothing_is_refused_at_the_start(store: Store) -> None:
    app = Flask(__name__)
    authorization.install(app, store, authorization.anyone_at_this_address)
    app.add_url_rule("/new", view_func=lambda: "")
    with pytest.raises(ConfigError, match="do not say who may call them \\(@allows\\): /new"):
        authorization.refuse_unmarked(app)
