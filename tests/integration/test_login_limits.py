"""The limits of those who log in, and of those who try to, with the usual settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from runtail.auth.login_codes import make_login_code
from tests.support.installation import Installation
from tests.support.logins import PASSWORD, browser, cookie_header, grant, log_in, write, write_users
from tests.support.passing_time import fill, let_pass
from tests.support.relay import Client


def refusal(answer: httpx.Response, limit: str) -> int:
    """Check that an answer names the limit; return when to ask again, in seconds."""
    assert answer.status_code == 429, answer.text
    assert answer.json()["limit"] == limit
    assert "Set-Cookie" not in answer.headers
    return int(answer.headers["retry-after"])


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    """Web and a relay of people with passwords."""
    folder = tmp_path_factory.mktemp("login")
    users = write_users(folder / "users", ann="admins", bob="admins")
    policy = write(folder / "policy.toml", grant("group:admins", "admin"))
    settings: dict[str, Any] = {"auth_mode": "password", "auth_users_file": users, "auth_policy_file": policy}
    made = Installation(folder, redis_url, services=("web", "socket"), **settings)
    made.relay.configure(allowed_origins=made.web.url)
    with made as found:
        yield found


@pytest.fixture
def client(installation: Installation) -> Iterator[httpx.Client]:
    """A browser of which nothing is counted yet."""
    let_pass(installation.store, 7200)
    with browser(installation.web.url) as client:
        yield client


def test_five_wrong_passwords_a_minute(installation: Installation, client: httpx.Client) -> None:
    for _ in range(5):
        assert log_in(client, "ann", "wrong password").status_code == 401
    fill(installation.store, "login")
    seconds = refusal(log_in(client, "ann", "wrong password"), "login")
    # Not even the right one, or else guessing would go on. Others, and ann from elsewhere, are let in.
    refusal(log_in(client, "ann"), "login")
    assert log_in(client, "bob").status_code == 200
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    origin = {"Origin": installation.web.url}
    with httpx.Client(base_url=installation.web.url, headers=origin, transport=transport, timeout=20) as elsewhere:
        assert log_in(elsewhere, "ann").status_code == 200
    let_pass(installation.store, seconds)
    assert log_in(client, "ann").status_code == 200
    # The right one has made the wrong ones before it good.
    for _ in range(4):
        assert log_in(client, "ann", "wrong password").status_code == 401
    assert log_in(client, "ann", PASSWORD).status_code == 200


def test_a_hundred_wrong_passwords_a_minute_in_all(installation: Installation, client: httpx.Client) -> None:
    assert log_in(client, "nobody", "wrong password").status_code == 401
    fill(installation.store, "all-logins")
    seconds = refusal(log_in(client, "ann"), "all-logins")
    assert seconds <= 60
    let_pass(installation.store, seconds)
    assert log_in(client, "ann").status_code == 200


def test_who_is_logged_in_is_counted_as_one_from_everywhere(installation: Installation, client: httpx.Client) -> None:
    assert log_in(client, "ann").status_code == 200
    with browser(installation.web.url) as other, browser(installation.web.url) as bob:
        assert log_in(other, "ann").status_code == 200
        assert log_in(bob, "bob").status_code == 200
        let_pass(installation.store, 7200)
        assert other.get("/api/v1/config").status_code == 200
        fill(installation.store, "requests")
        refusal(client.get("/api/v1/config"), "requests")
        refusal(other.get("/api/v1/config"), "requests")
        assert bob.get("/api/v1/config").status_code == 200
    # Who is not logged in is counted by address.
    let_pass(installation.store, 7200)
    assert httpx.get(f"{installation.web.url}/api/v1/config").status_code == 401
    fill(installation.store, "requests")
    refusal(httpx.get(f"{installation.web.url}/api/v1/config"), "requests")


def test_twenty_connections_of_a_user(installation: Installation, client: httpx.Client) -> None:
    def connected(who: httpx.Client) -> Client:
        return Client(
            installation.relay.url, headers=[cookie_header(who), f"Origin: {installation.web.url}"], origin=False
        ).join()

    assert log_in(client, "ann").status_code == 200
    with ExitStack() as stack, browser(installation.web.url) as bob:
        assert log_in(bob, "bob").status_code == 200
        for _ in range(20):
            stack.callback(connected(client).close)
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            connected(client)
        assert refused.value.status_code == 429
        stack.callback(connected(bob).close)


def test_thirty_wrong_tokens_and_codes_a_minute(installation: Installation, client: httpx.Client) -> None:
    url = f"{installation.web.url}/api/v1/config"
    assert log_in(client, "ann").status_code == 200
    made = client.post("/api/v1/tokens", json={"name": "a test", "days": 1})
    assert made.status_code == 201, made.text
    right, wrong = ({"Authorization": f"Bearer {text}"} for text in (made.json()["token"], "no token"))
    for _ in range(15):
        assert httpx.get(url, headers=wrong).status_code == 401
        assert client.post("/auth/cli/about", json={"code": "none"}).status_code == 404
    fill(installation.store, "guesses")
    seconds = refusal(httpx.get(url, headers=wrong), "guesses")
    refusal(client.post("/auth/cli/about", json={"code": "none"}), "guesses")
    refusal(httpx.post(f"{installation.web.url}/auth/cli/token", json={"secret": "none"}), "guesses")
    # A right one, which nobody can guess, is none.
    assert httpx.get(url, headers=right).status_code == 200
    let_pass(installation.store, seconds)
    assert httpx.get(url, headers=wrong).status_code == 401


def test_sixty_tokens_a_minute(installation: Installation, client: httpx.Client) -> None:
    assert log_in(client, "ann").status_code == 200
    assert client.delete("/api/v1/tokens/none").status_code == 404
    assert httpx.post(f"{installation.web.url}/auth/cli").status_code == 201
    fill(installation.store, "changes")
    refusal(client.post("/api/v1/tokens", json={"name": "one too many", "days": 1}), "changes")
    refusal(client.delete("/api/v1/tokens/none"), "changes")
    refusal(httpx.post(f"{installation.web.url}/auth/cli"), "changes")


def test_thirty_command_lines_a_minute(installation: Installation, client: httpx.Client) -> None:
    """Nobody knows who asks to be let in, and each waits in the store; who says to come from elsewhere counts, too."""
    url, elsewhere = f"{installation.web.url}/auth/cli", httpx.HTTPTransport(local_address="127.0.0.2")
    for number in range(30):
        answer = client.post("/auth/cli", headers={"X-Forwarded-For": f"192.0.2.{number}"})
        assert answer.status_code == 201
    fill(installation.store, "command-lines")
    seconds = refusal(client.post("/auth/cli", headers={"X-Forwarded-For": "192.0.2.99"}), "command-lines")
    with httpx.Client(transport=elsewhere) as other:
        assert other.post(url).status_code == 201
        fill(installation.store, "all-command-lines")
        refusal(other.post(url), "all-command-lines")
        let_pass(installation.store, max(60, seconds))
        assert other.post(url).status_code == 201


def test_a_code_is_no_secret(installation: Installation, client: httpx.Client) -> None:
    """A code that waits is answered like one that does not, and counts as a guess."""
    begun = client.post("/auth/cli").json()
    answers = [client.post("/auth/cli/token", json={"secret": text}) for text in (begun["code"], "BBBBBBBB")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    fill(installation.store, "guesses")
    refusal(client.post("/auth/cli/token", json={"secret": begun["code"]}), "guesses")
    assert client.post("/auth/cli/token", json={"secret": begun["secret"]}).status_code == 202


def test_thirty_wrong_links_a_minute(tmp_path: Path, redis_url: str) -> None:
    with Installation(tmp_path, redis_url, services=("web",), auth_mode="link") as installation:
        with browser(installation.web.url) as client:
            for _ in range(30):
                assert client.post("/auth/link", json={"code": "none"}).status_code == 401
            fill(installation.store, "guesses")
            code = make_login_code(installation.store)
            seconds = refusal(client.post("/auth/link", json={"code": code}), "guesses")
            assert seconds <= 60
            let_pass(installation.store, seconds)
            assert client.post("/auth/link", json={"code": code}).status_code == 200
