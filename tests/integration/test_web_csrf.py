"""What a foreign page can make a browser send changes nothing, and a GET changes nothing, whoever sends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from flask import Flask, request

from runtail.access.principal import EVERYTHING, Principal
from runtail.auth.command_line import CommandLines
from runtail.auth.login_codes import make_login_code
from runtail.auth.shares import Shares
from runtail.auth.tokens import Tokens
from runtail.auth.users import Users
from runtail.forwarded import HEADERS
from runtail.log.reader import head
from runtail.protocol import Clip
from runtail.store import Store
from runtail_web.app import create_app
from runtail_web.guard import SAFE_METHODS
from tests.support.forging_provider import CLIENT_ID, CLIENT_SECRET, ForgingProvider
from tests.support.proxied import SETTINGS
from tests.support.runs import finish, make_store, open_run, write_lines

PREFIX = "t-csrf:"
TASK = "csrf.task"
PASSWORD = "a-long-password"
#: Between them they have every route.
MODES: dict[str, Mapping[str, str]] = {
    "password": {"auth_mode": "password", "auth_admin_password": PASSWORD},
    "link": {"auth_mode": "link"},
    "oidc": {
        "auth_mode": "oidc",
        "auth_oidc_issuer": "https://login.example",
        "auth_oidc_client_id": CLIENT_ID,
        "auth_oidc_client_secret": CLIENT_SECRET,
        "public_url": "http://localhost",
    },
    "proxy": {**SETTINGS, "auth_proxy_logout_url": "/their/logout"},
}
#: What a browser shows by itself, by mode: a cookie of ours, or a login of the proxy's.
AMBIENT = {"password": "session:x", "link": "session:x", "oidc": "session:x", "proxy": 'proxy:["ann","ann",[]]'}
#: Who made a share link, by mode.
MAKERS = {"password": "user:admin", "link": "", "oidc": "oidc:x:ann", "proxy": "proxy:ann"}
PORTAL = "https://portal.example"
#: What a browser sends with a request of one of our own pages.
OURS = {"Origin": "http://localhost"}
COOKIE = {"Cookie": "runtail-80=x"}

#: What is there to be changed, by its part of an address or a body.
Seeded = dict[str, str]
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Writing:
    """A route that changes something.

    :param run: the run in its address.
    :param body: of a good request; a text in braces names something that is there.
    :param senders: who changes something with it: ``all``; ``anybody``: they, and a cookie counts for nothing;
        ``pages``: our own, and no program; ``listed``: pages of other origins; ``session``: who is logged in;
        ``nobody``: it reads, and takes a body so that no log has what it is about.
    """

    run: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    senders: str = "all"


WRITING = {
    ("POST", "/api/v1/runs"): Writing(body={"task": TASK, "kwargs": {}}),
    ("POST", "/api/v1/runs/<run_id>/cancel"): Writing("running"),
    ("POST", "/api/v1/runs/<run_id>/retry"): Writing("over"),
    ("DELETE", "/api/v1/runs/<run_id>"): Writing("over"),
    ("POST", "/api/v1/tokens"): Writing(body={"name": "deploy"}),
    ("DELETE", "/api/v1/tokens/<token_id>"): Writing(),
    ("POST", "/api/v1/ticket"): Writing(senders="listed"),
    ("POST", "/api/v1/runs/<run_id>/shares"): Writing("over"),
    ("DELETE", "/api/v1/shares/<share_id>"): Writing(),
    ("POST", "/api/v1/shares/<share_id>/open"): Writing(body={"secret": "{share_secret}"}, senders="pages"),
    ("POST", "/api/v1/users/lock"): Writing(body={"id": "user:bob"}),
    ("POST", "/api/v1/users/unlock"): Writing(body={"id": "user:eve"}),
    ("POST", "/auth/login"): Writing(body={"name": "admin", "password": PASSWORD}, senders="pages"),
    ("POST", "/auth/link"): Writing(body={"code": "{link}"}, senders="pages"),
    ("POST", "/auth/oidc/login"): Writing(body={"next": "/"}, senders="pages"),
    # (The provider sends it, without a browser; what it did not sign has no effect.)
    ("POST", "/auth/oidc/backchannel"): Writing(senders="nobody"),
    ("POST", "/auth/logout"): Writing(senders="session"),
    ("POST", "/auth/cli"): Writing(body={"name": "laptop"}, senders="anybody"),
    ("POST", "/auth/cli/about"): Writing(body={"code": "{code}"}, senders="nobody"),
    ("POST", "/auth/cli/confirm"): Writing(body={"code": "{code}"}),
    ("POST", "/auth/cli/token"): Writing(body={"secret": "{secret}"}, senders="anybody"),
}

#: What attackers can have a browser send, as changes to a good request: method, headers, body (None: that of the good
#: one).
Attack = tuple[str | None, dict[str, str], bytes | None]
ATTACKS: dict[str, Attack] = {
    "null": (None, JSON | {"Origin": "null"}, None),
    "other": (None, JSON | {"Origin": "https://evil.test"}, None),
    "other-scheme-and-port": (None, JSON | {"Origin": "http://localhost:81"}, None),
    "lookalike": (None, JSON | {"Origin": "http://localhost.evil.test"}, None),
    "form": ("POST", {"Content-Type": "application/x-www-form-urlencoded"}, b"task=csrf.task&why=x&name=admin"),
    "form-of-json": ("POST", {"Content-Type": "text/plain"}, None),
    "multipart": ("POST", {"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
    "text": (None, {"Content-Type": "text/plain"}, None),
    "json-in-text": (None, {"Content-Type": "text/plain; application/json"}, None),
    "get": ("GET", {}, None),
    "get-with-a-body": ("GET", JSON, None),
    "head": ("HEAD", JSON, None),
    "get-override": ("GET", JSON | {"X-HTTP-Method-Override": "POST"}, None),
    "get-override-delete": ("GET", {"X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"}, None),
    "form-override": (
        "POST",
        {"X-HTTP-Method-Override": "DELETE", "Content-Type": "application/x-www-form-urlencoded"},
        b"_method=DELETE",
    ),
    "cross-site": (None, JSON | {"Sec-Fetch-Site": "cross-site"}, None),
    "cross-site-navigation": (
        None,
        JSON | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        None,
    ),
    "cross-site-own": (None, JSON | OURS | {"Sec-Fetch-Site": "cross-site"}, None),
}
#: What more is refused to a request that is known by its cookie.
BY_COOKIE: dict[str, Attack] = {
    "no-origin": (None, JSON, None),
    "same-site": (None, JSON | {"Sec-Fetch-Site": "same-site"}, None),
    "none": (None, JSON | {"Sec-Fetch-Site": "none"}, None),
    "listed": (None, JSON | {"Origin": PORTAL, "Sec-Fetch-Site": "cross-site"}, None),
    "listed-same-site": (None, JSON | {"Origin": PORTAL, "Sec-Fetch-Site": "same-site"}, None),
    "empty-origin": (None, JSON | {"Origin": ""}, None),
}


@pytest.fixture(scope="module", params=MODES)
def store(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Store]:
    # One address sends thousands of requests here.
    limits = {"limit_starts": 0, "limit_changes": 0, "limit_requests": 0}
    with ForgingProvider() as provider:
        there = {"auth_oidc_issuer": provider.issuer} if request.param == "oidc" else {}
        yield make_store(redis_url, PREFIX, allowed_origins=PORTAL, **{**limits, **MODES[request.param], **there})


@pytest.fixture(scope="module")
def app(store: Store) -> Iterator[Flask]:
    """The application; a request with a cookie is known by it, and others as if by a token."""

    ambient = AMBIENT[store.settings.auth_mode]

    def identify() -> Principal:
        by_cookie = "Cookie" in request.headers
        return Principal("user", "user:ann", "ann", frozenset((EVERYTHING,)), ambient if by_cookie else "")

    stop = threading.Event()
    yield create_app(store.settings, store, lambda *_: None, stop, watch=lambda _: None, identify=identify)
    stop.set()


def seed(store: Store) -> Seeded:
    """Make everything anew that a request could change."""
    for pattern in (f"{store.keys.prefix}*", f"{store.keys.auth_prefix}*"):
        for key in store.client.scan_iter(pattern):
            store.client.delete(key)
    store.client.hset(
        store.keys.tasks(), TASK, orjson.dumps({"name": TASK, "schema": {"type": "object"}, "queue": "csrf"})
    )
    for run_id in ("over", "running"):
        writer = open_run(store, run_id, task=TASK)
        write_lines(writer, 1, 50, per_entry=10)
        if run_id == "over":
            finish(writer)
    store.client.hset(store.keys.session("x"), "name", "ann")
    users = Users(store)
    for name in ("bob", "eve"):
        users.put(f"user:{name}", [])
    users.lock("user:eve")
    waiting = CommandLines(store)
    begun, confirmed = waiting.begin("", ""), waiting.begin("", "")
    waiting.confirm(confirmed.code, "user:ann", "ann", ["run:read"])
    _, token = Tokens(store).make("ci", "user:ann", "ann", ["run:read"], 1)
    maker = MAKERS[store.settings.auth_mode]
    if maker:
        users.put(maker, ["admins"])
    who = Principal("user", maker, "somebody", frozenset())
    shared, _ = Shares(store).make("over", Clip(1), head(store, "over").epoch, who, 600)
    return {
        "code": begun.code,
        "secret": confirmed.secret,
        "link": make_login_code(store),
        "token": token.id,
        "share": shared.id,
        "share_secret": shared.secret,
    }


def dump(store: Store) -> dict[bytes, Any]:
    """Return all that the store has of ours, apart from the counts of requests."""
    keys = [*store.client.scan_iter(f"{store.keys.prefix}*"), *store.client.scan_iter(f"{store.keys.auth_prefix}*")]
    counts = f"{store.keys.auth_prefix}limits".encode()
    return {key: store.client.dump(key) for key in sorted(keys) if not key.startswith(counts)}


def send(app: Flask, method: str, path: str, headers: dict[str, str], body: bytes | None) -> int:
    more = {HEADERS: tuple(headers.items())}
    with app.test_client(use_cookies=False).open(
        path, method=method, headers=headers, data=body, environ_overrides=more
    ) as answer:
        return answer.status_code


def writing(app: Flask) -> set[tuple[str, str]]:
    """Return the routes that can change something, as method and rule."""
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - set(SAFE_METHODS)
    }


def good(method: str, path: str, there: Seeded) -> tuple[str, bytes]:
    """Return address and body of a good request."""
    route = WRITING[method, path]
    values = {name: value.format(**there) if isinstance(value, str) else value for name, value in route.body.items()}
    address = path.replace("<run_id>", route.run).replace("<token_id>", there["token"])
    return address.replace("<share_id>", there["share"]), orjson.dumps(values)


def attacks(app: Flask, store: Store, wanted: dict[str, Attack], more: dict[str, str]) -> dict[str, int]:
    """Send each attack to each route; return the statuses of those that changed something."""
    effects = {}
    for method, path in sorted(writing(app)):
        if wanted is BY_COOKIE and WRITING[method, path].senders == "anybody":
            continue
        there = seed(store)
        before = dump(store)
        for name, (other_method, headers, other_body) in wanted.items():
            address, body = good(method, path, there)
            sent = body if other_body is None else other_body
            status = send(app, other_method or method, address, {**headers, **more}, sent)
            if dump(store) != before:
                effects[f"{method} {path}: {name}"] = status
                there = seed(store)
                before = dump(store)
    return effects


def test_the_routes_that_write_are_all_tried(redis_url: str) -> None:
    found = set()
    for settings in MODES.values():
        other = make_store(redis_url, PREFIX, **settings)
        found |= writing(create_app(other.settings, other, lambda *_: None, threading.Event(), watch=lambda _: None))
    assert found == set(WRITING)


@pytest.mark.parametrize("cookie", [{}, COOKIE], ids=["nothing", "cookie"])
def test_no_foreign_page_changes_anything(app: Flask, store: Store, cookie: dict[str, str]) -> None:
    assert attacks(app, store, ATTACKS, cookie) == {}


def test_with_a_cookie_a_request_must_say_that_it_comes_from_us(app: Flask, store: Store) -> None:
    assert attacks(app, store, BY_COOKIE, COOKIE) == {}


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        (OURS, "our page"),
        (OURS | COOKIE, "our page, logged in"),
        (OURS | COOKIE | {"Sec-Fetch-Site": "same-origin"}, "the same, as browsers are today"),
        (COOKIE | {"Sec-Fetch-Site": "same-origin"}, "the same, and an extension took the origin away"),
        ({}, "a program"),
        ({"Origin": PORTAL, "Sec-Fetch-Site": "cross-site"}, "a listed page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_everybody_else_does(app: Flask, store: Store, headers: dict[str, str], who: str) -> None:
    for method, path in sorted(writing(app)):
        there = seed(store)
        before = dump(store)
        address, body = good(method, path, there)
        status = send(app, method, address, {**JSON, **headers}, body)
        effect = {
            "all": True,
            "anybody": True,
            "pages": who not in ("a program", "a listed page"),
            "listed": who == "a listed page",
            # The proxy's login is not in our store.
            "session": "Cookie" in headers and store.settings.auth_mode != "proxy",
            "nobody": False,
        }[WRITING[method, path].senders]
        assert (dump(store) != before) == effect, (who, path, status)
        assert (200 <= status < 300) == (effect or path in ("/auth/logout", "/auth/cli/about")), (who, path, status)


def test_the_refusal_says_what_is_missing(app: Flask, store: Store) -> None:
    seed(store)
    answer = app.test_client(use_cookies=False).delete("/api/v1/runs/over", headers=COOKIE)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "csrf")
    assert "Origin" in answer.get_json()["detail"]


@pytest.mark.parametrize("method", SAFE_METHODS)
def test_reading_changes_nothing(app: Flask, store: Store, method: str) -> None:
    seed(store)
    before = dump(store)
    asked = 0
    for rule in app.url_map.iter_rules():
        if method not in (rule.methods or set()):
            continue
        for run_id in ("over", "running", "none"):
            path = rule.rule.replace("<run_id>", run_id).replace("<path:filename>", "icon.svg")
            queries = {"search": "?q=line", "log": "?limit=20", "run-lines": f"?id={run_id}"}
            query = queries.get(path.rpartition("/")[2], "")
            status = send(app, method, path + query, {}, None)
            assert status < 400 or (run_id == "none" and status == 404), (path, status)
            asked += 1
    assert asked > 40
    assert dump(store) == before
