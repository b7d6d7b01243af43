"""Long answers of the web service end with the right to read them, and who follows on the command line is told why."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail.auth.users import digest_of
from runtail.log.writer import LogWriter
from tests.support.beating import beating
from tests.support.command import PROGRAM
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.passing_time import let_pass
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.runs import finish, open_run, write_lines
from tests.support.waiting import wait_for

#: What a check without a notification may take: RUNTAIL_AUTH_RECHECK_SECONDS is 5.
SWEEP_SECONDS = 10.0
LOGIN_GONE, RIGHT_GONE = "Your login has ended. Log in again.", "You may no longer read this run."
#: curl: the transfer was not complete.
PARTIAL = 18
GRANTS = grant("group:admins", "admin") + grant("group:builders", "operator", tasks=["build.*"])


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    """Web without a relay."""
    folder = tmp_path_factory.mktemp("answers")
    found = Installation(
        folder, redis_url, services=("web",), auth_mode="password", lease_seconds=600,
        auth_users_file=users(folder), auth_policy_file=write(folder / "policy.toml", GRANTS),
        socket_url=f"http://127.0.0.1:{free_port()}", limit_requests=0,
    )  # fmt: skip
    # Nobody may call a run lost while a test reads it.
    with found, beating(found.store):
        yield found


def users(folder: Path, **changed: str) -> Path:
    return write_users(folder / "users", **{"admin": "admins", "ann": "builders", **changed})


@pytest.fixture
def ann(installation: Installation) -> Iterator[httpx.Client]:
    """A browser whose user has the files' rights, at the beginning and at the end."""

    def logs_in() -> bool:
        let_pass(installation.store, 3600)  # the limit of wrong logins
        return log_in(client, "ann").status_code == 200

    with browser(installation.web.url) as client:
        wait_for(logs_in, 30)
        wait_for(lambda: client.get("/api/v1/session").json().get("rights"), 30)
        yield client
    users(installation.directory)
    write(installation.directory / "policy.toml", GRANTS)


@pytest.fixture
def writer(installation: Installation, request: pytest.FixtureRequest) -> LogWriter:
    made = open_run(installation.store, request.node.name.replace("[", "-").strip("]"), task="build.web")
    write_lines(made, 1, 3)
    return made


