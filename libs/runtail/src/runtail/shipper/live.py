"""The live line: what a viewer sees of a line that is not finished."""

import math
from typing import Any

from runtail.settings import Settings
from runtail.shipper.run import Run


class LiveLine:
    """Says when the live line of a run is to be shown again, and what of it."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self._settings = settings
        self._shown: tuple[str, dict[str, Any] | None] = ("", None)
        self._shown_at = 0.0
        self._revision = 0

    def due(self, now: float) -> float:
        """When it is to be shown (monotonic); infinity while nothing changed."""
        if self._now() == self._shown:
            return math.inf
        return max(now, self._shown_at + self._settings.live_interval_seconds)

    def take(self, line: int, now: float) -> dict[str, Any] | None:
        """What the store is told with the next call, None when that is nothing.

        :param line: the number that the line will have.
        """
        if self.due(now) > now:
            return None
        self._shown, self._shown_at = self._now(), now
        self._revision += 1
        text, progress = self._shown
        return {"rev": self._revision, "line": line, "text": text, "progress": progress}

    def _now(self) -> tuple[str, dict[str, Any] | None]:
        processor = self._run.processor
        return processor.live(self._settings.live_bytes), processor.progress
