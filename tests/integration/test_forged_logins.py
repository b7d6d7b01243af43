"""Twelve forgeries of sessions and tokens, at web and relay: all are refused, and none takes longer than others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import httpx
import pytest
import websocket

from runtail.auth.authenticator import make_authenticator
from runtail.auth.policy_file import PolicyFile
from runtail.auth.sessions import Sessions
from runtail.auth.token_text import make_token
from runtail.auth.tokens import Tokens
from runtail.auth.users import Users, digest_of
from tests.support.forged import assert_equal_times, environ, questions, refuse, summed
from tests.support.installation import Installation
from tests.support.logins import write_users
from tests.support.relay import Client
from tests.support.waiting import wait_for


class Forged(NamedTuple):
    """Services, and by what is forged, the headers that show it."""

    installation: Installation
    headers: dict[str, dict[str, str]]
    good: list[dict[str, str]]


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Forged]:
    folder = tmp_path_factory.mktemp("forged")
    users_file = write_users(folder / "users", ann="admins", eve="admins")
    found = Installation(
        folder, redis_url, services=("web", "socket"), auth_mode="password", auth_users_file=users_file,
        limit_requests=0, limit_sockets=0,
    )  # fmt: skip
    found.relay.configure(allowed_origins=found.web.url)
    with found:
        yield Forged(found, *forgeries(found))


def forgeries(installation: Installation) -> tuple[dict[str, dict[str, str]], list[dict[str, str]]]:
    store, name = installation.store, f"runtail-{installation.web.port}"
    users, tokens, sessions = Users(store), Tokens(store), Sessions(store)
    known = {user: users.put(f"user:{user}", ["admins"], password=fingerprint(installation)) for user in ("ann", "eve")}

    def token(user: str = "ann") -> tuple[str, str]:
        text, made = tokens.make("forged", f"user:{user}", user, ["run:read"], 1)
        return text.text, made.id

    def session(user: str = "ann") -> tuple[str, str]:
        cookie, begun = sessions.begin("login", f"user:{user}", user, known[user])
        return cookie, begun.digest

    def bearer(text: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {text}"}

    def cookie(*values: str) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for value in values), "Origin": installation.web.url}

    good, good_id = token()
    other, other_id = token()
    secret = good[15:58]
    assert good == summed(good_id, secret)
    expired, expired_id = token()
    store.client.pexpire(store.keys.token(expired_id), 1)
    wait_for(lambda: not store.client.exists(store.keys.token(expired_id)), 10)
    revoked, revoked_id = token()
    tokens.revoke(revoked_id)
    disabled, _ = token("eve")
    users.lock("user:eve")
    alive, alive_digest = session()
    over, over_digest = session()
    sessions.end(over_digest)
    headers = {
        "cut": bearer(good[:-1]),
        "longer": bearer(good + "A"),
        "other case": bearer(summed(good_id, secret.swapcase())),
        "other id": bearer(summed(other_id, secret)),
        "hash for secret": cookie(alive_digest),
        "expired": bearer(expired),
        "revoked": bearer(revoked),
        "logged out": cookie(over),
        "owner disabled": bearer(disabled),
        "share as session": cookie(f"rts1_{secret[5:]}"),
        "token as cookie": cookie(good),
        "two cookies": cookie(alive, alive),
    }
    return headers, [bearer(good), bearer(other), cookie(alive)]


def fingerprint(installation: Installation) -> str:
    """Return that of the password of the file's users."""
    (line,) = {line.split(":")[1] for line in (installation.directory / "users").read_text().splitlines()}
    return digest_of(line)


def statuses(installation: Installation, headers: Mapping[str, str]) -> tuple[int, int]:
    """Return what web and relay answer."""
    asked = httpx.get(f"{installation.web.url}/api/v1/session", headers=dict(headers), timeout=30)
    # A page at the web service's port, whose cookies are ours.
    shown = [f"{name}: {value}" for name, value in headers.items()]
    try:
        Client(installation.relay.url, headers=shown, origin=False).close()
    except websocket.WebSocketBadStatusException as refused:
        return asked.status_code, refused.status_code
    return asked.status_code, 101


def test_none_of_twelve_is_let_in(forged: Forged) -> None:
    assert len(forged.headers) == 12
    installation = forged.installation
    assert {name: statuses(installation, headers) for name, headers in forged.headers.items()} == dict.fromkeys(
        forged.headers, (401, 401)
    )
    # What they were made of is good, and stays so.
    assert [statuses(installation, headers) for headers in forged.good] == [(200, 101)] * 3


def test_the_time_of_a_refusal_tells_nothing(forged: Forged) -> None:
    store = forged.installation.store
    authenticator = make_authenticator(store, PolicyFile(store.settings), touch=True)
    assert_equal_times(
        {name: partial(refuse, authenticator, environ(headers)) for name, headers in forged.headers.items()}
    )


def test_the_store_is_asked_the_same_for_a_wrong_secret_and_a_wrong_id(
    forged: Forged, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = forged.installation.store
    authenticator = make_authenticator(store, PolicyFile(store.settings), touch=True)
    (good, *_) = forged.good
    known = good["Authorization"].removeprefix("Bearer ")[4:14]
    made = make_token()
    asked_for = []
    # The same secret, under an id that there is not, and under one that there is.
    for token_id in (made.id, known):
        with questions(monkeypatch) as asked:
            refuse(authenticator, environ({"Authorization": f"Bearer {summed(token_id, made.secret)}"}))
        asked_for.append(asked)
    assert asked_for == [[b"HGETALL"]] * 2
