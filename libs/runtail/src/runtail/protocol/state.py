"""The states of a run."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

#: The message that a queued run waits for, if Runtail does not publish that message.
Awaits = Literal["redelivery", "retry", "replacement"]


class RunState(StrEnum):
    """The state of a run. ``queued`` and ``running`` may change; the others are final."""

    #: Waiting for a worker: first start, a retry, a restart.
    QUEUED = "queued"
    #: A live worker holds it.
    RUNNING = "running"
    #: The task returned.
    SUCCEEDED = "succeeded"
    #: The task raised, exited with a status other than 0, or its process died.
    FAILED = "failed"
    #: Somebody asked for its end.
    CANCELLED = "cancelled"
    #: Its worker fell silent and nobody knows how it ended.
    LOST = "lost"

    @property
    def terminal(self) -> bool:
        """True when the run is over."""
        return self not in (RunState.QUEUED, RunState.RUNNING)
