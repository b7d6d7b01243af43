"""One check of an installation: starts a run of ``runtail.check`` and watches it as a browser does."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from runtail.cli.failure import Failure, Refused, Unreachable
from runtail.cli.interrupts import Interrupts
from runtail.cli.relay import Relay, RelayLost
from runtail.cli.tail import Tail
from runtail.cli.web import Web, run_path, without_login
from runtail.protocol.cursor import Cut
from runtail.protocol.entry import OUTPUT, Entry

TASK = "runtail.check"
#: Other parts find a service only a moment after its installation, so failures are retried for this long.
SETTLING_SECONDS = 20.0


class Timeout(BaseException):
    """The time is up. Not an Exception, so that no handler on the way takes it for a lost connection."""


@dataclass
class Seen:
    """Everything that a viewer saw; a sink for :class:`runtail.cli.tail.Tail`."""

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    started_at: float = 0.0
    first_line_at: float | None = None
    last_line_at: float | None = None
    longest_pause_seconds: float = 0.0
    #: From the writing of the newest line of each delivery to its arrival; two clocks may differ, so at least 0.
    line_seconds: list[float] = field(default_factory=list)
    on_line: Callable[[], None] | None = None

    def take(self, item: Entry | Cut, wire: Mapping[str, Any], first: int) -> None:  # noqa: ARG002
        """Note the lines and their time of arrival."""
        if not isinstance(item, Entry) or item.type != OUTPUT:
            return
        now = time.monotonic()
        if self.last_line_at is not None:
            self.longest_pause_seconds = max(self.longest_pause_seconds, now - self.last_line_at)
        self.first_line_at = self.first_line_at if self.first_line_at is not None else now
        self.last_line_at = now
        self.line_seconds.append(max(0.0, time.time() - item.t_ms / 1000))
        self.lines += item.payload.decode(errors="replace").splitlines()
        if self.on_line is not None:
            self.on_line()

    def live(self, live: Mapping[str, Any] | None) -> None:
        """Do nothing: the unfinished line comes again."""

    def note(self, text: str) -> None:
        """Note what happened to the connection."""
        self.notes.append(text)

    def flush(self) -> None:
        """Do nothing: everything is in memory."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check.

    :param problem: what is wrong, and where to look; empty if all is well.
    :param missing: number of lines that did not come.
    :param doubled: number of lines that came twice.
    """

    run_id: str
    problem: str
    lines: int
    missing: int
    doubled: int
    first_line_seconds: float | None
    longest_pause_seconds: float
    line_seconds: float | None
    notes: tuple[str, ...]


def expected_lines(lines: int) -> list[str]:
    """Return the lines that the task prints."""
    return [f"Check line {number} of {lines}" for number in range(1, lines + 1)]


def check(
    web: Web,
    lines: int,
    seconds: float,
    timeout_seconds: float,
    *,
    relay_url: str = "",
    on_line: Callable[[], None] | None = None,
) -> Result:
    """Start a run and watch it to its end. Call it in the main thread.

    :param seconds: how long the task prints.
    :param relay_url: the relay's address, with the base path if there is one; empty: ask the web service.
    :param on_line: called after each delivery of lines.
    """
    seen = Seen(started_at=time.monotonic(), on_line=on_line)
    run_id = ""
    problem = ""
    try:
        with time_limit(timeout_seconds):
            relay_url = relay_url or _settled(web.relay_url, timeout_seconds)
            _settled(lambda: Relay(relay_url, web.login_for(relay_url)).close(), timeout_seconds)
            body = {"task": TASK, "kwargs": {"lines": lines, "seconds": seconds}}
            run_id = str(_settled(lambda: web.send("POST", "/runs", body), timeout_seconds).value["id"])
            outcome = Tail(web, relay_url, run_id, seen, Interrupts().held).follow()
        state = str((outcome.end or {}).get("state") or "unknown")
        if not outcome.verified:
            problem = f"the log does not match its digests: {outcome.text}"
        elif state != "succeeded":
            problem = f"the run ended as {state}; `runtail follow {run_id}` shows what it wrote"
    except Timeout:
        problem = _why_late(web, run_id, len(seen.lines), lines, timeout_seconds)
    except RelayLost as lost:
        where = without_login(relay_url)
        problem = f"no relay answers at {where} ({lost}): are its pods ready, and does the gateway reach them?"
    except Failure as failure:
        problem = failure.message
    expected = expected_lines(lines)
    missing = len(set(expected) - set(seen.lines))
    doubled = len(seen.lines) - len(set(seen.lines))
    if not problem and seen.lines != expected:
        problem = f"{missing} of {lines} lines are missing and {doubled} came twice, or their order is wrong"
    return Result(
        run_id=run_id,
        problem=problem,
        lines=len(seen.lines),
        missing=missing,
        doubled=doubled,
        first_line_seconds=None if seen.first_line_at is None else seen.first_line_at - seen.started_at,
        longest_pause_seconds=seen.longest_pause_seconds,
        line_seconds=max(seen.line_seconds, default=None),
        notes=tuple(seen.notes),
    )


def _settled(ask: Callable[[], Any], timeout_seconds: float) -> Any:
    """Ask, and ask again while the answer may still change, because new services are found only a moment later.

    :raises Failure: the last error.
    :raises RelayLost: likewise.
    """
    until = time.monotonic() + min(SETTLING_SECONDS, timeout_seconds / 2)
    while True:
        try:
            return ask()
        except (RelayLost, Unreachable, Refused) as error:
            passing = not isinstance(error, Refused) or error.status >= 500 or error.code == "unknown-task"
            if not passing or time.monotonic() >= until:
                raise
        time.sleep(0.5)


def _why_late(web: Web, run_id: str, came: int, lines: int, timeout_seconds: float) -> str:
    """Return why a run was not seen to its end in time."""
    late = f"after {timeout_seconds:g} s"
    if not run_id:
        return f"no run was started {late}: does {web.url} answer?"
    try:
        state = web.get(run_path(run_id))["state"]
    except Failure as failure:
        return f"{late} {came} of {lines} lines had come, and then: {failure.message}"
    if state == "queued":
        return f"run {run_id} still waits {late}: no worker takes from the queue runtail-check"
    return f"{came} of {lines} lines of run {run_id} had come {late}, and it is {state}"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Timeout` in the main thread when the time is up."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise Timeout

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
