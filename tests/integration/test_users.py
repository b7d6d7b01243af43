"""What administrators see and do about users; tokens of people who left, and tokens that end soon."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtail.access.rights import ROLES
from runtail.auth.authenticator import make_authenticator
from runtail.auth.policy_file import PolicyFile
from runtail.auth.tokens import DAY_MS, Tokens
from runtail.auth.users import Users, digest_of
from runtail.errors import NotLoggedIn
from runtail.forwarded import HEADERS, PEER
from tests.support.command import PROGRAM
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.processes import Process
from tests.support.proxied import SETTINGS, logged_in
from tests.support.relay import Client
from tests.support.runs import make_store, open_run, write_lines
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("users")
    policy = grant("group:admins", "admin") + grant("group:builders", "operator") + grant("oidc:*", "viewer")
    found = Installation(
        folder, redis_url, services=("web", "socket"), auth_mode="password", limit_requests=0, lease_seconds=600,
        auth_users_file=write_users(folder / "users", admin="admins", ann="builders"),
        auth_policy_file=write(folder / "policy.toml", policy),
    )  # fmt: skip
    found.relay.configure(allowed_origins=found.web.url)
    with found:
        yield found


@pytest.fixture
def admin(installation: Installation) -> Iterator[httpx.Client]:
    with browser(installation.web.url) as client:
        assert log_in(client).status_code == 200
        yield client


@pytest.fixture
def ann(installation: Installation) -> Iterator[httpx.Client]:
    with browser(installation.web.url, **{"User-Agent": "the browser of ann"}) as client:
        assert log_in(client, "ann").status_code == 200
        yield client


def make_token(client: httpx.Client, **more: object) -> dict[str, str]:
    return dict(client.post("/api/v1/tokens", json={"name": "ci", **more}).json())


def runtail(installation: Installation, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RUNTAIL_URL": installation.web.url, "RUNTAIL_TOKEN": token}
    return subprocess.run(
        [PROGRAM, *arguments], env=environment, text=True, capture_output=True, timeout=120, check=False
    )


def test_an_administrator_sees_users_and_sessions_and_nobody_else_does(
    installation: Installation, admin: httpx.Client, ann: httpx.Client
) -> None:
    listed = {one["id"]: one for one in admin.get("/api/v1/users").json()["users"]}
    assert listed["user:ann"]["groups"] == ["builders"]
    assert listed["user:ann"]["sessions"] >= 1
    assert not listed["user:ann"]["locked"]
    assert abs(listed["user:ann"]["seen_ms"] - time.time() * 1000) < DAY_MS
    sessions = admin.get("/api/v1/sessions").json()["sessions"]
    (hers,) = [one for one in sessions if one["agent"] == "the browser of ann"]
    assert (hers["user"], hers["name"], hers["address"]) == ("user:ann", "ann", "127.0.0.1")
    # Nothing in it lets anybody in.
    (cookie,) = ann.cookies.jar
    assert cookie.value is not None
    assert cookie.value not in admin.get("/api/v1/sessions").text
    assert digest_of(cookie.value) not in admin.get("/api/v1/sessions").text
    for method, path in (("GET", "/users"), ("GET", "/sessions"), ("POST", "/users/lock"), ("POST", "/users/unlock")):
        body = {"id": "user:admin"} if method == "POST" else None
        assert ann.request(method, f"/api/v1{path}", json=body).status_code == 403


def test_who_is_locked_out_is_out_at_once(
    installation: Installation, admin: httpx.Client, ann: httpx.Client, tmp_path: Path
) -> None:
    write_lines(open_run(installation.store, "one", task="build.web"), 1, 3)
    token = make_token(ann)["token"]
    viewer = Client(
        installation.relay.url, headers=[cookie_header(ann), f"Origin: {installation.web.url}"], origin=False
    ).join()
    assert viewer.emit("subscribe", {"v": 1, "run": "one"})["ok"]
    address = f"{installation.web.url}/api/v1/runs/one/log.txt?follow=1"
    curl = Process(["curl", "-sN", "-H", f"Authorization: Bearer {token}", address], tmp_path)
    wait_for(lambda: "line 3\n" in curl.output(), 30, curl.evidence)

    by_token = make_token(admin, rights=["admin"])["token"]
    locked = runtail(installation, by_token, "users", "lock", "user:ann")
    began = time.monotonic()
    assert (locked.returncode, locked.stdout) == (0, "")
    while viewer.next_event()[0] != "denied":
        pass
    wait_for(lambda: not curl.is_running(), 30, curl.evidence)
    assert time.monotonic() - began < 5
    assert curl.output().endswith("line 3\nruntail: Your login has ended. Log in again.\n")
    assert ann.get("/api/v1/session").status_code == 401
    refused = log_in(ann, "ann")
    assert (refused.status_code, refused.json()["code"]) == (403, "locked")
    assert "user:ann\tlocked\tbuilders" in runtail(installation, by_token, "users", "list").stdout

    # Nobody shuts the door behind themselves, not even by a token.
    for shown in (admin.post("/api/v1/users/lock", json={"id": "user:admin"}),):
        assert (shown.status_code, shown.json()["code"]) == (409, "yourself")
    assert "yourself" in runtail(installation, by_token, "users", "lock", "user:admin").stderr
    assert admin.post("/api/v1/users/lock", json={"id": "user:nobody"}).json()["code"] == "unknown-user"

    assert runtail(installation, by_token, "users", "unlock", "user:ann").returncode == 0
    assert log_in(ann, "ann").status_code == 200
    events = [one["event"] for one in admin.get("/api/v1/audit?event=user-locked,user-unlocked").json()["entries"]]
    assert events == ["user-unlocked", "user-locked"]


@pytest.mark.parametrize(
    ("who_id", "days_ago", "works"), [("proxy:bob", 46, False), ("proxy:bob", 44, True), ("user:admin", 400, True)]
)
def test_a_token_of_somebody_who_left_is_suspended(redis_url: str, who_id: str, days_ago: int, works: bool) -> None:
    mode = {"auth_mode": "password"} if who_id.startswith("user:") else SETTINGS
    store = make_store(redis_url, "t-left:", **mode)
    authenticator = make_authenticator(store, PolicyFile(store.settings), touch=True)
    users = Users(store)
    users.put(who_id, ["admins"])
    text, _ = Tokens(store).make("theirs", who_id, "bob", ROLES["viewer"], 90)
    shown = {"HTTP_AUTHORIZATION": f"Bearer {text.text}", HEADERS: ()}
    known = authenticator.identify(shown)
    assert known is not None
    store.client.hset(store.keys.user(digest_of(who_id)), "seen_ms", store.now_ms() - days_ago * DAY_MS)
    # Whoever follows with it is asked, too.
    assert (authenticator.recheck([known])[0] is not None) == works
    if not works:
        with pytest.raises(NotLoggedIn, match="was not here for 45 days"):
            authenticator.identify(shown)
        # The next login: the proxy says that they are here.
        headers = tuple({**logged_in("bob", "admins")}.items())
        assert authenticator.identify({HEADERS: headers, PEER: "127.0.0.1"}) is not None
    assert authenticator.identify(shown) is not None


def test_a_token_that_ends_soon_says_so(installation: Installation, admin: httpx.Client) -> None:
    long = make_token(admin, days=90)["token"]
    quiet = runtail(installation, long, "runs")
    assert quiet.returncode == 0
    assert "ends" not in quiet.stderr
    assert "Runtail-Token-Ends" not in admin.get("/api/v1/session").headers
    ends: list[float] = []
    for days in (90, 3):
        token = make_token(admin, days=days)
        tokens, store = Tokens(installation.store), installation.store
        (found,) = tokens.find_all([token["id"]])
        assert found is not None
        # Two thirds of its time and a little more have passed.
        made_ms = found.made_ms - int(days * 0.7 * DAY_MS)
        ends_ms = found.ends_ms - int(days * 0.7 * DAY_MS)
        store.client.hset(store.keys.token(found.id), mapping={"made_ms": made_ms, "ends_ms": ends_ms})
        ends.append(ends_ms)
        said = runtail(installation, token["token"], "runs").stderr
        assert said.count("the token for") == 1
        assert ("in 26 days" if days == 90 else " UTC: make a new one on") in said
        answer = httpx.get(
            f"{installation.web.url}/api/v1/session", headers={"Authorization": f"Bearer {token['token']}"}
        )
        assert answer.headers["Runtail-Token-Ends"] == str(ends_ms)


def test_a_metric_says_when_the_next_token_ends(installation: Installation, admin: httpx.Client) -> None:
    name = "runtail_web_token_next_end_timestamp_seconds"
    for one in admin.get("/api/v1/tokens?all=true").json()["tokens"]:
        assert admin.delete(f"/api/v1/tokens/{one['id']}").status_code == 204

    def metric() -> float | None:
        try:
            return installation.web.metric(name)
        except AssertionError:
            return None

    wait_for(lambda: metric() is None, 30)
    later, sooner = make_token(admin, days=9), make_token(admin, days=2)
    wait_for(lambda: metric() == float(sooner["ends_ms"]) / 1000, 30, metric)
    assert admin.delete(f"/api/v1/tokens/{sooner['id']}").status_code == 204
    wait_for(lambda: metric() == float(later["ends_ms"]) / 1000, 30, metric)


def test_who_follows_is_told_by_the_relay_while_web_is_away(installation: Installation, admin: httpx.Client) -> None:
    """The relay refuses the handshake; without web there is nobody else to ask."""
    write_lines(open_run(installation.store, "two", task="build.web"), 1, 3)
    installation.web.process.kill()
    installation.web.configure(socket_url=installation.relay.url)
    installation.web.start()
    token = make_token(admin)
    environment = {**os.environ, "RUNTAIL_URL": installation.web.url, "RUNTAIL_TOKEN": token["token"]}
    with subprocess.Popen(
        [PROGRAM, "follow", "two"], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as following:
        try:
            assert following.stdout is not None
            assert [following.stdout.readline() for _ in range(3)] == ["line 1\n", "line 2\n", "line 3\n"]
            installation.web.process.kill()
            installation.relay.process.kill()
            Tokens(installation.store).revoke(token["id"])
            installation.relay.start()
            _, said = following.communicate(timeout=60)
        finally:
            following.kill()
            installation.web.start()
    assert following.returncode == 123
    assert said.splitlines()[-1] == (
        f"runtail: {installation.relay.url} does not let us in: This token was revoked, or is too old. "
        "Make a new one on the page /tokens."
    )
