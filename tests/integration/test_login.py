"""Logging in with a password or a link, at real services: what a session may do, and when it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from runtail.auth.login_codes import make_login_code
from tests.support.installation import Installation
from tests.support.logins import PASSWORD, browser, cookie_header, grant, log_in, write, write_users
from tests.support.passing_time import let_pass
from tests.support.ports import free_port
from tests.support.relay import Client
from tests.support.runs import finish, open_run, write_lines
from tests.support.waiting import wait_for

#: What a notification may take, and what the check alone may take: RUNTAIL_AUTH_RECHECK_SECONDS is 5.
BELL_SECONDS, SWEEP_SECONDS = 1.0, 10.0


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The files of an installation: ann may do everything to build.*, bob looks at them, eve has no grant."""
    return {
        "users": write_users(tmp_path / "users", admin="admins", ann="builders", bob="guests", eve=""),
        "policy": write(
            tmp_path / "policy.toml",
            grant("group:admins", "admin")
            + grant("group:builders", "operator", tasks=["build.*"])
            + grant("group:guests", "viewer", tasks=["build.*"]),
        ),
    }


def with_relay(directory: Path, redis_url: str, **settings: Any) -> Installation:
    """Return web and a relay on a port of its own, as `make run` has them."""
    # Nobody works on the runs of these tests: no time may end them.
    made = Installation(directory, redis_url, services=("web", "socket"), lease_seconds=600, **settings)
    made.relay.configure(allowed_origins=made.web.url)
    return made


@pytest.fixture
def installation(tmp_path: Path, redis_url: str, files: dict[str, Path]) -> Iterator[Installation]:
    settings = {"auth_mode": "password", "auth_users_file": files["users"], "auth_policy_file": files["policy"]}
    with with_relay(tmp_path, redis_url, **settings) as found:
        writer = open_run(found.store, "one", task="build.web")
        write_lines(writer, 1, 3)
        open_run(found.store, "other", task="deploy.web")
        yield found


def follow(installation: Installation, client: httpx.Client, run_id: str = "one") -> Client:
    """Follow a run over the relay with a browser's login."""
    viewer = Client(
        installation.relay.url, headers=[cookie_header(client), f"Origin: {installation.web.url}"], origin=False
    ).join()
    assert viewer.emit("subscribe", {"v": 1, "run": run_id})["ok"]
    return viewer


def until_denied(viewer: Client) -> dict[str, Any]:
    """Return the event that ends what a client saw."""
    while True:
        name, data = viewer.next_event()
        if name == "denied":
            return dict(data)


def test_without_a_login_nothing_is_shown(installation: Installation) -> None:
    answer = httpx.get(f"{installation.web.url}/api/v1/runs")
    assert answer.status_code == 401
    assert answer.json()["code"] == "login"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    page = httpx.get(f"{installation.web.url}/runs/one?line=3")
    assert page.status_code == 303
    assert page.headers["Location"] == "/login?next=/runs/one%3Fline%3D3"
    # 503 where the pages were not built.
    assert httpx.get(f"{installation.web.url}/login").status_code in (200, 503)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(installation.relay.url)
    assert refused.value.status_code == 401


def test_a_login_gives_what_the_policy_says(installation: Installation) -> None:
    with browser(installation.web.url) as ann:
        answer = log_in(ann, "ann")
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["Set-Cookie"]
        assert f"runtail-{installation.web.port}=" in cookie
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/"))
        session = ann.get("/api/v1/session").json()
        assert (session["id"], session["name"], session["modes"]) == ("user:ann", "ann", ["password"])
        assert "run:start" in session["rights"]
        assert "admin" not in session["rights"]
        assert [run["id"] for run in ann.get("/api/v1/runs").json()["runs"]] == ["one"]
        assert ann.get("/api/v1/runs/other").status_code == 404
        assert ann.get("/runs/one").status_code in (200, 503)
    with browser(installation.web.url) as eve:
        assert log_in(eve, "eve").status_code == 200
        assert eve.get("/api/v1/session").json()["rights"] == []
        assert eve.get("/api/v1/runs").status_code == 403


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong password"), ("nobody", PASSWORD), ("ANN", PASSWORD)])
def test_wrong_names_and_passwords_look_alike(installation: Installation, name: str, password: str) -> None:
    with browser(installation.web.url) as client:
        answer = log_in(client, name, password)
        assert answer.status_code == 401
        assert answer.json()["title"] == "Name or password is wrong"
        assert "Set-Cookie" not in answer.headers


