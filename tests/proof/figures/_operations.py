"""How many commands the store carries out, second by second."""

from __future__ import annotations

import time
from typing import Any

import redis

from tests.support.watching import Watching

INTERVAL_SECONDS = 0.1


class Operations(Watching):
    """Asks the store for its count of commands ten times a second. A context manager."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__("operations")
        self._client = client
        #: Monotonic time, and commands since the server began; ours, one for each sample, are taken off.
        self._samples: list[tuple[float, int]] = []

    def run(self) -> None:
        """Count until told to stop."""
        while not self.over.wait(INTERVAL_SECONDS):
            found: dict[str, Any] = self._client.info("stats")
            self._samples.append((time.monotonic(), int(found["total_commands_processed"]) - len(self._samples)))

    def mean(self, since: float, until: float) -> float:
        """Commands a second within a window (monotonic)."""
        inside = [sample for sample in self._samples if since <= sample[0] <= until]
        (began, before), (ended, after) = inside[0], inside[-1]
        return (after - before) / (ended - began)

    def peak(self, since: float, until: float, *, window_seconds: float = 1.0) -> float:
        """The most commands a second, over any window of that length that begins and ends within a span."""
        inside = [sample for sample in self._samples if since <= sample[0] <= until]
        most = 0.0
        for index, (began, before) in enumerate(inside):
            later = next((sample for sample in inside[index:] if sample[0] >= began + window_seconds), None)
            if later is not None:
                most = max(most, (later[1] - before) / (later[0] - began))
        return most
