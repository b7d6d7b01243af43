"""Viewers of many runs while the cluster changes, and what they must not have seen."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import httpx

from tests.e2e.door import Door
from tests.support.audience import Audience, percentile
from tests.support.waiting import wait_for

#: A page that took longer than this to load failed.
PAGE_SECONDS = 10.0


@dataclass(eq=False)
class Loads(threading.Thread):
    """Loads a page over and over, each time on a new connection, as visitors do who come now.

    :param url: of the page.
    """

    url: str
    every_seconds: float = 0.5
    loads: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name="loads", daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        """Load until told to stop."""
        while not self._over.wait(self.every_seconds):
            self.loads += 1
            try:
                answer = httpx.get(self.url, timeout=PAGE_SECONDS, follow_redirects=True)
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code} {answer.text[:200]}")
            except httpx.HTTPError as error:
                self.failures.append(repr(error))

    def __enter__(self) -> Loads:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(PAGE_SECONDS + 5)


def audience(way: Door, run_ids: list[str], viewers: int) -> Audience:
    """Return viewers who come through the gateway."""
    return Audience(lambda: way.port, run_ids, viewers, host=way.host)


def wait_until_following(seen: Audience) -> None:
    """Return when each viewer has its run on the screen."""
    wait_for(lambda: seen.following == len(seen.viewers) and all(v.messages for v in seen.viewers), 120)


def wait_for_ends(seen: Audience, seconds: float) -> None:
    """Return when each viewer was told the end of its run."""
    wait_for(lambda: seen.ended == len(seen.viewers), seconds, lambda: f"{seen.ended} of {len(seen.viewers)} ended")


def assert_whole(seen: Audience, lines: int) -> None:
    """Fail if a viewer missed a line, saw one twice, had to begin anew, or saw what does not fit the digests."""
    counts = {name: seen.total(name) for name in ("lost", "doubled", "wrong", "named", "resets")}
    why = {(round(at), reason) for viewer in seen.viewers for at, reason in viewer.resets}
    assert counts == dict.fromkeys(counts, 0), f"{counts}, resets at {sorted(why)}"
    at = {viewer.position.line - 1 for viewer in seen.viewers if viewer.position is not None}
    assert at == {lines}, f"viewers stand at {sorted(at)} of {lines} lines"


def pauses(seen: Audience, since: float, until: float) -> tuple[float, float]:
    """Return the 99th percentile and the longest of the times (s) for which screens stood still within a window."""
    longest = [viewer.longest_pause(since, until) for viewer in seen.viewers]
    return percentile(longest, 99), max(longest)


def now() -> float:
    """The clock of viewers, in seconds."""
    return time.monotonic()
