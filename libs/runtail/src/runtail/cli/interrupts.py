"""Ctrl-C that never falls between showing a line and counting it."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """As a context manager, takes over SIGINT; ``with interrupts.held:`` postpones it.

    A second Ctrl-C is not postponed: the reader of our output may have stopped reading.
    """

    def __init__(self) -> None:
        self.held = Held(self)
        self.holding = False
        self.pending = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def ignore(self) -> None:
        """Ignore Ctrl-C from now to the end of the program, so that the last output is complete."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._before = None

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.holding and not self.pending:
            self.pending = True
        else:
            raise KeyboardInterrupt


class Held:
    """A block whose end Ctrl-C waits for."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def __enter__(self) -> None:
        self._interrupts.holding = True

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._interrupts.holding = False
        if self._interrupts.pending and exc is None:
            self._interrupts.pending = False
            raise KeyboardInterrupt
