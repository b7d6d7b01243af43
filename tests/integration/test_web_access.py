"""Every route for everybody: the status that the table says, and of another team's runs not a byte."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from runtail.access.rights import RIGHTS, Right
from runtail.errors import ConfigError
from runtail.runs.record import read_run
from runtail.store import Store
from runtail_web import authorization
from runtail_web.limits import Limits
from runtail_web.login.wiring import Login
from tests.support.grants import GRANTS, LIMITED, PRINCIPALS, SHARE
from tests.support.runs import make_store
from tests.support.two_teams import CANARY, OTHERS, OWN, application, call, length, seed

PREFIX = "t-access:"
DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"

#: ``nobody`` is not logged in.
EVERYBODY = ("nobody", *PRINCIPALS)
#: The documented table: what each route takes. ``login``: any principal; ``public``: nothing.
TABLE: dict[tuple[str, str], Right | str] = {
    ("GET", "/static/<path:filename>"): "public",
    ("GET", "/"): "public",
    ("GET", "/runs"): "public",
    ("GET", "/runs/"): "public",
    ("GET", "/runs/<run_id>"): "public",
    ("GET", "/login"): "public",
    ("GET", "/audit"): "public",
    ("GET", "/tokens"): "public",
    ("GET", "/cli"): "public",
    ("GET", "/watch"): "public",
    ("GET", "/s/<share_id>"): "public",
    ("GET", "/text.css"): "public",
    ("GET", "/api/api.css"): "public",
    ("GET", "/api"): "login",
    ("GET", "/api/v1/openapi.json"): "login",
    ("GET", "/api/v1/config"): "login",
    ("GET", "/api/v1/session"): "login",
    ("GET", "/api/v1/tokens"): "token:own",
    ("POST", "/api/v1/tokens"): "token:own",
    ("DELETE", "/api/v1/tokens/<token_id>"): "login",
    ("POST", "/api/v1/ticket"): "login",
    ("GET", "/api/v1/users"): "admin",
    ("GET", "/api/v1/sessions"): "admin",
    ("POST", "/api/v1/users/lock"): "admin",
    ("POST", "/api/v1/users/unlock"): "admin",
    ("GET", "/api/v1/audit"): "admin",
    ("GET", "/api/v1/tasks"): "tasks:read",
    ("GET", "/api/v1/workers"): "workers:read",
    ("GET", "/api/v1/runs"): "run:read",
    ("GET", "/api/v1/run-counts"): "run:read",
    ("POST", "/api/v1/runs"): "run:start",
    ("GET", "/api/v1/runs/<run_id>"): "run:read",
    ("POST", "/api/v1/runs/<run_id>/cancel"): "run:cancel",
    ("POST", "/api/v1/runs/<run_id>/retry"): "run:start",
    ("DELETE", "/api/v1/runs/<run_id>"): "run:delete",
    ("GET", "/api/v1/runs/<run_id>/log"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/log.txt"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/log/search"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/outline"): "log:read",
    ("GET", "/api/v1/run-lines"): "log:read",
    ("GET", "/runs/<run_id>/text"): "log:read",
    ("GET", "/api/v1/runs/<run_id>/shares"): "share:create",
    ("POST", "/api/v1/runs/<run_id>/shares"): "share:create",
    ("DELETE", "/api/v1/shares/<share_id>"): "share:create",
    ("POST", "/api/v1/shares/<share_id>/open"): "public",
}
#: What shows a part of a log, and so is for guests.
PARTS = {
    ("GET", "/api/v1/runs/<run_id>/log"),
    ("GET", "/api/v1/runs/<run_id>/log.txt"),
    ("GET", "/api/v1/runs/<run_id>/log/search"),
    ("GET", "/runs/<run_id>/text"),
}
#: And those of logging in, which have tests of their own.
LOGIN: dict[str, dict[tuple[str, str], Right | str]] = {
    "none": {},
    "oidc": {
        ("POST", "/auth/logout"): "login",
        ("POST", "/auth/cli"): "public",
        ("POST", "/auth/cli/about"): "token:own",
        ("POST", "/auth/cli/confirm"): "token:own",
        ("POST", "/auth/cli/token"): "public",
        ("POST", "/auth/oidc/login"): "public",
        ("GET", "/auth/oidc/callback"): "public",
        ("POST", "/auth/oidc/backchannel"): "public",
    },
}
#: The settings of each mode; how people log in does not matter here.
MODES: dict[str, dict[str, str]] = {
    "none": {},
    "oidc": {
        "auth_mode": "oidc",
        "auth_oidc_issuer": "https://login.example",
        "auth_oidc_client_id": "runtail",
        "auth_oidc_client_secret": "a secret of a test",
        "public_url": "http://localhost",
    },
}


@pytest.fixture(scope="module", params=MODES)
def store(request: pytest.FixtureRequest, redis_url: str) -> Store:
    # One address sends thousands of requests here.
    limits = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    return make_store(redis_url, PREFIX, **{**limits, **MODES[request.param]})


@pytest.fixture(scope="module")
def app(store: Store) -> Iterator[Flask]:
    yield from application(store)


def expected(who: str, right: str, run_id: str, method: str, path: str) -> set[int]:
    """Return the statuses that may be answered."""
    if right == "public":
        # 303: to the page of the login.
        return {200, 204, 302, 303, 308, 404, 503}
    if who == "nobody":
        # Pages lead to the login.
        return {401} if path.startswith("/api/") else {303}
    good = {200, 202, 204}
    if right == "login":
        return good
    if who == SHARE:
        if "<run_id>" in path and run_id == OTHERS:
            return {404}
        return good if (method, path) in PARTS else {403}
    reached = [
        grant.rights
        for grant in GRANTS[who]
        if grant.unlimited or (right != "admin" and (run_id == OWN or "<run_id>" not in path))
    ]
    if any(right in rights for rights in reached):
        return good
    # What one may see, and do no more with, is refused; all else is not there.
    return {403} if "<run_id>" not in path or any({"run:read", "log:read"} & rights for rights in reached) else {404}


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(("method", "path"), TABLE)
def test_everybody_gets_what_the_table_says(app: Flask, store: Store, who: str, method: str, path: str) -> None:
    for run_id in (OWN, OTHERS):
        seed(store, who)
        if (method, path, run_id) == ("POST", "/api/v1/runs", OTHERS):
            continue  # a test of its own
        wanted = expected(who, TABLE[method, path], run_id, method, path)
        if 200 in wanted and path.endswith("cancel"):
            wanted = {409}  # it is over
        elif 200 in wanted and path.endswith("retry") and who == "no-parameters":
            wanted = {403}  # it would show them
        elif 200 in wanted and (method, path) in (("POST", "/api/v1/tokens"), ("POST", "/api/v1/ticket")):
            # Without a login there is nothing to make them of; and this client is no page of another origin.
            wanted = {409} if store.settings.auth_mode == "none" else {403 if path.endswith("ticket") else 201}
        elif 200 in wanted and path.endswith(("<token_id>", "lock", "v1/shares/<share_id>")):
            wanted = {404}
        elif 200 in wanted and (method, path) == ("POST", "/api/v1/runs/<run_id>/shares"):
            wanted = {409} if store.settings.auth_mode == "none" else {201}
        elif path.endswith("/open"):
            wanted = {403}  # only pages of ours open a link
        status, body = call(app, who, method, path, run_id)
        assert status in wanted, (status, body)
        if who in ("nobody", SHARE, *LIMITED):
            assert CANARY.encode() not in body
        if who == SHARE:
            # Of the own run neither the first line nor what the record says.
            assert not re.search(rb"ours (in the log|is why|started it)", body)


@pytest.mark.parametrize("who", ["nobody", SHARE, *LIMITED])
def test_no_method_tells_a_word_of_the_other_team(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    for path in sorted({path for _, path in TABLE}):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            # (A start of the other team's task repeats its name.)
            status, body = call(app, who, method, path, OTHERS if "<run_id>" in path else OWN)
            assert CANARY.encode() not in body, (method, path)
            # (In a test nothing has built the page.)
            assert status < 500 or (status, TABLE.get(("GET", path))) == (503, "public"), (method, path)
    # The other team's run is as it was.
    assert read_run(store, OTHERS).state == "succeeded"


def test_the_documented_rights_are_those_of_the_routes() -> None:
    rows = {
        right: set(re.findall(r"`((?:GET|POST|DELETE) [^`]+)`", line))
        for line in DOCUMENT.read_text().splitlines()
        if (right := line.removeprefix("| `").partition("`")[0]) in RIGHTS
    }
    wanted = {
        (right, f"{method} {path.removeprefix('/api/v1').replace('<run_id>', '<id>').replace('<share_id>', '<id>')}")
        for (method, path), right in TABLE.items()
        if right in RIGHTS
    }
    assert {(right, route) for right, routes in rows.items() for route in routes} == wanted


def test_the_table_has_every_route(app: Flask, store: Store) -> None:
    found = {
        (method, rule.rule): authorization.requirement_of(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    rights = {route: requirement.right for route, requirement in found.items() if requirement}
    assert rights == {**TABLE, **LOGIN[store.settings.auth_mode]}


@pytest.mark.parametrize("who", [SHARE, *LIMITED])
def test_a_run_of_others_looks_like_one_that_is_not_there(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
    for method, path in TABLE:
        if "<run_id>" not in path or TABLE[method, path] == "public":
            continue
        status, body = call(app, who, method, path, OTHERS)
        missing, same = call(app, who, method, path, "none-of-all")
        assert (status, body) == (missing, same.replace(b"none-of-all", OTHERS.encode()).replace(*length(same, body)))


@pytest.mark.parametrize("who", ["operator", "admin"])
def test_a_task_of_others_cannot_be_started_and_is_not_known(app: Flask, store: Store, who: str) -> None:
    seed(store, who)
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
    seed(store, "operator")
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
    seed(store, "operator")
    client = app.test_client()
    headers = {"X-Test-Principal": "no-parameters"}
    run = client.get(f"/api/v1/runs/{OWN}", headers=headers).get_json()
    assert (run["kwargs"], run["result"], run["title"]) == (None, None, "ours is the title")
    assert {run["kwargs"] for run in client.get("/api/v1/runs", headers=headers).get_json()["runs"]} == {None}
    # Starting it again would show them, in the new run.
    assert client.post(f"/api/v1/runs/{OWN}/retry", json={}, headers=headers).status_code == 403


def test_a_route_that_says_nothing_is_refused_at_the_start(store: Store) -> None:
    app = Flask(__name__)
    authorization.install(app, store, Login(store).identify, Limits(store.settings))
    app.add_url_rule("/new", view_func=lambda: "")
    with pytest.raises(ConfigError, match="do not say who may call them \\(@allows\\): /new"):
        authorization.refuse_unmarked(app)
