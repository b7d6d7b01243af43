"""A histogram without the metrics library, for a process that counts before it has time to import that library."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate


class Distribution:
    """Counts how many values were at most as large as each bound. One thread observes, any thread may read.

    :param bounds: upper bounds of the buckets, ascending, in the metric's unit; a last bucket without a bound is added.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self._sum += value

    def read(self) -> tuple[list[int], float]:
        """Return the number of values up to each bound and of all values, and the sum of all values."""
        return list(accumulate(self._counts)), self._sum
