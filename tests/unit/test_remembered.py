"""What is made anew in a round, and what is not."""

from __future__ import annotations

from runtail.auth.remembered import Remembered


def test_only_what_has_another_input_is_made_again() -> None:
    asked: list[str] = []

    def make(name: str, given: list[int]) -> int:
        asked.append(name)
        return sum(given)

    remembered = Remembered(make)
    assert remembered.round([("a", [1]), ("b", [2])]) == [1, 2]
    assert remembered.round([("b", [2]), ("a", [1, 1])]) == [2, 2]
    assert asked == ["a", "b", "a"]
    # One alone is answered, and the others are not forgotten.
    assert remembered.round([("c", [3])]) == [3]
    assert remembered.round([("a", [1, 1]), ("b", [2])]) == [2, 2]
    assert asked == ["a", "b", "a", "c"]
    # Who is missing in a round is forgotten.
    assert remembered.round([("b", [2]), ("d", [4])]) == [2, 4]
    assert remembered.round([("a", [1, 1]), ("b", [2])]) == [2, 2]
    assert asked == ["a", "b", "a", "c", "d", "a"]


def test_what_comes_back_to_an_earlier_input_is_made_of_it() -> None:
    remembered: Remembered[int, str] = Remembered(lambda name, given: f"{name}{given}")
    for given in (1, 2, 1):
        assert remembered.round([("a", given), ("b", 0)]) == [f"a{given}", "b0"]
