"""How long the reader collects notifications before it reads again. Pure: times in, times out."""

from __future__ import annotations

import time
from collections.abc import Callable

#: A busy relay spends at most a fifth of its processor time reading.
IDLE_SHARE = 4.0

#: A round has a fixed price (a wake-up, a round trip), which the runs in it share.
#: At a sustained rate above this many runs a second, rounds are this far apart.
MANY_RUNS_PER_SECOND = 500.0
MANY_RUNS_BURST = 50.0
GATHER_SECONDS = 0.02


class Coalescer:
    """The pauses between rounds: none while there is little to do.

    After a round that waited (for a store under load, for the processor), the
    pause is no longer than that wait: it does not tell how much there is to do.

    :param longest_seconds: the longest pause.
    :param clock: monotonic seconds.
    :param processor_clock: seconds of processor time.
    """

    def __init__(
        self,
        longest_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        processor_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._longest_seconds = longest_seconds
        self._clock = clock
        self._processor_clock = processor_clock
        self._began_at = clock()
        self._used_before = processor_clock()
        #: Runs read in excess of MANY_RUNS_PER_SECOND.
        self._excess = 0.0
        self._rests_until = 0.0
        #: The rate of runs read stays high: notifications are sure to come during the pause.
        self.batches = False

    @property
    def delay_seconds(self) -> float:
        """The seconds left of the pause; negative when it is over."""
        return self._rests_until - self._clock()

    def begin(self) -> None:
        """Note the beginning of a round."""
        now = self._clock()
        self._excess = max(0.0, self._excess - (now - self._began_at) * MANY_RUNS_PER_SECOND)
        self._began_at = now
        self._used_before = self._processor_clock()

    def end(self, runs: int) -> float:
        """Note the end of a round and how many runs it read; return the pause that follows."""
        self._excess = min(2 * MANY_RUNS_BURST, self._excess + runs)
        self.batches = self._excess > MANY_RUNS_BURST
        gather = GATHER_SECONDS if self.batches else 0.0
        took = self._clock() - self._began_at
        used = self._processor_clock() - self._used_before
        return self.delay(min(self._longest_seconds, max(gather, took, used * IDLE_SHARE)))

    def delay(self, seconds: float) -> float:
        """Begin a pause of a given length; return the length."""
        self._rests_until = self._clock() + seconds
        return seconds
