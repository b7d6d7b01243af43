"""What all parts of the shipper may know of their worker and of the store, and the counters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runtail.distribution import Distribution
from runtail.metric import RUN_SECONDS, STORE_SECONDS, WAIT_SECONDS

if TYPE_CHECKING:
    from runtail.guard import Guard
    from runtail.settings import Settings
    from runtail.worker.shipper.link import KeeperLink
    from runtail.worker.shipper.output.echo import Echo

#: Longer than any wait for the store: after this the sending thread hangs.
HANGS_SECONDS: Final = 60.0
#: A call that takes longer than this counts as "the store is away".
_SLOW_CALL_SECONDS: Final = 0.5


@dataclass(slots=True)
class Counts:
    """Counters of the sender's thread, for the metrics."""

    #: Ends of runs, by state.
    ended: Counter[str] = field(default_factory=Counter)
    entries: int = 0
    output_bytes: int = 0
    #: Dropped at the end of runs because the store was full.
    unstored_bytes: int = 0
    fenced: int = 0
    refused: int = 0
    repairs: int = 0
    losses: int = 0
    bad_headers: int = 0
    #: Messages refused before Celery executed them, by reason.
    rejected: Counter[str] = field(default_factory=Counter)
    store_errors: int = 0
    #: From a claim to the end of that execution.
    run_seconds: Distribution = field(default_factory=lambda: Distribution(RUN_SECONDS))
    #: From the time when a run was queued, or due, to its claim.
    wait_seconds: Distribution = field(default_factory=lambda: Distribution(WAIT_SECONDS))
    #: One append to the store.
    store_seconds: Distribution = field(default_factory=lambda: Distribution(STORE_SECONDS))


class StoreState:
    """Whether the store answers, judged by the sender's calls. Any thread may read it."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._call_began = 0.0
        #: Monotonic: when the first of the failed calls was made; 0 while the store answers.
        self._away_since = time.monotonic()
        self.failures = 0
        #: The store was checked and may be used.
        self.ready = False
        #: The store evicts keys and was refused at the start: nothing is recorded.
        self.refused = False

    def begins(self, now: float) -> None:
        """Note that a call begins."""
        self._call_began = now

    def returned(self) -> None:
        """Note that no call is under way."""
        self._call_began = 0.0

    def answered(self) -> None:
        """Note that all calls of one turn were answered."""
        self.failures = 0
        self._away_since = 0.0

    def failed(self) -> None:
        """Note that a call was not answered."""
        self._away_since = self._away_since or self._call_began
        self.failures += 1

    @property
    def away(self) -> bool:
        """Whether the store does not answer."""
        began = self._call_began
        slow = began and time.monotonic() - began > _SLOW_CALL_SECONDS
        return bool(self.failures or slow or not self.ready)

    @property
    def known_away(self) -> bool:
        """Whether the store has been away so long that an unannounced task need not wait for it any more."""
        since = self._away_since or self._call_began
        return bool(since) and time.monotonic() - since >= self._patience_seconds


class Context:
    """The shared state of one worker's shipper, made once."""

    def __init__(self, settings: Settings, link: KeeperLink, echo: Echo) -> None:
        self.settings = settings
        self.link = link
        self.echo = echo
        #: Whose output this is; the keeper sends it.
        self.owner = self.worker = ""
        self.main_is_gone = False
        #: The worker has begun to shut down.
        self.draining = False
        self.counts = Counts()
        self.store = StoreState(settings.claim_patience_seconds)
        #: Checks the store's memory use; created in the sender's thread.
        self.guard: Guard | None = None
        #: Monotonic: from this the reader sees that the sender's thread does not hang.
        self.breathed_at = time.monotonic()
        #: Called when a run is closed; set by the reader.
        self.on_closed: Callable[[], None] = lambda: None
        self.clock_offset_ms = 0

    def now_ms(self, local_ms: int | None = None) -> int:
        """Return a time by the store's clock, in milliseconds since 1970."""
        return (local_ms or int(time.time() * 1000)) + self.clock_offset_ms

    def has_room(self) -> bool:
        """Return whether output may be stored now.

        :raises StoreUnavailable: if that is unknown.
        """
        return self.guard is None or self.guard.has_room(self.counts.output_bytes)

    @property
    def full(self) -> bool:
        """Whether the logs have reached their size limit: output stays in the spools."""
        return self.guard is not None and self.guard.full