def test_what_is_typed_in_the_wrong_field_is_not_logged(installation: Installation) -> None:
    with browser(installation.web.url) as client:
        assert log_in(client, "my-secret-password", "x" * 12).status_code == 401
        assert log_in(client, "ann", "x" * 12).status_code == 401
    installation.web.process.wait_for_log('"who": "ann"', 10)
    assert "my-secret-password" not in installation.web.process.output()


@pytest.mark.parametrize(
    "headers", [{"Origin": "null"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}]
)
def test_another_page_cannot_use_a_login(installation: Installation, headers: dict[str, str]) -> None:
    with browser(installation.web.url) as client:
        log_in(client)
        cookie = cookie_header(client).removeprefix("Cookie: ")
    for path in ("/auth/logout", "/api/v1/runs/one/cancel"):
        answer = httpx.post(installation.web.url + path, json={}, headers={"Cookie": cookie, **headers})
        assert answer.status_code == 403, answer.text
    assert httpx.get(f"{installation.web.url}/api/v1/session", headers={"Cookie": cookie}).status_code == 200


def test_a_cookie_without_an_origin_opens_no_websocket(installation: Installation) -> None:
    with browser(installation.web.url) as client:
        log_in(client)
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            Client(installation.relay.url, headers=[cookie_header(client)], origin=False)
    assert refused.value.status_code in (401, 403)


def test_logging_out_ends_the_stream_at_once(installation: Installation) -> None:
    with browser(installation.web.url) as ann, browser(installation.web.url) as bob:
        log_in(ann, "ann")
        log_in(bob, "bob")
        hers, his = follow(installation, ann), follow(installation, bob)
        cookie = cookie_header(ann).removeprefix("Cookie: ")
        answer = ann.post("/auth/logout", json={})
        began = time.monotonic()
        assert answer.status_code == 204
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
        assert until_denied(hers)["code"] == "login"
        assert time.monotonic() - began < BELL_SECONDS
        # The cookie that somebody may have copied is worth nothing.
        gone = httpx.get(f"{installation.web.url}/api/v1/session", headers={"Cookie": cookie})
        assert gone.status_code == 401
        assert his.emit("subscribe", {"v": 1, "run": "one"})["ok"]


def test_logging_out_everywhere_ends_all_sessions_of_the_user(installation: Installation) -> None:
    with browser(installation.web.url) as first, browser(installation.web.url) as second:
        log_in(first, "ann")
        log_in(second, "ann")
        viewer = follow(installation, second)
        assert first.post("/auth/logout", json={"everywhere": True}).status_code == 204
        assert until_denied(viewer)["code"] == "login"
        assert second.get("/api/v1/session").status_code == 401
        assert log_in(second, "ann").status_code == 200


def test_a_session_that_vanishes_ends_without_a_notification(installation: Installation) -> None:
    with browser(installation.web.url) as ann:
        log_in(ann, "ann")
        viewer = follow(installation, ann)
        began = time.monotonic()
        for key in installation.store.client.scan_iter(f"{installation.store.keys.auth_prefix}session:*"):
            installation.store.client.delete(key)
        assert until_denied(viewer)["code"] == "login"
        assert time.monotonic() - began < SWEEP_SECONDS


def test_a_group_that_is_taken_away_ends_what_it_gave(installation: Installation, files: dict[str, Path]) -> None:
    with browser(installation.web.url) as ann, browser(installation.web.url) as admin:
        log_in(ann, "ann")
        log_in(admin, "admin")
        hers, others = follow(installation, ann), follow(installation, admin)
        began = time.monotonic()
        write_users(files["users"], admin="admins", ann="", bob="guests")
        told = until_denied(hers)
        assert time.monotonic() - began < SWEEP_SECONDS
        assert (told["run"], told["code"]) == ("one", "forbidden")
        # She is still logged in, and nobody else notices.
        assert ann.get("/api/v1/session").json()["rights"] == []
        assert hers.emit("subscribe", {"v": 1, "run": "one"})["code"] == "forbidden"
        assert others.emit("subscribe", {"v": 1, "run": "other"})["ok"]


def test_a_user_who_is_gone_is_locked_out(installation: Installation, files: dict[str, Path]) -> None:
    with browser(installation.web.url) as ann:
        log_in(ann, "ann")
        viewer = follow(installation, ann)
        write_users(files["users"], admin="admins", bob="guests")
        assert until_denied(viewer)["code"] == "login"
        assert ann.get("/api/v1/session").status_code == 401
        assert log_in(ann, "ann").status_code == 401
        write_users(files["users"], admin="admins", ann="builders")

        def let_in_again() -> bool:
            # Who tries so often while the file was not read again has to wait, without this.
            let_pass(installation.store, 3600)
            return log_in(ann, "ann").status_code == 200

        wait_for(let_in_again, 10)


