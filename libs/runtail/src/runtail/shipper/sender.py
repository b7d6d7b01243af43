"""The thread that talks to the store, for all runs of the worker.

It may wait for the store as long as it likes: meanwhile the reader goes on
filling the spools. Everything that imports the Redis client is imported here,
in the thread, while output is being spooled already.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from runtail.errors import StoreUnavailable
from runtail.settings import Settings
from runtail.shipper.durations import Durations
from runtail.shipper.echo import Echo
from runtail.shipper.link import Link
from runtail.shipper.run import Run

if TYPE_CHECKING:
    from runtail.guard import Guard
    from runtail.shipper.admin import Admin
    from runtail.shipper.after import Ends
    from runtail.shipper.shipping import Shipping
    from runtail.store import Store

log = logging.getLogger(__name__)

#: First and longest wait before a store that did not answer is asked again.
_BACK_OFF_SECONDS: Final = 0.1
_MAX_BACK_OFF_SECONDS: Final = 2.0
#: A call that takes longer than this counts as "the store is away".
_SLOW_CALL_SECONDS: Final = 0.5
#: Runs are served before figures.
_ADMIN_AFTER_SECONDS: Final = 0.5
#: The store's clock is compared with ours this often.
_CLOCK_SECONDS: Final = 60.0


class Sender:
    """Ships all runs of one worker."""

    def __init__(self, settings: Settings, link: Link, echo: Echo) -> None:
        self.settings = settings
        self.link = link
        self.echo = echo
        self.owner = self.worker = ""
        #: What the worker publishes about itself, once it is known.
        self.catalogue: dict[str, Any] | None = None
        #: Called when a run is closed; set by the reader.
        self.on_closed: Callable[[], None] = lambda: None
        #: Monotonic; the reader sees by it that this thread does not hang.
        self.breathed_at = time.monotonic()
        self.main_is_gone = False
        #: The worker has begun to shut down.
        self.draining = False
        #: Figures for the metrics.
        self.durations = Durations()
        self.ended: Counter[str] = Counter()
        self.entries = self.output_bytes = self.fenced = self.store_errors = 0
        self.refused = self.repairs = self.losses = self.bad_headers = 0
        #: Output dropped at the end of runs, because the store was full.
        self.unstored_bytes = 0
        #: Looks at the store's memory; made in the thread.
        self.guard: Guard | None = None
        #: Looks after the ends of runs; made in the thread.
        self.ends: Ends
        #: The store evicts keys and was refused at the start: nothing is recorded.
        self.barred = False
        #: Started when there is time; set by the program.
        self.admin: Admin | None = None
        self._runs: dict[str, tuple[Run, Shipping | None]] = {}
        #: Monotonic: when each run wants to be stepped.
        self._due_at: dict[str, float] = {}
        self._wake = threading.Condition()
        self._due: set[str] = set()
        #: Revocations of runs that are not in hand.
        self._revoked: deque[dict[str, Any]] = deque()
        self._hello = threading.Event()
        self._stop = False
        self._started_at = time.monotonic()
        self._failures = 0
        self._call_started = 0.0
        #: Monotonic: when the first of the calls that failed was made; 0 while the store answers.
        self._away_since = self._started_at
        self._retry_at = 0.0
        self._clock_offset_ms = 0
        self._clock_at = 0.0
        self._ready = False
        self._published_at = 0.0
        self._thread = threading.Thread(target=self._serve, name="sender", daemon=True)

    # For the reader.

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Every run is over: leave."""
        with self._wake:
            self._stop = True
            self._wake.notify()
        self._thread.join(5)

    def hello(self, owner: str, worker: str) -> None:
        """The keeper said whose output this is."""
        self.owner, self.worker = owner, worker
        self._hello.set()

    def worker_gone(self) -> None:
        """The worker's main process is gone; runs in hand are finished."""
        self.main_is_gone = True
        with self._wake:
            self._wake.notify()

    def discarded(self, message: dict[str, Any]) -> None:
        """Celery revoked a run that is not in hand: its message is thrown away."""
        with self._wake:
            self._revoked.append(message)
            self._wake.notify()

    def add(self, run: Run) -> None:
        """A task wants to run, or runs already."""
        if run.header_flaw and not run.again:
            self.bad_headers += 1
            log.warning("the header of %s is dropped: %s", run.id, run.header_flaw)
        with self._wake:
            self._runs[run.key] = (run, None)
            self._due.add(run.key)
            self._wake.notify()

    def poke(self, run: Run, *, now: bool = False) -> None:
        """Something came for the run. ``now``: more than output, look at once."""
        soon = time.monotonic() + self.settings.flush_seconds
        little = not now and run.backlog_bytes < self.settings.flush_bytes
        if little and self._due_at.get(run.key, soon + 1.0) <= soon:
            # Most output comes to a run that is due soon anyway; waking the
            # thread for each read costs more than shipping.
            return
        if run.key not in self._due or now:
            with self._wake:
                self._due.add(run.key)
                self._wake.notify()

    @property
    def slots(self) -> int | None:
        """How many tasks the worker executes at once; None until it has said so."""
        return int(self.catalogue["worker"]["concurrency"]) if self.catalogue else None

    @property
    def idle(self) -> bool:
        """No run is in hand, and none whose end is still looked after."""
        return not self._runs

    @property
    def away(self) -> bool:
        """The store does not answer."""
        started = self._call_started
        slow = started and time.monotonic() - started > _SLOW_CALL_SECONDS
        return bool(self._failures or slow or not self._ready)

    @property
    def known_away(self) -> bool:
        """The store has not answered for so long that a task that nobody announced need not wait for it any more."""
        since = self._away_since or self._call_started
        return bool(since) and time.monotonic() - since >= self.settings.claim_patience_seconds

    @property
    def full(self) -> bool:
        """Logs are at their ceiling: output stays in the spools."""
        return self.guard is not None and self.guard.full

    # For shippings, in the thread.

    def has_room(self) -> bool:
        """Whether output may be stored now.

        :raises StoreUnavailable: nobody knows.
        """
        return self.guard is None or self.guard.has_room(self.output_bytes)

    def now_ms(self, local_ms: int | None = None) -> int:
        """A time by the store's clock, milliseconds since 1970."""
        return (local_ms or int(time.time() * 1000)) + self._clock_offset_ms

    # The thread.

    def _serve(self) -> None:
        try:
            self._loop()
        except Exception:
            # The keeper starts another shipper, with everything this one had.
            log.exception("the sending thread failed")
            os._exit(70)

    def _loop(self) -> None:
        from runtail.guard import Guard
        from runtail.shipper.after import Ends
        from runtail.shipper.shipping import Shipping
        from runtail.store import Store

        store = Store(self.settings)
        self.guard = Guard(store)
        self.ends = Ends(store)
        self._hello.wait()
        wake_at = 0.0
        while True:
            with self._wake:
                if not self._due and not self._revoked and not self._stop:
                    self._wake.wait(max(0.0, wake_at - time.monotonic()))
                if self._stop:
                    break
                due, self._due = self._due, set()
                for key in due:
                    run, known = self._runs.get(key, (None, None))
                    if run and known is None:
                        self._runs[key] = (run, Shipping(run, store, self))
                    if run:
                        self._due_at[key] = 0.0
            self.breathed_at = now = time.monotonic()
            if self.admin and now - self._started_at > _ADMIN_AFTER_SECONDS:
                self.admin.start(now)
            if now < self._retry_at:
                wake_at = self._retry_at
                self._nap(now)
                continue
            self._call_started = now
            try:
                self._greet(store, now)
                self._end_discarded(store)
                for key in [key for key, at in self._due_at.items() if at <= now]:
                    self._call_started = time.monotonic()
                    self._step(key, self._call_started)
                self._failures = 0
                self._away_since = 0.0
            except StoreUnavailable as error:
                self._failed(error)
            finally:
                self._call_started = 0.0
            wake_at = min([now + 1.0, *self._due_at.values()])
        self._farewell(store)

    def _step(self, key: str, now: float) -> None:
        run, shipping = self._runs[key]
        assert shipping is not None
        try:
            due = shipping.step(now)
        except StoreUnavailable:
            raise
        except Exception:
            # One run that cannot be shipped must not stop the others. Its
            # output is dropped and counted; its lease runs out, and it is lost.
            log.exception("run %s is given up", run.id)
            due = shipping.give_up(now)
        if due is None:
            with self._wake:
                del self._runs[key], self._due_at[key]
            return
        self._due_at[key] = due
        # In this order: output that the reader added, and did not wake us for
        # because of the due time before this one, is seen here.
        if run.backlog_bytes and not run.over:
            self._due_at[key] = min(due, now + self.settings.flush_seconds)

    def _end_discarded(self, store: Store) -> None:
        from runtail.runs.cancel import end_discarded

        while self._revoked:
            message = self._revoked[0]
            end_discarded(store, str(message["run"]), expired=bool(message.get("expired")))
            self._revoked.popleft()

    def _nap(self, now: float) -> None:
        """While the store is away: let tasks start that need not wait for it."""
        for key, (run, shipping) in tuple(self._runs.items()):
            if not shipping:
                continue
            if not self.barred:
                shipping.while_away(now)
                continue
            shipping.while_barred(now)
            if run.closed:
                with self._wake:
                    del self._runs[key], self._due_at[key]
        with self._wake:
            if not self._stop:
                self._wake.wait(min(0.5, max(0.0, self._retry_at - now)))

    def _failed(self, error: StoreUnavailable) -> None:
        if not self._failures and not self.barred:
            place = self.settings.store_address.shown
            log.warning("the store (%s) is away, output is kept in memory: %s", place, error)
        self._away_since = self._away_since or self._call_started
        self._failures += 1
        self.store_errors += 1
        wait = min(_MAX_BACK_OFF_SECONDS, _BACK_OFF_SECONDS * 2 ** min(self._failures, 10))
        self._retry_at = time.monotonic() + wait
        self._clock_at = 0.0

    def _greet(self, store: Store, now: float) -> None:
        """See whether the store is there, and whether it is the one that is meant.

        :raises StoreUnavailable: it is not; it is looked at again.
        """
        from redis.exceptions import RedisError

        try:
            self._look(store, now)
        except RedisError as error:
            # It forbids or does not know a command that everything else needs.
            raise StoreUnavailable(f"the store cannot be used: {error}") from error

    def _look(self, store: Store, now: float) -> None:
        if not self._clock_at or now - self._clock_at > _CLOCK_SECONDS:
            self._clock_offset_ms = store.now_ms() - int(time.time() * 1000)
            self._clock_at = now
        self.has_room()
        if not self._ready:
            self._look_before_use()
            self._ready = True
            self.link.send({"op": "ready"})
        if self.catalogue and not self.main_is_gone:
            from runtail import catalogue

            if now - self._published_at > catalogue.REFRESH_SECONDS or not self._published_at:
                catalogue.publish(store, self.catalogue)
                self._published_at = now

    def _look_before_use(self) -> None:
        """A worker that begins does not use a store that evicts; a successor goes on with the runs in hand.

        :raises StoreUnavailable: the store is not used now; it is looked at again.
        """
        assert self.guard is not None
        if not self.barred and any(run.again for run, _ in self._runs.values()):
            return
        self.guard.look()
        if self.guard.problem and not self.barred:
            log.error("nothing is recorded, and tasks that Runtail started wait")
        self.barred = self.guard.problem is not None
        if self.barred:
            raise StoreUnavailable(str(self.guard.problem))

    def _farewell(self, store: Store) -> None:
        if self.catalogue and self.main_is_gone:
            from runtail import catalogue

            try:
                catalogue.withdraw(store, self.catalogue)
            except StoreUnavailable:
                pass  # its entry expires by itself
