"""Which loop of the relay counts as standing still."""

from __future__ import annotations

from runtail_socket.watchdog import MOST_ANSWERS, Watchdog


def test_a_loop_that_does_not_turn_while_the_store_answers_stands_still() -> None:
    watchdog = Watchdog("The reader")
    for _ in range(MOST_ANSWERS - 1):
        watchdog.store_answered()
    assert watchdog.problem is None
    watchdog.store_answered()
    assert watchdog.problem == f"The reader is stalled: the store answered {MOST_ANSWERS} times, and it did not go on."


def test_a_loop_that_turns_does_not() -> None:
    watchdog = Watchdog("The reader")
    for _ in range(3 * MOST_ANSWERS):
        watchdog.store_answered()
        watchdog.reset()
    assert watchdog.problem is None
