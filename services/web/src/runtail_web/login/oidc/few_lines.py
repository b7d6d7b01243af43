"""A log to which anybody can make this service write: a few lines a second, however many are wanted."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

#: Enough for people whose logins fail; a flood of forged requests writes no more.
MOST_A_SECOND: Final = 10


class FewLines(logging.Filter):
    """Lets a few lines a second through; the next one says how many were left out. For one logger."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._second = self._lines = self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if a line is to be written."""
        second = int(time.monotonic())
        with self._lock:
            if second != self._second:
                self._second, self._lines = second, 0
            if self._lines >= MOST_A_SECOND:
                self._left_out += 1
                return False
            self._lines += 1
            if self._left_out:
                record.msg = f"({self._left_out} lines like this one were left out) {record.msg}"
                self._left_out = 0
        return True
