"""Whether the store is away, as the relay's own regular question shows it: viewers are told, also when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runtail.errors import StoreUnavailable

#: One question may fail because its connection was cut.
FAILURES_BEFORE_SAYING = 2

#: A question that waits for so long counts as failed: to wait for its time-out would take too long to be told.
SLOW_SECONDS = 2.0

#: Between looks.
LOOK_SECONDS = 0.25


class StoreHealth:
    """Judges by :meth:`asking`, which stands around every question, and tells by :meth:`run`.

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
        """The last question failed: ask again soon."""
        return self._failures > 0

    @property
    def said(self) -> bool:
        """The store is away, and viewers were told: who comes now was not."""
        return self._said

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Stand around one question to the store."""
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
        """Tell, for ever."""
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Tell if something has changed."""
        if self._away() is not self._said:
            self._said = not self._said
            self._tell(not self._said)

    def _away(self) -> bool:
        slow = self._asked_at is not None and self._clock() - self._asked_at > SLOW_SECONDS
        if self._said:
            # Only an answer ends it.
            return slow or self._failures > 0
        return slow or self._failures >= FAILURES_BEFORE_SAYING
