"""Viewers of many runs while the cluster changes, and what they must not have seen."""

from __future__ import annotations

import threading
import time
from collections import Counter
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
    :param token: of the visitors: without one they would load the page that asks for a login.
    """

    url: str
    token: str
    every_seconds: float = 0.5
    loads: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name="loads", daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        """Load until told to stop."""
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self._over.wait(self.every_seconds):
            self.loads += 1
            try:
                answer = httpx.get(self.url, headers=headers, timeout=PAGE_SECONDS, follow_redirects=True)
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
    return Audience(lambda: way.port, run_ids, viewers, host=way.host, tokens=way.tokens)


def wait_until_following(seen: Audience) -> None:
    """Return when each viewer has its run on the screen."""
    wait_for(lambda: seen.following == len(seen.viewers) and all(v.messages for v in seen.viewers), 120)


def wait_for_ends(seen: Audience, seconds: float) -> None:
    """Return when each viewer was told the end of its run."""
    wait_for(lambda: seen.ended == len(seen.viewers), seconds, lambda: f"{seen.ended} of {len(seen.viewers)} ended")


def assert_whole(seen: Audience, lines: int, *, store_resets: int = 0) -> None:
    """Fail if a viewer missed a line, saw one twice, had to begin anew, or saw what does not fit the digests.

    :param store_resets: how often each viewer may have begun anew because the store was away (``store-lost``).
    """
    counts = {name: seen.total(name) for name in ("lost", "doubled", "wrong", "named")}
    why = {(round(at), reason) for viewer in seen.viewers for at, reason in viewer.resets}
    most = max(len(viewer.resets) for viewer in seen.viewers)
    found = f"{counts}, at most {most} resets of a viewer, at {sorted(why)}"
    assert counts == dict.fromkeys(counts, 0), found
    assert most <= store_resets, found
    assert {reason for _, reason in why} <= {"store-lost"}, found
    at = {viewer.position.line - 1 for viewer in seen.viewers if viewer.position is not None}
    assert at == {lines}, f"viewers stand at {sorted(at)} of {lines} lines"


def pauses(seen: Audience, since: float, until: float) -> tuple[float, float]:
    """Return the 99th percentile and the longest of the times (s) for which screens stood still within a window."""
    longest = [viewer.longest_pause(since, until) for viewer in seen.viewers]
    return percentile(longest, 99), max(longest)


def undisturbed_pause(seen: Audience, since: float, until: float) -> float:
    """Return the 99th percentile of the times (s) for which screens stood still although their connection lasted.

    That is the machine's part.

    :raises AssertionError: if all had to connect again.
    """
    stayed = [viewer.longest_pause(since, until) for viewer in seen.viewers if viewer.connections == 1]
    assert stayed, "all viewers had to connect again"
    return percentile(stayed, 99)


def troubles(seen: Audience, since: float, until: float) -> str:
    """Say why connections ended and subscriptions were refused, and what the five longest pauses were spent on."""
    losses = Counter(why for viewer in seen.viewers for why in viewer.losses)
    refusals = Counter(why for viewer in seen.viewers for why in viewer.refusals)
    worst = sorted(seen.viewers, key=lambda viewer: viewer.longest_pause(since, until))[-5:]
    paused = "\n".join(viewer.told_of_pause(since, until) for viewer in reversed(worst))
    return f"connections ended: {dict(losses)}, subscriptions refused: {dict(refusals)}, the longest pauses:\n{paused}"


def now() -> float:
    """The clock of viewers, in seconds."""
    return time.monotonic()
