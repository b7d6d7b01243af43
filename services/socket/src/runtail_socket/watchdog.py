"""The relay's endless loops: each is restarted when it ends, and watched for progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from runtail_socket import runtime

log = logging.getLogger(__name__)

#: Time between the end of a loop and its restart.
AGAIN_SECONDS = 1.0

#: A loop that waits for the store must complete a turn within this many answers of the store to the relay's regular
#: question, which is asked every two seconds. (The loop's own time-outs are 3 s for a connection and 5 s for an
#: answer.) Counting answers instead of seconds keeps an outage of the store, or a halt of the whole process, from
#: looking like a stalled loop.
MOST_ANSWERS = 5


class Watchdog:
    """Watches whether one loop makes progress.

    :param name: the loop's name, for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._answers = 0

    def reset(self) -> None:
        """Note that the loop has completed a turn."""
        self._answers = 0

    def store_answered(self) -> None:
        """Note that the store has answered a question from outside this loop."""
        self._answers += 1

    @property
    def problem(self) -> str | None:
        """Why this relay should be restarted, or None."""
        if self._answers < MOST_ANSWERS:
            return None
        return f"{self._name} is stalled: the store answered {self._answers} times, and it did not go on."


def supervise(loop: Callable[[], None]) -> None:
    """Run a loop in this greenlet; an unexpected error costs a second, not the relay."""
    try:
        while True:
            try:
                loop()
            except Exception:
                log.exception("%s failed and is restarted", loop.__qualname__)
            time.sleep(AGAIN_SECONDS)
    finally:
        # Killed, or hit by a time-out meant for other code. A greenlet that is being ended must not wait.
        log.error("%s was ended and is restarted", loop.__qualname__)
        runtime.spawn_after(AGAIN_SECONDS, supervise, loop)
