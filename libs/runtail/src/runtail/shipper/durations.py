"""How long things take, counted by the sender's thread and shown by the admin port."""

from __future__ import annotations

from runtail.distribution import Distribution
from runtail.metric_table import RUN_SECONDS, STORE_SECONDS, WAIT_SECONDS


class Durations:
    """All in seconds."""

    def __init__(self) -> None:
        #: From a claim to the end of that execution.
        self.run = Distribution(RUN_SECONDS)
        #: From when a run was queued, or due, to its claim.
        self.wait = Distribution(WAIT_SECONDS)
        #: One append to the store.
        self.store = Distribution(STORE_SECONDS)
