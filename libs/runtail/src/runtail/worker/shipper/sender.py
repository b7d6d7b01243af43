"""The thread that talks to the store, for all runs of the worker.

It may wait for the store without limit: meanwhile the reader goes on filling
the spools. Every module that imports the Redis client is imported here, in the
thread, while output is already being spooled.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from runtail.errors import StoreUnavailable
from runtail.worker import messages
from runtail.worker.shipper.context import Context
from runtail.worker.shipper.run import Phase, ShippedRun

if TYPE_CHECKING:
    from runtail.store import Store
    from runtail.worker.shipper.run_shipper import RunShipper

log = logging.getLogger(__name__)

#: First and longest wait before a store that did not answer is asked again.
_BACK_OFF_SECONDS: Final = 0.1
_MAX_BACK_OFF_SECONDS: Final = 2.0
#: Runs are served before metrics.
_SPARE_TIME_SECONDS: Final = 0.5
#: How often the store's clock is compared with ours.
_CLOCK_SECONDS: Final = 60.0
#: As many refused messages wait to be stored; more are only counted.
_MOST_REJECTED: Final = 100


class Sender:
    """Ships all runs of one worker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        #: What the worker publishes about itself, once that is known.
        self.catalogue: dict[str, Any] | None = None
        #: Called repeatedly with the time when no run waits; set by the program.
        self.in_spare_time: Callable[[float], None] = lambda _now: None
        self._runs: dict[str, tuple[ShippedRun, RunShipper | None]] = {}
        #: Monotonic: when each run is due for a step.
        self._due_at: dict[str, float] = {}
        self._wake = threading.Condition()
        self._due: set[str] = set()
        #: Revocations of runs that are not in hand.
        self._revoked: deque[messages.Revoked] = deque()
        #: Messages that were refused. A flood of them pushes out the oldest.
        self._rejected: deque[messages.Rejected] = deque(maxlen=_MOST_REJECTED)
        self._hello = threading.Event()
        self._stop = False
        self._started_at = time.monotonic()
        self._retry_at = 0.0
        self._clock_at = 0.0
        self._published_at = 0.0
        self._thread = threading.Thread(target=self._serve, name="sender", daemon=True)

    # For the reader.

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Leave: every run is over."""
        with self._wake:
            self._stop = True
            self._wake.notify()
        self._thread.join(5)

    def hello(self, owner: str, worker: str) -> None:
        """Note whose output this is, as the keeper reports."""
        self._context.owner, self._context.worker = owner, worker
        self._hello.set()

    def worker_gone(self) -> None:
        """Note that the worker's main process is gone; runs in hand are finished."""
        self._context.main_is_gone = True
        with self._wake:
            self._wake.notify()

    def discarded(self, message: messages.Revoked) -> None:
        """Note that Celery revoked a run that is not in hand: its message is thrown away."""
        with self._wake:
            self._revoked.append(message)
            self._wake.notify()

    def rejected(self, message: messages.Rejected) -> None:
        """Count a message that was refused."""
        self._context.counts.rejected[message["reason"]] += 1
        with self._wake:
            self._rejected.append(message)
            self._wake.notify()

    def add(self, run: ShippedRun) -> None:
        """Take over a run whose task waits to begin, or has begun."""
        if run.header_flaw and not run.again:
            self._context.counts.bad_headers += 1
            log.warning("the header of %s is dropped: %s", run.id, run.header_flaw)
        with self._wake:
            self._runs[run.key] = (run, None)
            self._due.add(run.key)
            self._wake.notify()

    def poke(self, run: ShippedRun, *, now: bool = False) -> None:
        """Note that something came for the run. ``now``: it is more than output, look at once."""
        soon = time.monotonic() + self._settings.flush_seconds
        little = not now and run.backlog_bytes < self._settings.flush_bytes
        if little and self._due_at.get(run.key, soon + 1.0) <= soon:
            # Most output comes to a run that is due soon anyway; waking the
            # thread for each read would cost more than shipping.
            return
        if run.key not in self._due or now:
            with self._wake:
                self._due.add(run.key)
                self._wake.notify()

    @property
    def slots(self) -> int | None:
        """Return how many tasks the worker executes at once; None until it has reported that."""
        return int(self.catalogue["worker"]["concurrency"]) if self.catalogue else None

    @property
    def idle(self) -> bool:
        """Whether no run is in hand and no run's end is still being checked."""
        return not self._runs

    # The thread.

    def _serve(self) -> None:
        try:
            self._loop()
        except Exception:
            # The keeper starts another shipper with everything that this one had.
            log.exception("the sending thread failed")
            os._exit(70)

    def _loop(self) -> None:
        from runtail.guard import Guard
        from runtail.store import Store
        from runtail.worker.shipper.after import Ends
        from runtail.worker.shipper.run_shipper import RunShipper

        context = self._context
        store = Store(self._settings)
        context.guard = Guard(store)
        ends = Ends(store)
        self._hello.wait()
        wake_at = 0.0
        while True:
            with self._wake:
                if not self._due and not self._revoked and not self._rejected and not self._stop:
                    self._wake.wait(max(0.0, wake_at - time.monotonic()))
                if self._stop:
                    break
                due, self._due = self._due, set()
                for key in due:
                    run, known = self._runs.get(key, (None, None))
                    if run and known is None:
                        self._runs[key] = (run, RunShipper(run, store, context, ends))
                    if run:
                        self._due_at[key] = 0.0
            context.breathed_at = now = time.monotonic()
            if now - self._started_at > _SPARE_TIME_SECONDS:
                self.in_spare_time(now)
            if now < self._retry_at:
                wake_at = self._retry_at
                self._nap(now)
                continue
            context.store.begins(now)
            try:
                self._greet(store, now)
                self._end_discarded(store)
                self._bury_rejected(store)
                for key in [key for key, at in self._due_at.items() if at <= now]:
                    context.store.begins(began := time.monotonic())
                    self._step(key, began)
                context.store.answered()
            except StoreUnavailable as error:
                self._failed(error)
            finally:
                context.store.returned()
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
            # A run that cannot be shipped must not stop the others. Its output
            # is dropped and counted; its lease runs out, and the run is lost.
            log.exception("run %s is given up", run.id)
            due = shipping.give_up(now)
        if due is None:
            with self._wake:
                del self._runs[key], self._due_at[key]
            return
        self._due_at[key] = due
        # The order matters: here we see output that the reader added without
        # waking us because of the previous due time.
        if run.backlog_bytes and not run.over:
            self._due_at[key] = min(due, now + self._settings.flush_seconds)

    def _end_discarded(self, store: Store) -> None:
        from runtail.runs.cancel import end_discarded

        while self._revoked:
            message = self._revoked[0]
            end_discarded(store, message["run"], expired=message["expired"])
            self._revoked.popleft()

    def _bury_rejected(self, store: Store) -> None:
        from runtail.runs import dead

        while self._rejected:
            message = self._rejected[0]
            dead.keep(store, message["letter"])
            if message["run"]:
                dead.end_run(
                    store,
                    message["run"],
                    attempt=message["attempt"],
                    execution=message["execution"],
                    why=message["why"],
                )
            with self._wake:
                # A flood may have pushed it out meanwhile.
                if self._rejected and self._rejected[0] is message:
                    self._rejected.popleft()

    def _nap(self, now: float) -> None:
        """Let tasks start that need not wait for the store, while it is away."""
        for key, (run, shipping) in tuple(self._runs.items()):
            if not shipping:
                continue
            if not self._context.store.refused:
                shipping.while_away(now)
                continue
            shipping.while_store_refused(now)
            if run.phase is Phase.CLOSED:
                with self._wake:
                    del self._runs[key], self._due_at[key]
        with self._wake:
            if not self._stop:
                self._wake.wait(min(0.5, max(0.0, self._retry_at - now)))

    def _failed(self, error: StoreUnavailable) -> None:
        store = self._context.store
        if not store.failures and not store.refused:
            place = self._settings.store_address.shown
            log.warning("the store (%s) is away, output is kept in memory: %s", place, error)
        store.failed()
        self._context.counts.store_errors += 1
        wait = min(_MAX_BACK_OFF_SECONDS, _BACK_OFF_SECONDS * 2 ** min(store.failures, 10))
        self._retry_at = time.monotonic() + wait
        self._clock_at = 0.0

    def _greet(self, store: Store, now: float) -> None:
        """Check that the store is there, and that it is the right one.

        :raises StoreUnavailable: if it is not; it is checked again later.
        """
        from redis.exceptions import RedisError

        try:
            self._look(store, now)
        except RedisError as error:
            # The store forbids, or does not know, a command that everything else needs.
            raise StoreUnavailable(f"the store cannot be used: {error}") from error

    def _look(self, store: Store, now: float) -> None:
        if not self._clock_at or now - self._clock_at > _CLOCK_SECONDS:
            self._context.clock_offset_ms = store.now_ms() - int(time.time() * 1000)
            self._clock_at = now
        self._context.has_room()
        if not self._context.store.ready:
            self._look_before_use()
            self._context.store.ready = True
            self._context.link.send(messages.Ready(op="ready"))
        if self.catalogue and not self._context.main_is_gone:
            from runtail import catalogue

            if now - self._published_at > catalogue.REFRESH_SECONDS or not self._published_at:
                catalogue.publish(store, self.catalogue)
                self._published_at = now

    def _look_before_use(self) -> None:
        """Refuse a store that evicts keys at the start of a worker; a successor continues the runs in hand.

        :raises StoreUnavailable: the store is not used now; it is checked again later.
        """
        guard, state = self._context.guard, self._context.store
        assert guard is not None
        if not state.refused and any(run.again for run, _ in self._runs.values()):
            return
        guard.look()
        if guard.problem and not state.refused:
            log.error("nothing is recorded, and tasks that Runtail started wait")
        state.refused = guard.problem is not None
        if state.refused:
            raise StoreUnavailable(str(guard.problem))

    def _farewell(self, store: Store) -> None:
        if self.catalogue and self._context.main_is_gone:
            from runtail import catalogue

            try:
                catalogue.withdraw(store, self.catalogue)
            except StoreUnavailable:
                pass  # its entry expires by itself
