"""How two runs of Celery's suite are compared; the runs themselves are `make test-celery`."""

import json
from pathlib import Path

import pytest

from tests.celery_suite.outcomes import (
    SESSION_TESTS,
    STOPPED,
    Result,
    Verdict,
    by_chance,
    differences,
    read_outcomes,
    required,
    sessions,
    table,
)
from tests.celery_suite.suite import pinned_celery


def journal(folder: Path, *entries: tuple[str, str]) -> Path:
    written = folder / "journal.jsonl"
    written.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return written


def test_outcomes_are_read_as_tests_ran(tmp_path: Path) -> None:
    entries = [(test, "collected") for test in "abcdef"]
    entries += [("a", "began"), ("a", "ended")]
    entries += [("b", "began"), ("b", "failed"), ("b", "skipped"), ("b", "ended")]
    entries += [("c", "began"), ("c", "skipped"), ("c", "ended")]
    entries += [("d", "began"), ("d", "failed"), ("d", "began"), ("d", "ended")]
    entries += [("e", "began")]
    collected, found = read_outcomes(journal(tmp_path, *entries))
    assert collected == list("abcdef")
    assert found == {"a": "passed", "b": "failed", "c": "skipped", "d": "passed", "e": STOPPED}


def test_a_session_that_wrote_nothing_has_no_outcomes(tmp_path: Path) -> None:
    assert read_outcomes(tmp_path / "none.jsonl") == ([], {})


def test_every_test_is_dealt_once_and_neighbours_are_apart() -> None:
    large = [f"t/integration/test_canvas.py::test_{number}" for number in range(3 * SESSION_TESTS - 1)]
    small = ["t/integration/test_loader.py::test_a", "t/integration/test_loader.py::test_b"]
    dealt = sessions([*small, *large])
    assert sorted(test for tests in dealt for test in tests) == sorted([*large, *small])
    assert [len(tests) for tests in dealt] == [30, 30, 29, 2]
    assert dealt[0][:2] == [large[0], large[3]]


def test_only_what_does_not_fail_without_runtail_is_required_of_it() -> None:
    plain = {"a": "passed", "b": "passed", "c": "failed", "d": STOPPED, "e": "skipped", "f": "skipped"}
    installed = {"a": "passed", "c": "passed", "e": "failed", "f": "skipped"}
    assert required(plain) == ["a", "b", "e", "f"]
    assert differences(plain, installed) == ["b", "e"]


def test_the_suite_is_of_the_version_that_the_lock_pins() -> None:
    assert pinned_celery().startswith("celery==5.")
    assert pinned_celery().count("--hash=sha256:") >= 2


@pytest.mark.parametrize(
    ("plain", "installed", "times", "differs", "is_open"),
    [
        (5, 5, 5, False, False),
        (0, 0, 5, False, False),
        (3, 4, 5, False, False),
        (5, 0, 5, True, False),
        (5, 3, 5, False, True),
        (15, 9, 15, True, False),
        (15, 13, 15, False, True),
    ],
)
def test_a_difference_counts_if_chance_would_seldom_make_it(
    plain: int, installed: int, times: int, differs: bool, is_open: bool
) -> None:
    verdict = Verdict(plain, installed, times)
    assert (verdict.differs, verdict.is_open) == (differs, is_open)


def test_chance_is_fishers() -> None:
    # Two of four passed: both of those without Runtail, in one of the six ways to place them.
    assert by_chance(2, 0, 2) == pytest.approx(1 / 6)
    assert by_chance(5, 0, 5) == pytest.approx(1 / 252)
    assert by_chance(3, 3, 5) > 0.5
    assert by_chance(5, 5, 5) == 1


def test_the_table_counts_each_way_and_names_what_did_not_pass() -> None:
    a, b, c, d = (f"t/integration/test_x.py::{name}" for name in "abcd")
    solo = Result("solo", seconds=150.0)
    solo.outcomes[False] = {a: "passed", b: "passed", c: STOPPED, d: "skipped"}
    solo.outcomes[True] = {a: "passed", b: "failed", d: "skipped"}
    solo.verdicts = {b: Verdict(5, 0, 5)}
    printed = table([solo, Result("prefork")]).splitlines()
    assert printed[2:] == [
        "| solo | 2 | 1 | 1 | 1 | 1 | 2 |",
        "| prefork | 0 | 0 | 0 | 0 | 0 | 0 |",
        "- solo, test_x.py::b: passed without, failed with Runtail; repeated: "
        "passed 5 of 5 without, 0 with Runtail: DIFFERS (p = 0.004)",
        f"- solo, test_x.py::c: {STOPPED} without Runtail, and was not run with it",
    ]


def test_what_differs_and_what_does_not_are_told_apart() -> None:
    result = Result("solo", verdicts={"a": Verdict(5, 0, 5), "b": Verdict(5, 5, 5), "c": Verdict(15, 13, 15)})
    assert result.guilty == ["a"]
    assert str(result.verdicts["b"]).endswith("no difference when repeated")
    assert "no more than chance (p = 0.24)" in str(result.verdicts["c"])
