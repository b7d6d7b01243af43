"""One answer of the store for all who ask the same within a moment.

When a relay dies its viewers come to the others at once, and most of them
stood at the same few positions: each would ask the store the same questions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: How old an answer may be. A viewer that gets it stands where it would if it had come that much earlier: what has
#: changed since reaches it as it reaches the others.
FRESH_SECONDS = 0.5


class _Question(Generic[Value]):
    """One that is being asked now."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.answer: Value | None = None
        self.error: Exception | None = None
        self.answered = False


class SingleFlight(Generic[Key, Value]):
    """Answers by question.

    :param most: answers that are kept at once.
    :param worth_keeping: whether an answer may be given again; those who wait for it get it in any case.
    """

    def __init__(self, most: int, worth_keeping: Callable[[Value], bool] = lambda _answer: True) -> None:
        self._most = most
        self._worth_keeping = worth_keeping
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._asked: dict[Key, _Question[Value]] = {}

    def get(self, key: Key, ask: Callable[[], Value]) -> Value:
        """Return the answer: a fresh one, that of somebody who asks just now, or what *ask* returns.

        :raises Exception: what *ask* raised, also if somebody else called it.
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
            # Who asked was ended before there was an answer.

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
        # In the order in which they were put: the first are the oldest.
        self._kept.pop(key, None)
        while self._kept:
            oldest = next(iter(self._kept))
            if len(self._kept) < self._most and self._kept[oldest][0] > now:
                break
            del self._kept[oldest]
        self._kept[key] = (now + FRESH_SECONDS, answer)
