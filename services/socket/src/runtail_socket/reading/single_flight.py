"""One answer of the store for all callers that ask the same question within a moment.

When a relay dies, its viewers come to the other relays at once. Most of them were
at the same few positions, so each would ask the store the same questions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: How old an answer may be. A viewer that gets an older answer is where it would be had it come that much earlier:
#: later changes reach it as they reach the others.
FRESH_SECONDS = 0.5


class _Question(Generic[Value]):
    """A question that is being asked now."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.answer: Value | None = None
        self.error: Exception | None = None
        self.answered = False


class SingleFlight(Generic[Key, Value]):
    """Shares answers among callers that ask the same question.

    :param most: the largest number of answers kept at once.
    :param worth_keeping: tells whether to keep an answer for later callers; those already waiting get it in any case.
    """

    def __init__(self, most: int, worth_keeping: Callable[[Value], bool] = lambda _answer: True) -> None:
        self._most = most
        self._worth_keeping = worth_keeping
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._asked: dict[Key, _Question[Value]] = {}

    def get(self, key: Key, ask: Callable[[], Value]) -> Value:
        """Return the answer: one kept and still fresh, one that another caller is waiting for, or the result of *ask*.

        :raises Exception: the error that *ask* raised, even if another caller called it.
        """
        while True:
            kept = self._kept.get(key)
            if kept is not None and kept[0] > time.monotonic():
                return kept[1]
            question = self._asked.get(key)
            if question is None:
                return self._ask(key, ask)
            question.over.wait()
            if question.error is not None:
                raise question.error
            if question.answered:
                return question.answer  # type: ignore[return-value]  # None may be an answer, too
            # The caller that asked was ended before an answer came.

    def _ask(self, key: Key, ask: Callable[[], Value]) -> Value:
        question = self._asked[key] = _Question[Value]()
        try:
            question.answer = answer = ask()
            question.answered = True
        except Exception as error:
            question.error = error
            raise
        finally:
            del self._asked[key]
            question.over.set()
        if self._worth_keeping(answer):
            self._keep(key, answer)
        return answer

    def _keep(self, key: Key, answer: Value) -> None:
        now = time.monotonic()
        # In order of insertion: the first answers are the oldest.
        self._kept.pop(key, None)
        while self._kept:
            oldest = next(iter(self._kept))
            if len(self._kept) < self._most and self._kept[oldest][0] > now:
                break
            del self._kept[oldest]
        self._kept[key] = (now + FRESH_SECONDS, answer)
