"""The relay's endless loops: each begins anew when it ends, and is known to turn."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from runtail_socket import runtime

log = logging.getLogger(__name__)

#: Between the end of a loop and its new beginning.
AGAIN_SECONDS = 1.0

#: Answers of the store to the relay's regular question, one in two seconds, within which a loop that waits for the
#: store must have turned: its own time-outs are 3 s for a connection and 5 s for an answer. Answers are counted and
#: not seconds, so that neither an outage of the store nor a halt of the whole process looks like a loop at a stand.
MOST_ANSWERS = 5


class Watchdog:
    """Whether one loop goes on.

    :param name: for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._answers = 0

    def reset(self) -> None:
        """Note that the loop has completed a turn."""
        self._answers = 0

    def store_answered(self) -> None:
        """Note that the store has answered somebody else."""
        self._answers += 1

    @property
    def problem(self) -> str | None:
        """Why this relay should be started anew, or None."""
        if self._answers < MOST_ANSWERS:
            return None
        return f"{self._name} is stalled: the store answered {self._answers} times, and it did not go on."


def supervise(loop: Callable[[], None]) -> None:
    """Run a loop in this greenlet; an error nobody expected costs a second, not the relay."""
    try:
        while True:
            try:
                loop()
            except Exception:
                log.exception("%s failed and is restarted", loop.__qualname__)
            time.sleep(AGAIN_SECONDS)
    finally:
        # Killed, or hit by a time-out that was meant for somebody else. A greenlet that is being ended must not wait.
        log.error("%s was ended and is restarted", loop.__qualname__)
        runtime.spawn_after(AGAIN_SECONDS, supervise, loop)
