"""Fixtures for all tests: a real server, key prefixes, processes, faults."""

import itertools
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import redis

from tests.support import processes
from tests.support.processes import Process, StartProcess
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.slow_tests import SlowTests

# A developer's own settings must not change what is tested.
for variable in [name for name in os.environ if name.startswith("RUNTAIL_")]:
    if not variable.startswith("RUNTAIL_TEST_"):
        del os.environ[variable]
# On a busy machine any example may take longer than Hypothesis' 200 ms.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")
# It would hide what buffering does to output.
os.environ.pop("PYTHONUNBUFFERED", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the list of slow tests."""
    parser.addoption("--slow-limit", type=float, default=0.0, help="fail if a test that is not slow takes longer")
    parser.addoption("--slow-write", type=float, default=0.0, help="write tests/slow.txt: what takes longer")


def pytest_configure(config: pytest.Config) -> None:
    """Know the slow tests."""
    config.pluginmanager.register(SlowTests(config), "slow tests")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that the whole session shares: never stopped, flushed or paused."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    """The address of the shared server."""
    return redis_server.url


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator["redis.Redis"]:
    """A client of the shared server that returns bytes."""
    with redis_server.client() as client:
        yield client


@pytest.fixture
def key_prefix() -> str:
    """A prefix for keys that no other test uses, e.g. ``t-1f0c9a2b:``."""
    return f"t-{uuid.uuid4().hex[:8]}:"


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running server for one test, to be killed, paused or restarted by it."""
    directory = tmp_path / "redis"
    directory.mkdir()
    with RedisServer(directory) as server:
        yield server


@pytest.fixture
def make_proxy() -> Iterator[Callable[[str, int], TcpProxy]]:
    """Makes proxies to ``(host, port)`` that are closed when the test ends."""
    with ExitStack() as stack:
        yield lambda host, port: stack.enter_context(TcpProxy(host, port))


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[StartProcess]:
    """Starts processes whose whole group is killed when the test ends."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def start(
            *command: str | Path,
            name: str | None = None,
            environment: dict[str, str | None] | None = None,
        ) -> Process:
            # Each with an output file of its own.
            unique = name or f"{Path(command[0]).name}-{next(numbers)}"
            process = Process(command, tmp_path, name=unique, environment=environment)
            return stack.enter_context(process)

        yield start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the processes of a failed test wrote."""
    report = yield
    if report.failed:
        for process in sorted(processes.known, key=lambda known: known.pid):
            report.sections.append((f"Output of {process.name}", process.evidence()))
    return report
