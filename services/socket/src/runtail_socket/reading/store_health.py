"""Judges by the relay's own regular question whether the store is away, and tells viewers when it goes and returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runtail.errors import StoreUnavailable

#: A single question may fail because its connection was cut.
FAILURES_BEFORE_SAYING = 2

#: A question that waits this long counts as failed: viewers would hear too late if we waited for its time-out.
SLOW_SECONDS = 2.0

#: Time between checks.
LOOK_SECONDS = 0.25


class StoreHealth:
    """Judges by :meth:`asking`, which wraps every question, and tells viewers in :meth:`run`.

    :param tell: called with False when the store is away, with True when it answers again.
    :param clock: monotonic seconds.
    """

    def __init__(self, tell: Callable[[bool], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._asked_at: float | None = None
        self._failures = 0
        self._said = False

    @property
    def suspected(self) -> bool:
        """True if the last question failed: ask again soon."""
        return self._failures > 0

    @property
    def said(self) -> bool:
        """True if the store is away and viewers were told; a viewer that comes now has not heard."""
        return self._said

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Wrap one question to the store."""
        self._asked_at = self._clock()
        try:
            yield
            self._failures = 0
        except StoreUnavailable:
            self._failures += 1
            raise
        finally:
            self._asked_at = None

    def run(self) -> None:
        """Check and tell regularly; never returns."""
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Tell viewers if the store has gone or returned."""
        if self._away() is not self._said:
            self._said = not self._said
            self._tell(not self._said)

    def _away(self) -> bool:
        slow = self._asked_at is not None and self._clock() - self._asked_at > SLOW_SECONDS
        if self._said:
            # Only an answer ends an outage.
            return slow or self._failures > 0
        return slow or self._failures >= FAILURES_BEFORE_SAYING
