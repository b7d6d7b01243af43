"""API tokens at real services: made, used, limited, revoked; and the command line's login."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websocket

from tests.support.installation import Installation
from tests.support.logins import browser, grant, log_in, write, write_users
from tests.support.relay import Client
from tests.support.runs import finish, open_run, write_lines
from tests.support.waiting import wait_for

FILE_TOKEN = "a token that a program got from a Secret"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("tokens")
    digest = hashlib.sha256(FILE_TOKEN.encode()).hexdigest()
    policy = grant("group:admins", "admin") + grant("group:builders", "operator", tasks=["build.*"])
    found = Installation(
        folder, redis_url, services=("web", "socket"), auth_mode="password", lease_seconds=600,
        auth_users_file=write_users(folder / "users", admin="admins", ann="builders"),
        auth_policy_file=write(folder / "policy.toml", policy),
        auth_tokens_file=write(folder / "tokens", f"helm-test:{digest}:viewer\n"),
    )  # fmt: skip
    found.web.configure(socket_url=found.relay.url)
    with found:
        writer = open_run(found.store, "one", task="build.web")
        write_lines(writer, 1, 3)
        finish(writer)
        open_run(found.store, "other", task="deploy.web")
        write_lines(open_run(found.store, "long", task="build.web"), 1, 3)
        yield found


@pytest.fixture
def ann(installation: Installation) -> Iterator[httpx.Client]:
    with browser(installation.web.url) as client:
        assert log_in(client, "ann").status_code == 200
        yield client


def make(client: httpx.Client, **body: object) -> dict[str, str]:
    answer = client.post("/api/v1/tokens", json={"name": "deploy", **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def get(installation: Installation, token: str, path: str = "/api/v1/runs") -> httpx.Response:
    return httpx.get(installation.web.url + path, headers={"Authorization": f"Bearer {token}"})


def follow(installation: Installation, token: str, run_id: str = "one") -> Client:
    client = Client(installation.relay.url, headers=[f"Authorization: Bearer {token}"], origin=False).join()
    assert client.emit("subscribe", {"v": 1, "run": run_id})["ok"]
    return client


def test_a_token_may_what_its_owner_may_and_no_more(installation: Installation, ann: httpx.Client) -> None:
    made = make(ann)
    assert re.fullmatch(r"rt1_[a-z2-7]{10}_[\w-]{43}_[\w-]{6}", made["token"])
    assert {run["id"] for run in get(installation, made["token"]).json()["runs"]} == {"one", "long"}
    assert get(installation, made["token"], "/api/v1/runs/other").status_code == 404
    about = get(installation, made["token"], "/api/v1/session").json()
    assert about["name"] == "ann (token deploy)"
    assert not {"token:own", "admin"} & set(about["rights"])
    follow(installation, made["token"])
    # It is not shown again, and its use is.
    (listed,) = [one for one in ann.get("/api/v1/tokens").json()["tokens"] if one["id"] == made["id"]]
    assert "token" not in listed
    assert listed["used_ms"] is not None
    assert made["token"] not in installation.web.process.output() + installation.relay.process.output()


def test_a_token_has_only_the_rights_it_was_given(installation: Installation, ann: httpx.Client) -> None:
    made = make(ann, rights=["run:read"])
    assert get(installation, made["token"]).status_code == 200
    assert get(installation, made["token"], "/api/v1/runs/one/log").status_code == 403
    refused = ann.post("/api/v1/tokens", json={"name": "more", "rights": ["run:delete"]})
    assert refused.status_code == 422
    assert "'run:delete' is not a right that you have" in refused.text
    assert ann.post("/api/v1/tokens", json={"name": "long", "days": 367}).status_code == 422


def test_a_revoked_token_ends_its_streams(installation: Installation, ann: httpx.Client) -> None:
    made = make(ann)
    viewer = follow(installation, made["token"])
    assert ann.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    began = time.monotonic()
    while viewer.next_event()[0] != "denied":
        pass
    assert time.monotonic() - began < 1.0
    answer = get(installation, made["token"])
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


@pytest.mark.parametrize("taken", ["login", "group"])
def test_who_follows_on_the_command_line_is_told_of_the_end(
    installation: Installation, ann: httpx.Client, taken: str
) -> None:
    made = make(ann)
    environment = {**os.environ, "RUNTAIL_URL": installation.web.url, "RUNTAIL_TOKEN": made["token"]}
    with subprocess.Popen(
        [sys.executable, "-m", "runtail", "follow", "long"],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as following:  # fmt: skip
        try:
            assert following.stdout is not None
            assert following.stdout.readline()
            if taken == "login":
                assert ann.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
            else:
                write_users(installation.directory / "users", admin="admins", ann="")
            _, said = following.communicate(timeout=30)
        finally:
            following.kill()
            if taken == "group":
                write_users(installation.directory / "users", admin="admins", ann="builders")
    assert following.returncode == 123
    assert {"login": "Your login has ended.", "group": "You may no longer read this run."}[taken] in said
    if taken == "group":
        # The tests that follow need the group.
        wait_for(lambda: get(installation, made["token"]).json().get("runs"), 30)


def test_tokens_belong_to_their_owner(installation: Installation, ann: httpx.Client) -> None:
    made = make(ann)
    with browser(installation.web.url) as admin:
        log_in(admin)
        assert made["id"] not in [one["id"] for one in admin.get("/api/v1/tokens").json()["tokens"]]
        assert made["id"] in [one["id"] for one in admin.get("/api/v1/tokens?all=true").json()["tokens"]]
        theirs = make(admin)
        assert ann.get("/api/v1/tokens?all=true").status_code == 403
        assert ann.delete(f"/api/v1/tokens/{theirs['id']}").status_code == 404
        assert admin.delete(f"/api/v1/tokens/{made['id']}").status_code == 204


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token + "x",
        lambda token: token.upper(),
        lambda token: token.replace("rt1_", "rt2_"),
        lambda token: f"rt1_aaaaaaaaaa{token[14:]}",
        lambda token: hashlib.sha256(token.encode()).hexdigest(),
        lambda _token: "x",
    ],
)
def test_forged_tokens_are_refused(installation: Installation, ann: httpx.Client, change: object) -> None:
    assert callable(change)
    forged = change(make(ann)["token"])
    assert get(installation, forged).status_code == 401
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(installation.relay.url, headers=[f"Authorization: Bearer {forged}"], origin=False)
    assert refused.value.status_code == 401


def test_a_token_is_no_cookie_and_a_cookie_no_token(installation: Installation, ann: httpx.Client) -> None:
    token = make(ann)["token"]
    (cookie,) = ann.cookies.jar
    assert cookie.value is not None
    for headers in ({"Cookie": f"{cookie.name}={token}"}, {"Authorization": f"Bearer {cookie.value}"}):
        assert httpx.get(f"{installation.web.url}/api/v1/session", headers=headers).status_code == 401
    twice = {"Cookie": f"{cookie.name}={cookie.value}; {cookie.name}={cookie.value}"}
    assert httpx.get(f"{installation.web.url}/api/v1/session", headers=twice).status_code == 401
    in_address = httpx.get(f"{installation.web.url}/api/v1/runs?token={token}")
    assert in_address.status_code == 400
    assert in_address.json()["code"] == "token-in-address"


def test_a_token_of_the_file_needs_no_store(installation: Installation) -> None:
    about = get(installation, FILE_TOKEN, "/api/v1/session").json()
    assert (about["id"], about["kind"]) == ("token:helm-test", "token")
    assert get(installation, FILE_TOKEN, "/api/v1/runs/other").status_code == 200
    follow(installation, FILE_TOKEN, "other")


def test_a_command_line_is_let_in_by_a_person(installation: Installation, ann: httpx.Client, tmp_path: Path) -> None:
    def runtail(*arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "RUNTAIL_URL": installation.web.url, "XDG_CONFIG_HOME": str(tmp_path)}
        command = [sys.executable, "-m", "runtail", *arguments]
        return subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    refused = runtail("runs")
    assert "Run `runtail login" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 123

    waiting = runtail("login")
    assert waiting.stderr is not None
    said = "".join(waiting.stderr.readline() for _ in range(4))
    found = re.search(r"    ([A-Z]{4}-[A-Z]{4})\n", said)
    assert found, said
    assert f"Open {installation.web.url}/cli" in said
    wrong = ann.post("/auth/cli/confirm", json={"code": "BBBB-BBBB"})
    assert wrong.status_code == 404
    about = ann.post("/auth/cli/about", json={"code": found[1].lower()}).json()
    assert about["address"] == "127.0.0.1"
    assert about["days"] == 30
    assert ann.post("/auth/cli/confirm", json={"code": found[1].lower()}).status_code == 204
    assert "as ann" in waiting.communicate(timeout=60)[1]
    assert waiting.returncode == 0
    (file,) = tmp_path.glob("runtail/tokens.json")
    assert file.stat().st_mode & 0o777 == 0o600

    listed = runtail("runs")
    out, _ = listed.communicate(timeout=60)
    assert listed.returncode == 0
    assert "one" in out
    assert "deploy.web" not in out
    followed = runtail("follow", "one")
    shown, said = followed.communicate(timeout=60)
    assert followed.returncode == 0, said
    assert shown.count("\n") == 3

    left = runtail("logout")
    assert "You are logged out" in left.communicate(timeout=60)[1]
    again = runtail("runs")
    assert "Run `runtail login" in again.communicate(timeout=60)[1]
    wait_for(
        lambda: not [one for one in ann.get("/api/v1/tokens").json()["tokens"] if one["name"] == "command line"], 5
    )


def test_a_program_that_logs_out_everywhere_leaves_nothing_in_the_store(
    installation: Installation, ann: httpx.Client
) -> None:
    """A token is no user, of whom there could be sessions to end."""
    token, client = make(ann)["token"], installation.store.client
    users = f"{installation.store.keys.user('')}*"
    before = set(client.keys(users))
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{installation.web.url}/auth/logout", json={"everywhere": True}, headers=headers)
    assert answer.status_code == 204
    assert set(client.keys(users)) == before
    assert ann.get("/api/v1/session").status_code == 200
