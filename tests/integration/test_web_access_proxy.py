"""Every route for everybody whom a proxy logs in: the same table, the same rights, and not a byte of another team."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask

from runtail.access.principal import Grant
from runtail.forwarded import HEADERS
from runtail.runs.record import read_run
from runtail.store import Store
from runtail_web.app import create_app
from tests.integration.test_web_access import TABLE, expected
from tests.support.grants import GRANTS, LIMITED
from tests.support.logins import write
from tests.support.proxied import SETTINGS, logged_in
from tests.support.runs import make_store
from tests.support.two_teams import CANARY, OTHERS, OWN, call, length, seed

PREFIX = "t-access-proxy:"
ORIGIN = {"Origin": "http://localhost"}
#: The routes that there are only with a login: the statuses for somebody, and for nobody.
LOGIN_TABLE: dict[tuple[str, str], tuple[set[int], set[int]]] = {
    ("POST", "/auth/logout"): ({409}, {401}),
    ("POST", "/auth/cli"): ({201}, {201}),
    ("POST", "/auth/cli/about"): ({422}, {401}),
    ("POST", "/auth/cli/confirm"): ({422}, {401}),
    ("POST", "/auth/cli/token"): ({422}, {422}),
}


def written(name: str, grant: Grant) -> str:
    """Return a grant as a policy has it; what is a role has its name there."""
    lines = ["[[grant]]", f'to = ["proxy:{name}"]']
    lines.append(f'role = "{name}"' if name in ("viewer", "operator", "admin") else f"rights = {sorted(grant.rights)}")
    lines += [f"{key} = {sorted(values)}" for key in ("tasks", "queues") if (values := getattr(grant, key))]
    lines += [f"labels = {{ {key} = {sorted(values)} }}" for key, values in sorted(grant.labels)]
    return "\n".join([*lines, *(['who = "self"'] if grant.own else [])]) + "\n"


def shown(who: str) -> dict[str, Any]:
    """Return what of a request says who sends it, as it comes through the proxy."""
    headers = ORIGIN if who == "nobody" else {**ORIGIN, **logged_in(who)}
    # What our servers tell the application.
    return {"headers": headers, "environ_overrides": {HEADERS: tuple(headers.items())}}


@pytest.fixture(scope="module")
def store(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Store:
    policy = write(
        tmp_path_factory.mktemp("policy") / "policy.toml",
        "\n".join(written(name, grant) for name, grants in GRANTS.items() for grant in sorted(grants, key=repr)),
    )
    limits = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    return make_store(redis_url, PREFIX, auth_policy_file=str(policy), **limits, **SETTINGS)


@pytest.fixture(scope="module")
def app(store: Store) -> Iterator[Flask]:
    stop = threading.Event()
    yield create_app(store.settings, store, lambda *_: None, stop, watch=lambda _: None)
    stop.set()


@pytest.mark.parametrize("who", ["nobody", *GRANTS])
@pytest.mark.parametrize(("method", "path"), TABLE)
def test_everybody_gets_what_the_table_says(app: Flask, store: Store, who: str, method: str, path: str) -> None:
    for run_id in (OWN, OTHERS):
        seed(store, who, "proxy")
        if (method, path, run_id) == ("POST", "/api/v1/runs", OTHERS):
            continue  # it has a test of its own where the table is
        wanted = expected(who, TABLE[method, path], run_id, method, path)
        if 200 in wanted and path.endswith("cancel"):
            wanted = {409}  # it is over
        elif 200 in wanted and path.endswith("retry") and who == "no-parameters":
            wanted = {403}  # it would show them
        elif 200 in wanted and path.endswith("ticket"):
            wanted = {403}  # it is for pages of other origins
        elif 200 in wanted and method == "POST" and path.endswith(("v1/tokens", "/shares")):
            wanted = {201}
        elif 200 in wanted and path.endswith(("<token_id>", "lock", "v1/shares/<share_id>")):
            wanted = {404}
        elif path.endswith("/open"):
            wanted = {404, 429}  # a wrong link, and soon too many of them
        elif TABLE[method, path] == "public":
            wanted = {*wanted, 303} if who == "nobody" else wanted
        status, body = call(app, who, method, path, run_id, shown)
        assert status in wanted, (status, body)
        if who == "nobody" or who in LIMITED:
            assert CANARY.encode() not in body


@pytest.mark.parametrize("who", ["nobody", "guest", "everything"])
@pytest.mark.parametrize(("method", "path"), LOGIN_TABLE)
def test_the_routes_of_the_login(app: Flask, who: str, method: str, path: str) -> None:
    somebody, nobody = LOGIN_TABLE[method, path]
    status, body = call(app, who, method, path, OWN, shown)
    assert status in (nobody if who == "nobody" else somebody | ({403} if who == "guest" else set())), (status, body)


def test_the_tables_have_every_route(app: Flask) -> None:
    found = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == {*TABLE, *LOGIN_TABLE}


@pytest.mark.parametrize("who", ["nobody", *LIMITED])
def test_no_method_tells_a_word_of_the_other_team(app: Flask, store: Store, who: str) -> None:
    seed(store, who, "proxy")
    for path in sorted({path for _, path in (*TABLE, *LOGIN_TABLE)}):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            status, body = call(app, who, method, path, OTHERS if "<run_id>" in path else OWN, shown)
            assert CANARY.encode() not in body, (method, path)
            assert status < 500 or (status, TABLE.get(("GET", path))) == (503, "public"), (method, path)
    assert read_run(store, OTHERS).state == "succeeded"


@pytest.mark.parametrize("who", LIMITED)
def test_a_run_of_others_looks_like_one_that_is_not_there(app: Flask, store: Store, who: str) -> None:
    seed(store, who, "proxy")
    for method, path in TABLE:
        if "<run_id>" not in path or TABLE[method, path] == "public":
            continue
        status, body = call(app, who, method, path, OTHERS, shown)
        missing, same = call(app, who, method, path, "none-of-all", shown)
        assert (status, body) == (missing, same.replace(b"none-of-all", OTHERS.encode()).replace(*length(same, body)))


def test_a_run_says_who_started_it(app: Flask, store: Store) -> None:
    seed(store, "operator", "proxy")
    answer = app.test_client().post("/api/v1/runs", json={"task": "own.ours", "kwargs": {}}, **shown("operator"))
    run_id = answer.get_json()["id"]
    kept: Any = store.client.hmget(store.keys.run(run_id), "who_id", "who")
    assert kept == [b"proxy:operator", b"operator"]
    assert orjson.loads(app.test_client().get("/api/v1/session", **shown("operator")).data)["id"] == "proxy:operator"
