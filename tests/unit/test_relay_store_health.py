"""When the relay says that the store is away, and when that it is back."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from runtail.errors import StoreUnavailable
from runtail_socket.reading.store_health import FAILURES_BEFORE_SAYING, SLOW_SECONDS, StoreHealth


class Scene:
    """An :class:`StoreHealth` with a clock of ours, and what it told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[bool] = []
        self.store_health = StoreHealth(self.told.append, lambda: self.now)

    @staticmethod
    def answer(*, answered: bool) -> None:
        """What the store does."""
        if not answered:
            raise StoreUnavailable("gone")

    def ask(self, *, answered: bool, takes_seconds: float = 0.0) -> None:
        """Ask once, and look while and after."""
        with pytest.raises(StoreUnavailable) if not answered else nullcontext(), self.store_health.asking():
            self.now += takes_seconds
            self.store_health.look()
            self.answer(answered=answered)
        self.store_health.look()


def test_one_failure_is_not_said() -> None:
    scene = Scene()
    suspected = []
    for answered in (True, False, True):
        scene.ask(answered=answered)
        suspected.append(scene.store_health.suspected)
    assert suspected == [False, True, False]
    assert scene.told == []


def test_failures_are_said_once_and_an_answer_ends_it() -> None:
    scene = Scene()
    for _ in range(FAILURES_BEFORE_SAYING + 3):
        scene.ask(answered=False)
    assert scene.told == [False]
    scene.ask(answered=True)
    scene.ask(answered=True)
    assert scene.told == [False, True]


def test_an_answer_that_does_not_come_is_said_before_its_time_out() -> None:
    scene = Scene()
    scene.ask(answered=False, takes_seconds=SLOW_SECONDS + 1)
    assert scene.told == [False]
    # Between two questions nothing is known that would end it.
    scene.store_health.look()
    assert scene.told == [False]
    scene.ask(answered=True)
    assert scene.told == [False, True]
