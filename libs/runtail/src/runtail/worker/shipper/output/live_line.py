"""The live line: what a viewer sees of an unfinished line, or of rows that are redrawn repeatedly."""

import math
from typing import Any, Final

from runtail.settings import Settings
from runtail.worker.shipper.run import ShippedRun

#: Rows that were not redrawn for this long are stored as they are. Downloads stall for a second or two.
_SETTLE_SECONDS: Final = 5.0


class HeldRows:
    """Decides when rows that may be redrawn are stored although the output did not go on below them."""

    def __init__(self, run: ShippedRun) -> None:
        self._run = run
        self._moves = 0
        self._moved_at = 0.0

    def due(self, now: float) -> float:
        """Return when they are to be stored (monotonic); infinity while there are no such rows."""
        processor = self._run.processor
        if processor.moves != self._moves:
            self._moves, self._moved_at = processor.moves, now
        return self._moved_at + _SETTLE_SECONDS if processor.waits else math.inf


class LiveLine:
    """Decides when a run's live line is shown again, and how much of it."""

    def __init__(self, run: ShippedRun, settings: Settings) -> None:
        self._run = run
        self._settings = settings
        self._shown: tuple[list[str], dict[str, Any] | None] = ([""], None)
        self._shown_at = 0.0
        self._revision = 0

    def due(self, now: float) -> float:
        """Return when it is to be shown (monotonic); infinity while nothing changed."""
        if self._now() == self._shown:
            return math.inf
        return max(now, self._shown_at + self._settings.live_interval_seconds)

    def take(self, line: int, now: float) -> dict[str, Any] | None:
        """Return what to send to the store with the next call, None if nothing.

        :param line: the number that the line will have.
        """
        if self.due(now) > now:
            return None
        self._shown, self._shown_at = self._now(), now
        self._revision += 1
        rows, progress = self._shown
        live = {"rev": self._revision, "line": line, "text": rows[-1], "progress": progress}
        # Viewers that do not know rows show the last one.
        return {**live, "rows": rows} if len(rows) > 1 else live

    def _now(self) -> tuple[list[str], dict[str, Any] | None]:
        processor = self._run.processor
        return processor.live(self._settings.live_bytes), processor.progress
