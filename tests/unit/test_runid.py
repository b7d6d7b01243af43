"""What can be the id of a run."""

import pytest

from runtail.runid import MAX_RUN_ID_CHARS, flaw_of


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
