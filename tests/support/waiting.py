"""Waiting for a condition: the only way in which tests wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DeadlineExceeded(AssertionError):
    """The awaited condition did not come true in time. Carries the evidence."""


def wait_for(
    condition: Callable[[], T],
    deadline_seconds: float,
    evidence: Callable[[], object] | None = None,
    *,
    interval_seconds: float = 0.02,
) -> T:
    """Calls ``condition`` until it returns something true, and returns that.

    :param condition: called again and again. An exception in it is not caught,
        so that a condition which can no longer come true may end the waiting.
    :param deadline_seconds: how long to go on. The machine may be busy: give
        several times what it takes, for only a failing test takes as long.
    :param evidence: called once, after the deadline; what it returns is shown in
        the failure. Without it the last value of ``condition`` is.
    :param interval_seconds: pause between two calls.
    :raises DeadlineExceeded: the deadline passed.
    """
    started = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - started
        if waited >= deadline_seconds:
            break
        time.sleep(min(interval_seconds, deadline_seconds - waited))
    name = getattr(condition, "__qualname__", repr(condition))
    shown = evidence() if evidence is not None else f"last value: {value!r}"
    raise DeadlineExceeded(f"{name} did not hold within {deadline_seconds} s\n{shown}")


def stays(
    condition: Callable[[], object],
    duration_seconds: float,
    evidence: Callable[[], object] | None = None,
    *,
    interval_seconds: float = 0.02,
) -> None:
    """Asserts that ``condition`` holds now and goes on holding.

    For sentences with *never* in them. It can prove only that nothing happened
    for so long: keep the duration short, and prefer an event that would follow.

    :param duration_seconds: how long the condition is observed.
    :raises AssertionError: it did not hold at some moment.
    """
    end = time.monotonic() + duration_seconds
    while True:
        if not condition():
            name = getattr(condition, "__qualname__", repr(condition))
            shown = evidence() if evidence is not None else ""
            raise AssertionError(f"{name} ceased to hold\n{shown}")
        if time.monotonic() >= end:
            return
        time.sleep(interval_seconds)
