"""Which loop of the relay counts as standing still."""

from __future__ import annotations

from runtail_socket.loops import MOST_ANSWERS, Turns


def test_a_loop_that_does_not_turn_while_the_store_answers_stands_still() -> None:
    turns = Turns("the reader")
    for _ in range(MOST_ANSWERS - 1):
        turns.answered()
    assert turns.problem is None
    turns.answered()
    assert turns.problem == f"the reader stands still, although the store has answered {MOST_ANSWERS} times"


def test_a_loop_that_turns_does_not() -> None:
    turns = Turns("the reader")
    for _ in range(3 * MOST_ANSWERS):
        turns.answered()
        turns.turned()
    assert turns.problem is None
