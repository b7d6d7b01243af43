"""Which tests are slow: those of ``tests/slow.txt``, which were measured; ``make check`` leaves them out.

A plugin of pytest (see ``tests/conftest.py``):

* each test of the list gets the marker ``slow``;
* ``--slow-limit SECONDS`` fails the run if a test that is not slow took longer, and names it;
* ``--slow-write SECONDS`` writes the list anew: the tests of this run that took longer, and those it did not run.
"""

from __future__ import annotations

import ast
import statistics
from collections import defaultdict
from pathlib import Path

import pytest

LIST = Path(__file__).parents[1] / "slow.txt"
HEADER = """\
# Tests that `make check` leaves out, with the seconds that they take (of several parameters the most) in `make test`.
# `make slow-tests` measures them anew. A file without a test is left out whole: what comes later in it needs the rest.
"""


def function_of(test: str) -> str:
    """Return a test's id without its parameters."""
    return test.partition("[")[0]


def listed() -> dict[str, float]:
    """Return the slow tests and their seconds."""
    rows = (line.split(maxsplit=1) for line in LIST.read_text().splitlines() if line and not line.startswith("#"))
    return {test: float(seconds) for seconds, test in rows}


def missing() -> list[str]:
    """Return the tests of the list that are no more."""
    names: dict[str, set[str]] = {}
    for test in listed():
        file = test.partition("::")[0]
        if file not in names:
            path = LIST.parents[1] / file
            tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
            names[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            names[file] |= {""} if path.exists() else set()
    return [test for test in listed() if test.partition("::")[2] not in names[test.partition("::")[0]]]


class Times:
    """What each test took, of all processes of the tests."""

    def __init__(self) -> None:
        self._phases: dict[str, dict[str, float]] = defaultdict(dict)

    def note(self, report: pytest.TestReport) -> None:
        """Take a test's set-up, call or tear-down."""
        if not report.skipped:
            self._phases[report.nodeid][report.when] = report.duration

    def seconds(self) -> dict[str, float]:
        """Return the most of each test function's parameters.

        Of a set-up counts what is usual in its file: the first test of a file waits for what all of them use.
        """
        setups = defaultdict(list)
        for test, phases in self._phases.items():
            setups[test.partition("::")[0]].append(phases.get("setup", 0.0))
        usual = {file: statistics.median(seconds) for file, seconds in setups.items()}
        most: dict[str, float] = defaultdict(float)
        for test, phases in self._phases.items():
            own = phases.get("call", 0.0) + phases.get("teardown", 0.0)
            took = own + min(phases.get("setup", 0.0), usual[test.partition("::")[0]])
            most[function_of(test)] = max(most[function_of(test)], took)
        return dict(most)


class SlowTests:
    """The plugin."""

    def __init__(self, config: pytest.Config) -> None:
        self._times = Times()
        self._limit = config.getoption("--slow-limit")
        self._write = config.getoption("--slow-write")
        self._listed = listed()

    def _is_listed(self, test: str) -> bool:
        return function_of(test) in self._listed or test.partition("::")[0] in self._listed

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark what is on the list; before ``-m`` is looked at."""
        for item in items:
            if self._is_listed(item.nodeid):
                item.add_marker("slow")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the times, in the process that prints."""
        self._times.note(report)

    def _late(self) -> dict[str, float]:
        took = self._times.seconds()
        return {test: s for test, s in took.items() if self._limit and s > self._limit and not self._is_listed(test)}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge, and write."""
        if hasattr(session.config, "workerinput"):
            return
        if self._late() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._write:
            took = self._times.seconds()
            rows = {test: seconds for test, seconds in self._listed.items() if test not in took}
            rows |= {test: s for test, s in took.items() if s > self._write and test.partition("::")[0] not in rows}
            LIST.write_text(HEADER + "".join(f"{rows[test]:6.1f} {test}\n" for test in sorted(rows)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what is slow and not on the list."""
        for test, seconds in sorted(self._late().items()):
            terminalreporter.write_line(f"SLOW {test}: {seconds:.1f} s, and not in {LIST.name}", red=True)
