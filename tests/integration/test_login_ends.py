"""What must end when an operator changes the mode, the secrets or the files of logins."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websocket

from runtail.auth.login_codes import make_login_code
from runtail.auth.users import User, Users
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.relay import Client
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.waiting import wait_for

#: The time between two looks at files and logins, and some for a slow machine.
SWEEP_SECONDS = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_users(tmp_path / "users", admin="admins", ann="builders")
    policy = grant("group:admins", "admin") + grant("group:builders", "operator", tasks=["build.*"])
    write(tmp_path / "policy.toml", policy)
    return tmp_path


@pytest.fixture
def installation(folder: Path, redis_url: str) -> Iterator[Installation]:
    found = Installation(
        folder, redis_url, services=("web", "socket"), auth_mode="password",
        auth_users_file=folder / "users", auth_policy_file=folder / "policy.toml",
        auth_tokens_file=write(folder / "tokens", listed("first secret")),
    )  # fmt: skip
    found.web.configure(socket_url=found.relay.url)
    found.relay.configure(allowed_origins=found.web.url)
    with found:
        for run_id, task in (("one", "build.web"), ("other", "deploy.web")):
            writer = open_run(found.store, run_id, task=task)
            write_lines(writer, 1, 3)
        yield found


def listed(secret: str) -> str:
    return f"program:{hashlib.sha256(secret.encode()).hexdigest()}:viewer\n"


def follow(installation: Installation, client: httpx.Client) -> Client:
    headers = [cookie_header(client), f"Origin: {installation.web.url}"]
    viewer = Client(installation.relay.url, headers=headers, origin=False).join()
    assert viewer.emit("subscribe", {"v": 1, "run": "one"})["ok"]
    viewer.ws.settimeout(SWEEP_SECONDS)
    return viewer


def denial(viewer: Client) -> dict[str, str]:
    """Return the event that ends what a client saw."""
    while (event := viewer.next_event())[0] != "denied":
        pass
    return dict(event[1])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_login_by_link_makes_nobody_an_administrator_where_passwords_are_asked_for(
    folder: Path, redis_url: str
) -> None:
    with Installation(folder, redis_url, services=("web", "socket"), auth_mode="link") as installation:
        finish(open_run(installation.store, "one"))
        with browser(installation.web.url) as client:
            code = make_login_code(installation.store)
            assert client.post("/auth/link", json={"code": code}).status_code == 200
            body = {"name": "x", "rights": ["admin", "run:read", "log:read"]}
            token = client.post("/api/v1/tokens", json=body).json()["token"]
            assert httpx.get(f"{installation.web.url}/api/v1/audit", headers=bearer(token)).status_code == 200
            for service in (installation.web, installation.relay):
                service.process.kill()
                service.configure(
                    auth_mode="password", auth_users_file=folder / "users", allowed_origins=installation.web.url
                )
                service.start()
            assert httpx.get(f"{installation.web.url}/api/v1/audit", headers=bearer(token)).status_code == 401
            assert client.get("/api/v1/session").status_code == 401
            cookie = [cookie_header(client), f"Origin: {installation.web.url}"]
            for headers in ([f"Authorization: Bearer {token}"], cookie):
                with pytest.raises(websocket.WebSocketBadStatusException) as refused:
                    Client(installation.relay.url, headers=headers, origin=False)
                assert refused.value.status_code == 401
            # And the other way round: a user of the file does not exist where links are asked for.
            client.cookies.clear()
            assert log_in(client, "ann").status_code == 200
            installation.web.process.kill()
            installation.web.configure(auth_mode="link")
            installation.web.start()
            assert client.get("/api/v1/session").status_code == 401


def test_a_token_of_the_file_that_gets_a_new_secret_ends_the_streams_of_the_old_one(
    installation: Installation, folder: Path
) -> None:
    viewer = Client(installation.relay.url, headers=["Authorization: Bearer first secret"], origin=False).join()
    assert viewer.emit("subscribe", {"v": 1, "run": "one"})["ok"]
    write(folder / "tokens", listed("second secret"))
    viewer.ws.settimeout(SWEEP_SECONDS)
    assert denial(viewer)["code"] == "login"
    new = Client(installation.relay.url, headers=["Authorization: Bearer second secret"], origin=False).join()
    assert new.emit("subscribe", {"v": 1, "run": "one"})["ok"]


def test_no_event_of_a_client_brings_back_a_right(installation: Installation, folder: Path) -> None:
    """Socket.IO tells of clients that come and go by events of these names, and clients can send them, too."""
    with browser(installation.web.url) as ann:
        log_in(ann, "ann")
        viewer, before = follow(installation, ann), follow(installation, ann)
        # Sent while the right is there: the subscription must not get lost to those who look after rights.
        assert before.emit("connect", {"wsgi.url_scheme": "http"})["code"] == "bad-request"
        write_users(folder / "users", admin="admins", ann="nobodies")
        assert denial(viewer)["code"] == denial(before)["code"] == "forbidden"
        for event in ("connect", "disconnect", "connect"):
            assert viewer.emit(event, {})["code"] == "bad-request"
            assert viewer.emit("subscribe", {"v": 1, "run": "one"})["code"] == "forbidden"


def test_who_leaves_the_namespace_is_identified_anew(installation: Installation) -> None:
    with browser(installation.web.url) as ann:
        log_in(ann, "ann")
        viewer = follow(installation, ann)
        viewer.send("41/tail,")
        with pytest.raises(ConnectionError):
            _ = [viewer.receive() for _ in range(100)]
        assert viewer.closed_by_engine


def test_who_joins_long_after_the_handshake_is_looked_at_soon(installation: Installation) -> None:
    installation.relay.process.kill()
    installation.relay.configure(auth_recheck_seconds=3600)
    installation.relay.start()
    with browser(installation.web.url) as ann:
        log_in(ann, "ann")
        headers = [cookie_header(ann), f"Origin: {installation.web.url}"]
        late = Client(installation.relay.url, headers=headers, origin=False)
        with browser(installation.web.url) as again:
            log_in(again, "ann")
            assert again.post("/auth/logout", json={"everywhere": True}).status_code == 204
        joined_at = time.monotonic() + 2.0
        wait_for(lambda: time.monotonic() > joined_at, 5)
        late.join()
        late.ws.settimeout(SWEEP_SECONDS)
        assert denial(late)["code"] == "login"


def test_sessions_that_end_while_the_file_of_users_changes_stay_ended(
    redis_url: str, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(redis_url, key_prefix)
    users, read = Users(store), User.read
    users.put("user:ann", ["builders"])

    def read_slowly(fields: dict[bytes, bytes]) -> User | None:
        monkeypatch.setattr(User, "read", read)
        found = read(fields)
        users.end_sessions("user:ann")
        return found

    monkeypatch.setattr(User, "read", read_slowly)
    written = users.put("user:ann", ["guests"])
    found = users.find("user:ann")
    assert found == written
    assert (written.generation, written.groups) == (2, ("guests",))
