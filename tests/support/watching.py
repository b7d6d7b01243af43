"""Something that is looked at again and again beside a figure."""

from __future__ import annotations

import threading
from typing import Self


class Watching(threading.Thread):
    """Its :meth:`run` goes on until :attr:`over` is set. A context manager; also without one, :meth:`close` ends it."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.over = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop."""
        self.over.set()
        self.join(60)
