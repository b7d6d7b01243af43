"""How two runs of Celery's suite are compared; the runs themselves are `make test-celery`."""

from pathlib import Path

import pytest

from tests.celery_suite.__main__ import (
    BROKEN,
    Result,
    differences,
    node_of,
    pinned_celery,
    read_outcomes,
    table,
    verdict,
)

REPORT = """<testsuites><testsuite>
<testcase classname="t.integration.test_canvas.test_chain" name="test_simple[1]"/>
<testcase classname="t.integration.test_canvas.test_chain" name="test_bad"><failure message="x">y</failure></testcase>
<testcase classname="t.integration.test_canvas.test_chain" name="test_end"/>
<testcase classname="t.integration.test_canvas.test_chain" name="test_end"><error message="at teardown"/></testcase>
<testcase classname="t.integration.test_loader" name="test_azure"><skipped message="no Azure"/></testcase>
</testsuite></testsuites>"""


def test_outcomes_are_read_by_name(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    found = read_outcomes(report)
    assert found == {
        "t.integration.test_canvas.test_chain::test_simple[1]": "passed",
        "t.integration.test_canvas.test_chain::test_bad": "failed",
        "t.integration.test_canvas.test_chain::test_end": "failed",
        "t.integration.test_loader::test_azure": "skipped",
    }
    assert [node_of(name) for name in found][::3] == [
        "t/integration/test_canvas.py::test_chain::test_simple[1]",
        "t/integration/test_loader.py::test_azure",
    ]


def test_a_test_that_is_missing_or_skipped_is_a_difference() -> None:
    plain = {"a": "passed", "b": "passed", "c": "failed", "d": "failed", "e": "skipped"}
    installed = {"a": "passed", "c": "failed", "d": "passed", "e": "passed", "f": "passed"}
    assert differences(plain, installed) == ["b", "d", "e", "f"]


def test_the_suite_is_of_the_version_that_the_lock_pins() -> None:
    assert pinned_celery().startswith("celery==5.")
    assert pinned_celery().count("--hash=sha256:") >= 2


def test_the_table_counts_each_way_and_names_what_differed() -> None:
    solo = Result("solo")
    solo.outcomes[False] = {"a": "passed", "b": "passed", "c": "failed", "d": "skipped"}
    solo.outcomes[True] = {
        "a": "passed",
        "b": "failed",
        "c": "failed",
        "d": "skipped",
        f"t/x.py{BROKEN}": "ended with -9",
    }
    solo.seconds = 150.0
    solo.repeated = {"b": "passed 5 of 5 without, 3 with Runtail: DIFFERS"}
    solo.guilty = ["b"]
    printed = table([solo, Result("prefork")]).splitlines()
    assert printed[2:] == [
        "| solo | 2 | 1 | 1 | 3 | 1 | 2 | 1 |",
        "| prefork | 0 | 0 | 0 | 0 | 0 | 0 | 0 |",
        "- solo, b: passed without, failed with Runtail; repeated: passed 5 of 5 without, 3 with Runtail: DIFFERS",
    ]


@pytest.mark.parametrize(
    ("plain", "installed", "guilty"), [(5, 4, True), (5, 5, False), (3, 2, False), (3, 0, True), (0, 0, False)]
)
def test_a_test_that_fails_now_and_then_both_ways_is_no_difference(plain: int, installed: int, guilty: bool) -> None:
    assert verdict(plain, installed)[0] is guilty
