"""What a web service does again and again beside its requests."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from runtail.errors import StoreUnavailable

log = logging.getLogger(__name__)


class Rounds(ABC):
    """Looks again and again, in a thread of its own until told to stop.

    :param name: of the thread.
    :param seconds: between two looks.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(5.0)

    @abstractmethod
    def look(self) -> None:
        """Look once.

        :raises StoreUnavailable: if the store did not answer.
        """

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.look()
            except StoreUnavailable:
                continue  # the next round comes
            except Exception:
                # One failed round must not end all rounds: what was taken away elsewhere would go on here.
                log.exception("a round of %s failed", self._thread.name)
