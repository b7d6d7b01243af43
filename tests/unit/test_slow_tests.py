"""The list of slow tests, and what keeps it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.slow_tests import Times, listed, missing

ROOT = Path(__file__).parents[2]


def report(test: str, when: str, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(test, ("", 0, ""), {}, "passed", None, when, duration=seconds)  # type: ignore[arg-type]


def test_every_test_of_the_list_is_there() -> None:
    assert listed()
    assert missing() == [], "renamed or removed: say so in tests/slow.txt"


def test_what_a_whole_file_waits_for_is_not_its_first_tests() -> None:
    times = Times()
    for number, setup in enumerate((9.0, 0.1, 0.2)):
        times.note(report(f"tests/a.py::test_{number}", "setup", setup))
        times.note(report(f"tests/a.py::test_{number}", "call", 1.0))
    assert times.seconds()["tests/a.py::test_0"] == pytest.approx(1.2)


def test_of_parameters_the_slowest_counts() -> None:
    times = Times()
    for parameter, seconds in (("x", 1.0), ("y[0]", 3.0)):
        times.note(report(f"tests/a.py::test[{parameter}]", "call", seconds))
    assert times.seconds() == {"tests/a.py::test": 3.0}


@pytest.mark.parametrize(("limit", "status"), [("1e-9", 1), ("300", 0)])
def test_who_asks_is_told_of_slow_tests_that_are_not_on_the_list(limit: str, status: int) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--slow-limit", limit, "tests/unit/test_solo.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == status, done.stdout
    assert ("SLOW tests/unit/test_solo.py::" in done.stdout) == bool(status)