def test_a_policy_that_changes_counts_for_open_streams(installation: Installation, files: dict[str, Path]) -> None:
    with browser(installation.web.url) as ann:
        log_in(ann, "ann")
        viewer = follow(installation, ann)
        # One that cannot be used changes nothing.
        write(files["policy"], "[[grant]]\nto = 7\n")
        wait_for(lambda: "stays in force" in installation.relay.process.output(), SWEEP_SECONDS)
        assert viewer.emit("subscribe", {"v": 1, "run": "one"})["ok"]
        write(files["policy"], grant("group:admins", "admin"))
        assert until_denied(viewer)["code"] == "forbidden"
        assert ann.get("/api/v1/runs/one").status_code in (403, 404)


def test_a_login_by_link_works_once(tmp_path: Path, redis_url: str) -> None:
    with with_relay(tmp_path, redis_url, auth_mode="link") as installation:
        finish(open_run(installation.store, "one"))
        code = make_login_code(installation.store)
        with browser(installation.web.url) as client, browser(installation.web.url) as late:
            assert client.get("/api/v1/runs").status_code == 401
            assert client.post("/auth/link", json={"code": code}).status_code == 200
            assert "admin" in client.get("/api/v1/session").json()["rights"]
            assert late.post("/auth/link", json={"code": code}).status_code == 401
            follow(installation, client)


def test_the_one_admin_needs_no_file(tmp_path: Path, redis_url: str) -> None:
    with Installation(
        tmp_path, redis_url, services=("web",), auth_mode="password", auth_admin_password=PASSWORD
    ) as installation:
        with browser(installation.web.url) as client:
            assert log_in(client).status_code == 200
            assert "admin" in client.get("/api/v1/session").json()["rights"]
            # A new service with the same password leaves the session as it is; one with another ends it.
            installation.web.restart()
            assert client.get("/api/v1/session").status_code == 200
            installation.web.configure(auth_admin_password="another password")
            installation.web.restart()
            wait_for(lambda: client.get("/api/v1/session").status_code == 401, 10)


@pytest.mark.parametrize("module", ["runtail_web", "runtail_socket"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"AUTH_MODE": "basic"}, "RUNTAIL_AUTH_MODE='basic' is not one of none, link, password, proxy, oidc"),
        ({"AUTH_MODE": "link,password"}, "Only oidc and password work together: oidc,password"),
        ({"WEB_HOST": "0.0.0.0", "SOCKET_HOST": "0.0.0.0"}, "RUNTAIL_AUTH_NONE_ANYWHERE=on"),
        ({"AUTH_MODE": "password", "AUTH_POLICY_FILE": "/none"}, "RUNTAIL_AUTH_POLICY_FILE=/none cannot be read"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(
    start_process: Any, redis_url: str, module: str, settings: dict[str, str], sentence: str
) -> None:
    service = f"RUNTAIL_{module.removeprefix('runtail_').upper()}"
    environment = {
        "RUNTAIL_STORE_URL": redis_url,
        f"{service}_PORT": str(free_port()),
        f"{service}_ADMIN_PORT": str(free_port()),
        "RUNTAIL_AUTH_ADMIN_PASSWORD": PASSWORD,
        **{f"RUNTAIL_{name}": value for name, value in settings.items()},
    }
    process = start_process(sys.executable, "-m", module, environment=environment)
    assert process.wait(60) == 2
    assert sentence in process.output()
    assert "Traceback" not in process.output()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "RUNTAIL_AUTH_MODE is password, but there is no user"),
        ({"AUTH_ADMIN_PASSWORD": "short"}, "RUNTAIL_AUTH_ADMIN_PASSWORD has 5 characters"),
        ({"AUTH_ADMIN_PASSWORD": PASSWORD, "AUTH_USERS_FILE": "/x"}, "are both set. Remove one of them"),
        ({"AUTH_USERS_FILE": "/none"}, "RUNTAIL_AUTH_USERS_FILE=/none cannot be read"),
    ],
)
def test_web_needs_users(start_process: Any, redis_url: str, settings: dict[str, str], sentence: str) -> None:
    environment = {
        "RUNTAIL_STORE_URL": redis_url,
        "RUNTAIL_WEB_PORT": str(free_port()),
        "RUNTAIL_WEB_ADMIN_PORT": str(free_port()),
        "RUNTAIL_AUTH_MODE": "password",
        **{f"RUNTAIL_{name}": value for name, value in settings.items()},
    }
    process = start_process(sys.executable, "-m", "runtail_web", environment=environment)
    assert process.wait(60) == 2
    assert sentence in process.output()
