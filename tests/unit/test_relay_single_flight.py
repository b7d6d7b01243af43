"""Answers of the store that several get: who asks, who waits, and what nobody may get twice."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from runtail.errors import StoreUnavailable
from runtail_socket.reading import single_flight as module
from runtail_socket.reading.single_flight import SingleFlight
from tests.support.waiting import wait_for

MANY = 20


class Store:
    """Counts questions; answers, when it is let, the number of the question."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = threading.Event()
        self.fails = False

    def ask(self) -> int:
        """One question."""
        self.asked += 1
        number = self.asked
        assert self.open.wait(10)
        if self.fails:
            raise StoreUnavailable("gone")
        return number


def test_many_who_ask_at_once_ask_one_question() -> None:
    store, shared = Store(), SingleFlight[str, int](10)
    with ThreadPoolExecutor(MANY) as pool:
        answers = [pool.submit(shared.get, "position", store.ask) for _ in range(MANY)]
        wait_for(lambda: store.asked, 10)
        store.open.set()
        assert {answer.result(10) for answer in answers} == {1}
    assert store.asked == 1


def test_those_who_wait_share_a_failure_and_the_next_asks_again() -> None:
    store, shared = Store(), SingleFlight[str, int](10)
    store.fails = True
    with ThreadPoolExecutor(MANY) as pool:
        answers = [pool.submit(shared.get, "position", store.ask) for _ in range(MANY)]
        # Who has come by then waits for it; who comes later, and fails as well, asks for itself.
        wait_for(lambda: store.asked, 10)
        store.open.set()
        assert all(isinstance(answer.exception(10), StoreUnavailable) for answer in answers)
    store.fails, before = False, store.asked
    assert shared.get("position", store.ask) == before + 1


def test_an_answer_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    store, shared = Store(), SingleFlight[str, int](10)
    store.open.set()
    assert [shared.get("position", store.ask) for _ in range(3)] == [1, 1, 1]
    now[0] += module.FRESH_SECONDS
    assert shared.get("position", store.ask) == 2


def test_answers_that_are_not_worth_it_are_not_kept_and_of_the_others_only_so_many() -> None:
    store, shared = Store(), SingleFlight[int, int](3, lambda answer: answer > 1)
    store.open.set()
    assert [shared.get(7, store.ask) for _ in range(3)] == [1, 2, 2]
    for other in (8, 9, 10):
        shared.get(other, store.ask)
    assert shared.get(7, store.ask) == 6
