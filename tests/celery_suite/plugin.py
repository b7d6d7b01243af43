"""A pytest plugin for Celery's integration suite: its worker runs as it is asked for, with Runtail or without.

Loaded by name in the suite's own environment, which has neither this project's tests nor its tools.
"""

import functools
import gc
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.concurrency import asynpool
from celery.contrib.testing import app as testing_app
from celery.contrib.testing import worker
from celery.exceptions import TimeoutError as ResultTimeout
from kombu.transport import redis as redis_transport

#: ``{"install": bool, "patience": int, "worker": {...}, "conf": {...}, "tests": [...], "journal": path}``: what
#: ``make test-celery`` asks for.
ASKED = json.loads(os.environ["CELERY_SUITE"])
#: How long a test may take that does not say so itself.
TEST_SECONDS = 300.0
#: How long its start may take, and its end, where it waits until the worker does nothing.
EDGE_SECONDS = 60.0
#: How often it is told so when its time is over.
AGAIN_SECONDS = 2.0
#: Tests that need a worker and trust that an earlier one has started it.
TRUST_IN_OTHERS = "test_trace_log_arguments"
#: How often the worker looks for processes that have ended.
REAP_SECONDS = 0.1


class OutOfTime(BaseException):
    """A test's time is over. No ``except Exception`` of a test keeps it."""


def free_locks(properties: list[Any]) -> None:
    """Give cached properties new locks, in a pool's process that was just forked."""
    for found in properties:
        found.lock = threading.RLock()


def leave_answers_to_their_process() -> None:
    """Let a forked process close what it inherited without reading from it.

    kombu closes pooled connections after a fork, and first waits for what one of them has asked for: for a message, on
    a socket that the worker's main process reads. Celery kills such a process after four seconds.
    """
    main = os.getpid()
    close: Any = redis_transport.Channel.close

    def closes(channel: Any) -> None:
        if os.getpid() != main:
            channel._in_poll = False  # noqa: SLF001 (kombu's)
        close(channel)

    redis_transport.Channel.close = closes  # type: ignore[method-assign]


def reap_often() -> None:
    """Let the worker replace a process soon after its end.

    Celery looks once when the process has closed its pipe, which is some time before it can be reaped, and then every
    five seconds. With one task per process that is a task in five seconds, and a chord of some tasks needs a minute.
    """
    asynpool.AsynPool.timers = property(lambda pool: {pool.maintain_pool: REAP_SECONDS})


def pytest_configure() -> None:
    """Let the suite's session worker be started as asked.

    It forks its pool's processes from a thread. What pytest's own thread holds locked at that moment would stay locked
    in them: that was a cached property of kombu's, ``RedisBackend.client``, when processes are forked all the time.
    """
    start, make_app = worker.start_worker, testing_app.TestApp
    properties = [found for found in gc.get_objects() if isinstance(found, functools.cached_property)]
    locked = [found for found in properties if hasattr(found, "lock")]
    os.register_at_fork(after_in_child=lambda: free_locks(locked))
    leave_answers_to_their_process()
    reap_often()

    def configured_app(*args: Any, config: dict[str, Any] | None = None, **options: Any) -> Any:
        # When the worker is started, tasks have taken their options from the settings already.
        return make_app(*args, config={**(config or {}), **ASKED["conf"]}, **options)

    def start_worker(app: Any, **options: Any) -> Any:
        if ASKED["install"]:
            import runtail

            runtail.install(app)
        return start(app, **{**options, **ASKED["worker"]})

    worker.start_worker = start_worker
    testing_app.TestApp = configured_app


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the tests that are asked for, and let them wait longer for tasks.

    On a busy machine a minute is little for a thousand of them.
    """
    if ASKED["tests"]:
        wanted = set(ASKED["tests"])
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
        items[:] = [item for item in items if item.nodeid in wanted]
    for module in {item.module for item in items if isinstance(item, pytest.Function)}:
        if hasattr(module, "TIMEOUT"):
            module.TIMEOUT *= ASKED["patience"]
    for item in items:
        if isinstance(item, pytest.Function) and TRUST_IN_OTHERS in item.nodeid:
            item.fixturenames.append("celery_session_worker")


def own_seconds(item: pytest.Item) -> float:
    """Return how long a test itself may take."""
    mark = item.get_closest_marker("timeout")
    return float((mark.args or [mark.kwargs.get("timeout", TEST_SECONDS)])[0]) if mark else TEST_SECONDS


def limited(seconds_of: Callable[[pytest.Item], float]) -> Any:
    """Return a hook that ends a part of a test that takes too long.

    pytest-timeout does it once for a test and all of its repetitions. What goes on waiting after that, another of its
    subtests or its end, would wait for ever.
    """

    @pytest.hookimpl(wrapper=True)
    def limit(item: pytest.Item) -> Iterator[None]:
        seconds = seconds_of(item) * ASKED["patience"]

        def on_alarm(_number: int, _frame: Any) -> None:
            raise OutOfTime(f"more than {seconds:.0f} s")

        before = signal.signal(signal.SIGALRM, on_alarm)
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return limit


pytest_runtest_setup = limited(lambda _item: EDGE_SECONDS)
pytest_runtest_call = limited(own_seconds)
pytest_runtest_teardown = limited(lambda _item: EDGE_SECONDS)


def pytest_exception_interact(node: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """End the session with a test that waited in vain: its task may be in the worker's way for ever.

    With the solo pool a worker calls a task active that it could not retry, and the tests after it wait for its end.
    """
    if call.excinfo and call.excinfo.errisinstance((ResultTimeout, TimeoutError, OutOfTime)):
        node.session.shouldstop = f"{node.nodeid} waited in vain"


def note(test: str, event: str) -> None:
    """Write down at once what became of a test: a session that breaks writes no report."""
    with Path(ASKED["journal"]).open("a") as journal:
        journal.write(json.dumps([test, event]) + "\n")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests there are."""
    for item in session.items:
        note(item.nodeid, "collected")


def pytest_runtest_logstart(nodeid: str) -> None:
    """Note that a test begins, once more if it is repeated."""
    note(nodeid, "began")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note that a part of a test, or one of its subtests, did not pass."""
    if report.outcome in ("failed", "skipped"):
        note(report.nodeid, report.outcome)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Note that a test has ended."""
    note(nodeid, "ended")
