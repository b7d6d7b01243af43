"""A namespace and a release for each test, and what they leave when it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import figures
from tests.e2e.cluster import Namespace, program, run
from tests.e2e.release import Release

Make = Callable[..., Release]
_namespaces: list[Namespace] = []


@pytest.fixture(scope="session")
def cluster() -> None:
    """Fails in words where no cluster answers."""
    done = run(program("kubectl"), "version", check=False, seconds=30)
    assert done.returncode == 0, f"no cluster answers; KUBECONFIG names one. kubectl said:\n{done.stderr}"


@contextmanager
def new_namespace(word: str) -> Iterator[Namespace]:
    """Make a namespace and remove it in the end; ``RUNTAIL_TEST_KEEP=1`` keeps it."""
    made = Namespace(re.sub("[^a-z0-9]+", "-", word)[:20].strip("-"))
    made.create()
    _namespaces.append(made)
    try:
        yield made
    finally:
        _namespaces.remove(made)
        if not os.environ.get("RUNTAIL_TEST_KEEP"):
            made.delete()


@pytest.fixture
def namespace(cluster: None, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of its own."""
    with new_namespace(request.node.name.removeprefix("test_")) as made:
        yield made


@pytest.fixture
def make_release(namespace: Namespace, tmp_path: Path) -> Make:
    """Makes a release that is not installed yet; the arguments hold values, and another chart than this version's."""
    return lambda values=None, **chart: Release(namespace, tmp_path, values, **chart)


@pytest.fixture
def install(make_release: Make) -> Make:
    """Installs a release and returns it when all is ready; the arguments are those of ``make_release``."""
    return lambda values=None, **chart: make_release(values, **chart).installed()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the pods of a failed test wrote."""
    report = yield
    if report.failed:
        report.sections += [(f"Namespace {known.name}", known.evidence()) for known in _namespaces]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the figures."""
    for scenario, values in sorted(figures.seen.items(), key=lambda item: int(item[0][1:])):
        for what, value in values.items():
            terminalreporter.write_line(f"{scenario}: {what}: {value}")
