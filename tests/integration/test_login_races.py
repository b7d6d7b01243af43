"""Two who do the same at the same moment: of a code, a link, or a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest

from runtail.auth.command_line import CommandLines, Confirmed
from runtail.auth.sessions import MAX_SHARES, Sessions
from runtail.store import Store
from tests.support.runs import make_store

T = TypeVar("T")
ROUNDS = 50


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix, auth_mode="password")


def at_once(calls: list[Callable[[], T]]) -> list[T]:
    """Return what the calls return that begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T:
        barrier.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


def test_of_two_people_who_confirm_a_command_line_one_lets_it_in(store: Store) -> None:
    lines = CommandLines(store)
    for _ in range(ROUNDS):
        waiting = lines.begin("127.0.0.1", "a machine")
        let_in = at_once([partial(lines.confirm, waiting.code, f"user:{name}", name, ()) for name in ("ann", "bob")])
        assert sorted(let_in) == [False, True]
        taken = lines.take(waiting.secret)
        assert isinstance(taken, Confirmed)
        assert taken.owner_name == ("ann" if let_in[0] else "bob")


def test_of_many_that_ask_for_a_token_one_gets_it(store: Store) -> None:
    lines = CommandLines(store)
    for _ in range(ROUNDS):
        waiting = lines.begin("127.0.0.1", "a machine")
        assert lines.confirm(waiting.code, "user:ann", "ann", ())
        taken = at_once([partial(lines.take, waiting.secret)] * 4)
        assert sorted(isinstance(one, Confirmed) for one in taken) == [False] * 3 + [True]


def test_a_browser_holds_all_links_that_it_opens_at_once(store: Store) -> None:
    sessions = Sessions(store)
    for _ in range(5):
        _secret, session = sessions.begin("share", "", "guest", None)
        wanted = [f"share{number}" for number in range(MAX_SHARES)]
        at_once([partial(sessions.hold, session, one) for one in wanted])
        (found,) = sessions.find_all([session.digest])
        assert found is not None
        assert sorted(found.shares) == sorted(wanted)


def test_a_link_that_is_opened_in_a_session_that_has_just_ended_leaves_nothing(store: Store) -> None:
    sessions = Sessions(store)
    _secret, session = sessions.begin("share", "", "guest", None)
    sessions.end(session.digest)
    sessions.hold(session, "share")
    assert not store.client.exists(store.keys.session(session.digest))
