"""What can be the id of a run."""

import pytest

from runtail.runid import MAX_RUN_ID_CHARS, flaw_of, flaw_of_choice


@pytest.mark.parametrize(
    "run_id",
    [
        "bcef37f5-2d36-46b1-86b0-5713479c2e38",
        "nightly:2026-01-31",
        "50% off? #1 \\ ü;&=+",
        "...",
        ".x",
        " ",
        "x" * MAX_RUN_ID_CHARS,
    ],
)
def test_what_can_be_escaped_in_an_address_is_an_id(run_id: str) -> None:
    assert flaw_of(run_id) == ""


@pytest.mark.parametrize(
    ("run_id", "flaw"),
    [
        ("", "an id has 1 to 255 characters"),
        ("x" * 256, "an id has 1 to 255 characters"),
        ("a/b", "an id has no slashes and no control characters"),
        ("a\x00", "an id has no slashes and no control characters"),
        ("a\nb", "an id has no slashes and no control characters"),
        ("\ud800", "an id has no slashes and no control characters"),
        (".", "an id is not . or .."),
        ("..", "an id is not . or .."),
    ],
)
def test_what_cannot_is_none(run_id: str, flaw: str) -> None:
    assert flaw_of(run_id) == flaw


@pytest.mark.parametrize("run_id", ["a~1", "x" * MAX_RUN_ID_CHARS + "~12", "a~1~2", "50% ~7"])
def test_the_id_of_an_earlier_execution_is_one_and_cannot_be_chosen(run_id: str) -> None:
    assert flaw_of(run_id) == ""
    assert "does not end in ~ and a number" in flaw_of_choice(run_id)


@pytest.mark.parametrize("run_id", ["~", "a~", "a~b", "a~1b", "~1a", "a~\u0661"])
def test_other_ids_with_a_tilde_can_be_chosen(run_id: str) -> None:
    assert flaw_of(run_id) == flaw_of_choice(run_id) == ""


@pytest.mark.parametrize("run_id", ["~1", "..~1", "x" * 256 + "~1"])
def test_what_is_no_id_is_none_with_a_number_either(run_id: str) -> None:
    assert flaw_of(run_id) != ""
