"""Forged share links: a wrong secret, an unknown link and one that is over look alike and take the same time.

Which are refused at real services, and for how many a minute, is in ``test_shares.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient

from runtail.access.principal import Grant, Principal
from runtail.access.rights import ROLES
from runtail.auth.authenticator import Authenticator, make_authenticator
from runtail.auth.policy_file import PolicyFile
from runtail.auth.shares import Share, Shares
from runtail.auth.token_text import SHARE_PREFIX, TokenText, make_token
from runtail.auth.users import Users, digest_of
from runtail.protocol import Clip
from runtail.store import Store
from runtail_web.app import create_app
from tests.support.forged import assert_equal_times, environ, questions, refuse, summed
from tests.support.runs import make_store, open_run, write_lines
from tests.support.waiting import wait_for

HOST = "http://127.0.0.1:8000"


class Forged(NamedTuple):
    """Links as programs show them and as pages open them, by what is forged.

    :param good: a link that works, of which only the right secret is wanted.
    """

    store: Store
    good: TokenText
    links: dict[str, TokenText]


@pytest.fixture
def forged(redis_url: str, key_prefix: str) -> Forged:
    store = make_store(redis_url, key_prefix, auth_mode="password", auth_admin_password="correct horse battery")
    users, shares = Users(store), Shares(store)
    epochs: dict[str, int] = {}

    def made(run_id: str = "one", who_id: str = "user:admin", seconds: float = 3600) -> tuple[TokenText, Share]:
        users.put(who_id, ["admins"])
        if run_id not in epochs:
            writer = open_run(store, run_id, task="build.web")
            write_lines(writer, 1, 3)
            epochs[run_id] = writer.epoch
        maker = Principal("user", who_id, who_id, frozenset((Grant(ROLES["admin"]),)))
        return shares.make(run_id, Clip(1, 3), epochs[run_id], maker, seconds)

    good, _ = made()
    wrong, other, unknown = make_token(SHARE_PREFIX), made("two")[0], make_token(SHARE_PREFIX)
    over, _ = made(seconds=0.001)
    wait_for(lambda: not store.client.exists(store.keys.share(over.id)), 10)
    revoked, of_revoked = made()
    shares.revoke(of_revoked)
    links = {
        "another secret": text_of(good.id, wrong.secret),
        "another link's secret": text_of(good.id, other.secret),
        "other case": text_of(good.id, good.secret.swapcase()),
        "hash for secret": text_of(good.id, digest_of(good.secret)[:43]),
        "unknown": unknown,
        "right secret, unknown link": text_of(unknown.id, good.secret),
        "over": over,
        "revoked": revoked,
    }
    return Forged(store, good, links)


def text_of(share_id: str, secret: str) -> TokenText:
    return TokenText(share_id, summed(share_id, secret, SHARE_PREFIX), secret)


def shown(link: TokenText) -> dict[str, str]:
    return environ({"Authorization": f"Bearer {link.text}"})


@pytest.fixture
def authenticator(forged: Forged) -> Authenticator:
    return make_authenticator(forged.store, PolicyFile(forged.store.settings), touch=True)


@pytest.fixture
def open_link(forged: Forged) -> Callable[[TokenText], tuple[int, bytes]]:
    """Opens a link as its page does, each time from another address: ten wrong ones are one too many."""
    store, addresses = forged.store, count(1)
    app = create_app(store.settings, store, lambda *_: None, threading.Event(), watch=lambda _: None)
    client: FlaskClient = app.test_client()

    def opened(link: TokenText) -> tuple[int, bytes]:
        number = next(addresses)
        answer = client.post(
            f"/api/v1/shares/{link.id}/open", json={"secret": link.secret}, base_url=HOST, headers={"Origin": HOST},
            environ_overrides={"REMOTE_ADDR": f"10.0.{number // 250}.{number % 250 + 1}"},
        )  # fmt: skip
        return answer.status_code, answer.data

    return opened


def test_programs_learn_nothing_from_the_time(forged: Forged, authenticator: Authenticator) -> None:
    # What they were made of is good.
    found = authenticator.identify(shown(forged.good))
    assert found is not None
    assert "one" in found.shared
    assert_equal_times({name: partial(refuse, authenticator, shown(link)) for name, link in forged.links.items()})


def test_pages_learn_nothing_from_time_or_words(
    forged: Forged, open_link: Callable[[TokenText], tuple[int, bytes]]
) -> None:
    answers = {name: open_link(link) for name, link in forged.links.items()}
    assert len(set(answers.values())) == 1, answers
    assert {status for status, _ in answers.values()} == {404}
    assert_equal_times({name: partial(_refused, open_link, link) for name, link in forged.links.items()})
    assert open_link(forged.good)[0] == 200


def _refused(open_link: Callable[[TokenText], tuple[int, bytes]], link: TokenText) -> None:
    assert open_link(link)[0] == 404


def test_the_store_is_asked_the_same(
    forged: Forged,
    authenticator: Authenticator,
    open_link: Callable[[TokenText], tuple[int, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for = {}
    for name, link in forged.links.items():
        open_link(link)  # scripts are loaded once
        with questions(monkeypatch) as by_program:
            refuse(authenticator, shown(link))
        with questions(monkeypatch) as by_page:
            open_link(link)
        assert by_program == [b"HGETALL"], name
        asked_for[name] = tuple(by_page)
    assert b"HGETALL" in next(iter(asked_for.values()))
    assert len(set(asked_for.values())) == 1, asked_for
