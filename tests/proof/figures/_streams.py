"""Tasks that print without end on the whole product, and viewers on each of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

import httpx

from runtail.errors import RunNotFound
from runtail.log import reader
from runtail.protocol import Entry, RunState
from runtail.protocol import event as events
from tests.support.audience import Audience
from tests.support.stack import Stack
from tests.support.waiting import wait_for

#: "Until somebody ends it."
ENDLESS_LINES = 10**9
#: For what takes a second on an idle machine.
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of everything that was printed."""

    #: Lines in all logs together, and runs whose log is not what the task printed, line by line.
    lines: int
    spoilt_runs: int
    #: Runs that did not end as they were told, with their states.
    astray: list[str]
    #: Viewers that did not see the end, or stood elsewhere than the stored log when they did.
    short_viewers: int
    lost: int
    doubled: int
    wrong: int
    resets: int
    #: Lines that the logs name as missing.
    named: int

    @property
    def clean(self) -> bool:
        """Nothing was lost, doubled or changed, on no screen and in no log."""
        return not (self.spoilt_runs or self.astray or self.short_viewers or self.lost or self.doubled or self.wrong)

    @property
    def words(self) -> str:
        """The counts that should be zero."""
        return (
            f"{self.lost + self.short_viewers} lost, {self.doubled} doubled, {self.wrong} wrong on screens; "
            f"{self.spoilt_runs + len(self.astray)} runs spoilt ({self.lines:,} lines)"
        )


class Streams:
    """Started with ``with``: runs print and everybody watches. End it with :meth:`finish`.

    :param stack: with a worker of at least as many task processes as *runs*.
    :param viewers: dealt out to the runs.
    """

    def __init__(self, stack: Stack, *, runs: int, lines_per_second: int, viewers: int) -> None:
        self.stack = stack
        kwargs = {"lines": ENDLESS_LINES, "lines_per_second": lines_per_second}
        self.ids = [stack.start("line.paced", kwargs) for _ in range(runs)]
        self.seen = Audience(lambda: stack.relay.port, self.ids, viewers)

    def __enter__(self) -> Self:
        self.seen.start()
        self.wait_until_flowing()
        return self

    def __exit__(self, *_error: object) -> None:
        self.seen.close()

    def wait_until_flowing(self, fresh_seconds: float = 1.0) -> None:
        """Return when every screen shows a line that was printed within the last second."""

        def flowing() -> bool:
            now = time.monotonic()
            newest = [viewer.messages[-1] for viewer in self.seen.viewers if viewer.messages]
            return len(newest) == len(self.seen.viewers) and all(now - at + age < fresh_seconds for at, age in newest)

        wait_for(flowing, PATIENCE_SECONDS, self._evidence)

    def let_print(self, lines: int) -> None:
        """Return when every run has stored so many lines more."""
        before = {run_id: self.stack.run(run_id).number("line") for run_id in self.ids}
        wait_for(
            lambda: all(self.stack.run(run_id).number("line") >= line + lines for run_id, line in before.items()),
            PATIENCE_SECONDS,
            self._evidence,
            interval_seconds=0.1,
        )

    def resumed_after(self, moment: float) -> float:
        """Return how long (s) after a moment (monotonic) the last screen got a line that was printed after it."""
        viewers = self.seen.viewers

        def resumed() -> bool:
            return all(viewer.messages and viewer.written_at > moment for viewer in viewers)

        wait_for(resumed, PATIENCE_SECONDS, self._evidence)
        return max(next(at for at, age in viewer.messages if at - age > moment) - moment for viewer in viewers)

    def _evidence(self) -> str:
        now = time.monotonic()
        behind = [
            (viewer.run_id, round(now - viewer.written_at, 1) if viewer.messages else None, viewer.losses[-3:],
             viewer.refusals[-3:])
            for viewer in self.seen.viewers
        ]  # fmt: skip
        return f"viewers behind: {behind}\n{self.stack.relay.process.evidence()}\n{self.stack.worker.evidence()}"

    def finish(self) -> Verdict:
        """Cancel all runs, wait until everybody saw the ends, and judge."""
        for run_id in self.ids:
            httpx.post(f"{self.stack.web.url}/api/v1/runs/{run_id}/cancel", json={}, timeout=30).raise_for_status()
        wait_for(lambda: self.seen.ended == len(self.seen.viewers), PATIENCE_SECONDS, self._evidence)
        self.seen.close()
        states = {run_id: self.stack.run(run_id).state for run_id in self.ids}
        counts = [self._lines(run_id) for run_id in self.ids]
        ends = {run_id: self._end(run_id) for run_id in self.ids}
        return Verdict(
            lines=sum(lines for lines, _, _ in counts),
            named=sum(named for _, named, _ in counts),
            spoilt_runs=sum(spoilt for _, _, spoilt in counts),
            astray=[f"{run_id}: {state}" for run_id, state in states.items() if state is not RunState.CANCELLED],
            short_viewers=sum(
                viewer.position is None or (viewer.position.line, viewer.position.chain) != ends[viewer.run_id]
                for viewer in self.seen.viewers
            ),
            lost=self.seen.total("lost"),
            doubled=self.seen.total("doubled"),
            wrong=self.seen.total("wrong"),
            resets=self.seen.total("resets"),
        )

    def _lines(self, run_id: str) -> tuple[int, int, bool]:
        """How many lines a log holds and names as missing, and whether one is not where its number says."""
        count, named, spoilt, number = 0, 0, False, 1
        for item in reader.entries(self.stack.store, run_id):
            if isinstance(item, Entry) and item.type == "o":
                spoilt = spoilt or item.from_line != number
                for text in item.payload.splitlines():
                    spoilt = spoilt or text != b"line %d" % number
                    number, count = number + 1, count + 1
            elif isinstance(item, Entry) and (event := events.decode(item))["kind"] == events.STORE_LOST:
                named += max(0, event["to"] + 1 - number)
                number = max(number, event["to"] + 1)
        return count, named, spoilt

    def _end(self, run_id: str) -> tuple[int, str]:
        try:
            head = reader.head(self.stack.store, run_id)
        except RunNotFound:
            return 0, ""
        return head.line, head.chain.hex()
