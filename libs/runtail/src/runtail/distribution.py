"""A histogram without its library, for a process that counts before it has time to import that."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate


class Distribution:
    """How many values were at most as large as each bound. Observed by one thread, read by any.

    :param bounds: upper ends of the buckets, ascending, in the metric's unit; a last one without an end is added.
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
        """Return the number of values up to each bound, and of all of them, and their sum."""
        return list(accumulate(self._counts)), self._sum