def made_token(client: httpx.Client) -> dict[str, str]:
    answer = client.post("/api/v1/tokens", json={"name": "reader"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


class Reader:
    """``curl -N`` on a run that goes on."""

    def __init__(self, installation: Installation, folder: Path, run_id: str, header: str, name: str) -> None:
        address = f"{installation.web.url}/api/v1/runs/{run_id}/log.txt?follow=1"
        command = ["curl", "-sN", "-H", header, address]
        self.process = Process(command, folder, name=name)
        wait_for(lambda: "line 3\n" in self.process.output(), 30, self.process.evidence)

    def wait(self) -> int:
        """Return the exit status."""
        wait_for(lambda: not self.process.is_running(), 30, self.process.evidence)
        assert self.process.returncode is not None
        return self.process.returncode


def log_out(_installation: Installation, client: httpx.Client, _token: str) -> None:
    assert client.post("/auth/logout", json={}).status_code == 204


def vanish(installation: Installation, client: httpx.Client, _token: str) -> None:
    """End the session without a notification, as its time does."""
    store, (cookie,) = installation.store, client.cookies.jar
    assert cookie.value is not None
    assert store.client.delete(store.keys.session(digest_of(cookie.value)))


def revoke(_installation: Installation, client: httpx.Client, token: str) -> None:
    assert client.delete(f"/api/v1/tokens/{token}").status_code == 204


def change_policy(installation: Installation, _client: httpx.Client, _token: str) -> None:
    write(installation.directory / "policy.toml", grant("group:admins", "admin"))


def remove_user(installation: Installation, _client: httpx.Client, _token: str) -> None:
    write_users(installation.directory / "users", admin="admins")


Take = Callable[[Installation, httpx.Client, str], None]
#: By what is taken: what the reader shows, how it is taken, and what the reader is told.
TAKEN: dict[str, tuple[str, Take, str]] = {
    "log-out": ("cookie", log_out, LOGIN_GONE),
    "session": ("cookie", vanish, LOGIN_GONE),
    "token": ("token", revoke, LOGIN_GONE),
    "policy": ("token", change_policy, RIGHT_GONE),
    "user": ("cookie", remove_user, LOGIN_GONE),
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_stream_breaks_off_with_the_right_and_others_lose_nothing(
    installation: Installation, ann: httpx.Client, writer: LogWriter, tmp_path: Path, what: str
) -> None:
    shown, take, words = TAKEN[what]
    run_id = writer.claim.run_id
    token = made_token(ann)
    header = cookie_header(ann) if shown == "cookie" else f"Authorization: Bearer {token['token']}"
    with browser(installation.web.url) as admin:
        log_in(admin)
        other = Reader(installation, tmp_path, run_id, cookie_header(admin), "other")
        reader = Reader(installation, tmp_path, run_id, header, "reader")
        began = time.monotonic()
        take(installation, ann, token["id"])
        assert reader.wait() == PARTIAL
        assert time.monotonic() - began < SWEEP_SECONDS
        assert reader.process.output() == f"line 1\nline 2\nline 3\nruntail: {words}\n"
        # Nothing that comes later reaches it, and everything the others.
        write_lines(writer, 4, 30)
        finish(writer)
        assert other.wait() == 0
        assert other.process.output() == "".join(f"line {n}\n" for n in range(1, 31))
    assert "Traceback" not in installation.web.process.output()


def test_a_notification_is_enough(
    installation: Installation, ann: httpx.Client, writer: LogWriter, tmp_path: Path
) -> None:
    ended: list[float] = []
    # A sweep that comes by chance would have to come within a second three times in a row.
    for number in range(3):
        reader = Reader(installation, tmp_path, writer.claim.run_id, cookie_header(ann), f"reader{number}")
        began = time.monotonic()
        log_out(installation, ann, "")
        assert reader.wait() == PARTIAL
        ended.append(time.monotonic() - began)
        log_in(ann, "ann")
    assert sorted(ended)[1] < 1.0, ended


@pytest.mark.parametrize("what", ["token", "policy", "user"])
def test_who_follows_over_http_is_told_why_it_ends(
    installation: Installation, ann: httpx.Client, writer: LogWriter, what: str
) -> None:
    token = made_token(ann)
    environment = {**os.environ, "RUNTAIL_URL": installation.web.url, "RUNTAIL_TOKEN": token["token"]}
    with subprocess.Popen(
        [PROGRAM, "follow", writer.claim.run_id],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as following:  # fmt: skip
        try:
            assert following.stdout is not None
            assert [following.stdout.readline() for _ in range(3)] == ["line 1\n", "line 2\n", "line 3\n"]
            TAKEN[what][1](installation, ann, token["id"])
            began = time.monotonic()
            out, said = following.communicate(timeout=60)
        finally:
            following.kill()
    assert time.monotonic() - began < SWEEP_SECONDS + 5
    assert (following.returncode, out) == (123, "")
    assert "reading over HTTP meanwhile" in said
    words = {"policy": "or is no longer shown to you"}
    assert words.get(what, "This token was revoked") in said, said


def read_slowly(pieces: Iterator[bytes], into: list[bytes]) -> None:
    for piece in pieces:
        into.append(piece)
        time.sleep(0.04)  # all of it takes longer than the time between two checks


def test_a_download_breaks_off_too(installation: Installation, ann: httpx.Client) -> None:
    """A slow reader of an answer that is made while it is sent."""
    run = open_run(installation.store, f"large-{time.time_ns()}", task="build.web")
    for _ in range(400):
        run.add("o", (b"x" * 120 + b"\n") * 500, 1)
        run.flush()
    finish(run)
    token = made_token(ann)
    headers: dict[str, Any] = {"Authorization": f"Bearer {token['token']}"}
    address = f"{installation.web.url}/api/v1/runs/{run.claim.run_id}/log.txt"
    with httpx.stream("GET", address, headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        read = [next(pieces)]
        revoke(installation, ann, token["id"])
        with pytest.raises(httpx.RemoteProtocolError):
            read_slowly(pieces, read)
    assert LOGIN_GONE.encode() in b"".join(read[-3:])
