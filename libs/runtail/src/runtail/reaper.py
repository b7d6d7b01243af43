"""The reaper: ends runs that nobody else can end, and keeps the store tidy.

It trusts only its own observations: a writer counts as gone when (attempt, beat)
of its run has not changed for a whole lease by the reaper's own monotonic clock,
through an unbroken series of its own successful reads. A failed read, a pause of
the reaper itself or a new master restarts every count, so that an outage or a
failover of Redis never ends a run.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtail import header
from runtail.errors import Fenced, RunNotFound, StartError, StoreUnavailable
from runtail.log.ending import Ending
from runtail.log.epoch_requests import EpochRequests
from runtail.protocol import RunState
from runtail.protocol import event as events
from runtail.runs.ending import unflushed_ms, write_events
from runtail.runs.index import IndexKeeper
from runtail.runs.listing import read_task
from runtail.runs.queues import RedisQueues
from runtail.runs.record import Run, read_run, read_runs, readable_ids
from runtail.runs.retention import BATCH, forget_expired, keep_budget
from runtail.runs.sealed import message_parameters, why_not_again
from runtail.runs.start import Publisher, abort, mark
from runtail.runs.transport import DEFAULT, Transport
from runtail.store import Store, store_errors

#: How often the reaper looks, as a fraction of the lease.
_STEP_PART_OF_LEASE = 0.1
#: A message that vanishes is published again at most this often.
_MAX_REPUBLICATIONS = 3
#: How often to remove expired runs, which is not urgent; the budget is checked in each step.
_TIDY_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    """One running run: what was last seen of it, and since when by our clock."""

    attempt: int
    beat: int
    since: float
    told: bool = False


class Reaper:
    """The loop that ends lost runs: :meth:`step` is one round, and :meth:`run` repeats it until told to stop.

    :param publish: puts a message of a run on its queue again.
    :param queues: the broker's queues if the broker is Redis; None: do not look for vanished messages.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        publish: Publisher,
        queues: RedisQueues | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._publish, self._queues, self._clock = store, publish, queues, clock
        self._epoch_requests = EpochRequests(store)
        self._index = IndexKeeper(store)
        self._name = str(uuid.uuid4())
        self._lease_seconds = store.settings.lease_seconds
        self.interval_seconds = min(1.0, self._lease_seconds * _STEP_PART_OF_LEASE)
        self._watches: dict[str, _Watch] = {}
        self._missing: dict[str, float] = {}
        self._master: str | None = None
        self._last_step: float | None = None
        self._tidied: float | None = None
        #: Number of actions so far, by name; for metrics.
        self.actions: Counter[str] = Counter()
        #: When this reaper last finished a round with the lock, by the wall clock; 0: never.
        self.round_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Repeat :meth:`step` until *stop* is set, and wait through errors of the store."""
        waits = False
        while not stop.wait(self.interval_seconds):
            try:
                self.step()
            except StoreUnavailable as error:
                self.forget()
                if not waits:
                    log.warning("the reaper waits for the store: %s", error)
                waits = True
            else:
                if waits:
                    log.info("the reaper goes on")
                waits = False

    def forget(self) -> None:
        """Start every count from zero."""
        self._watches.clear()
        self._missing.clear()
        self._index.forget()
        self._last_step = None

    def step(self) -> None:
        """Look once and act.

        :raises StoreUnavailable: the caller must then start every count from zero.
        """
        now = self._clock()
        if self._last_step is not None and now - self._last_step > self._lease_seconds / 2:
            self.forget()  # this process was stopped itself: what it saw before proves nothing
        # Each reaper does this, not only the one with the lock: doing it twice is harmless.
        self.actions["epochs"] += self._epoch_requests.handle()
        if not self._lead() or not self._same_master():
            self.forget()
            return
        self._last_step = now
        self._reap_running(now)
        self._look_at_queued(now)
        self._index.step(now)
        self.actions["over-budget"] += keep_budget(self._store)
        if self._tidied is None or now - self._tidied > _TIDY_SECONDS:
            expired = forget_expired(self._store, now_ms=self._store.now_ms())
            self.actions["expired"] += expired
            # If there was more than one batch to remove, the next step continues.
            self._tidied = now if expired < BATCH else None
        self.round_at = time.time()

    def _lead(self) -> bool:
        """Take or keep the lock: only one of several web services reaps."""
        key, client = self._store.keys.lock("reaper"), self._store.client
        ttl_ms = int(self._lease_seconds * 1000)
        with store_errors():
            if client.set(key, self._name, nx=True, px=ttl_ms):
                return True
            holder: Any = client.get(key)
            if holder != self._name.encode():
                return False
            client.pexpire(key, ttl_ms)
            return True

    def _same_master(self) -> bool:
        with store_errors():
            info: Any = self._store.client.info("replication")
        master = str(info.get("master_replid", ""))
        same = self._master is None or self._master == master
        self._master = master
        return same

    def _is_gone(self, run_id: str) -> bool:
        """Tell whether a run has no record. A record that cannot be read is left as it is."""
        with store_errors():
            return not self._store.client.exists(self._store.keys.run(run_id))

    def _reap_running(self, now: float) -> None:
        with store_errors():
            members: Any = self._store.client.smembers(self._store.keys.running())
        ids = sorted(readable_ids(self._store, members))
        runs = {run.id: run for run in read_runs(self._store, ids)}
        for run_id in ids:
            if run_id not in runs and self._is_gone(run_id):
                with store_errors():
                    self._store.client.srem(self._store.keys.running(), run_id)
        for gone in self._watches.keys() - runs.keys():
            del self._watches[gone]
        for run in runs.values():
            self._watch(run, now)

    def _watch(self, run: Run, now: float) -> None:
        attempt, beat = run.number("attempt"), run.number("beat")
        watch = self._watches.get(run.id)
        if watch is None or (watch.attempt, watch.beat) != (attempt, beat):
            if watch is not None and watch.told:
                mark(self._store, run.id, RunState.RUNNING, {"why": ""}, execution=run.execution, changed=True)
            self._watches[run.id] = _Watch(attempt, beat, now)
            return
        silent_seconds = now - watch.since
        if silent_seconds >= self._lease_seconds:
            del self._watches[run.id]
            # The run was ended, renewed or claimed a moment ago, so the reaper must not end it.
            with contextlib.suppress(Fenced, RunNotFound):
                self._end_lost(run, silent_seconds)
        elif silent_seconds >= self._lease_seconds / 2 and not watch.told:
            watch.told = True
            why = {"why": "worker silent"}
            mark(self._store, run.id, RunState.RUNNING, why, execution=run.execution, changed=True)

    def _end_lost(self, run: Run, silent_seconds: float) -> None:
        worker = run.text("worker") or "its worker"
        lost = events.encode(
            events.WORKER_LOST,
            worker=worker,
            silent_ms=round(silent_seconds * 1000),
            attempt=run.number("attempt"),
            unflushed_ms=unflushed_ms(self._store.settings, run.number("beat_ms"), self._store.now_ms()),
        )
        silence = f"{worker} was silent for {silent_seconds:.0f} s"
        cancel = run.json("cancel")
        if cancel:
            who = f" by {cancel['who']}" if cancel.get("who") else ""
            self._end(run, lost, RunState.CANCELLED, f"cancelled{who}; {silence}")
        elif run.number("redelivers"):
            why = f"{silence}; the broker delivers it again"
            write_events(self._store, run, "reaper", [lost], release=why, awaits="redelivery")
            self.actions["released"] += 1
        elif run.number("restart") and run.number("announced") and run.number("attempt") < run.number("max_attempts"):
            if why_not := why_not_again(self._store, run):
                self._end(run, lost, RunState.LOST, f"{silence}; not restarted: {why_not}")
                return
            write_events(self._store, run, "reaper", [lost], release=f"{silence}; restarting")
            self.actions["restarted"] += 1
            self._publish_again(run, run.number("attempt") + 1)
        else:
            self._end(run, lost, RunState.LOST, f"{silence}; how it ended is not known")

    def _end(self, run: Run, lost: bytes, state: RunState, why: str) -> None:
        write_events(self._store, run, "reaper", [lost], ending=Ending(state, why))
        self.actions[str(state)] += 1
        log.info("run %s, whose worker fell silent, has ended: %s, %s", run.id, state, why)

    def _publish_again(self, run: Run, attempt: int) -> None:
        headers = header.make(self._store.uuid(), run.id, attempt, run.execution)
        try:
            self._publish(run.id, run.text("task"), message_parameters(run), run.text("queue"), headers)
        except Exception as error:  # noqa: BLE001 - a broker may raise anything; the run stays queued for the next try
            log.warning("run %s could not be published again: %s", run.id, error)
        else:
            self.actions["published-again"] += 1

    def _look_at_queued(self, now: float) -> None:
        settings = self._store.settings
        now_ms = self._store.now_ms()
        oldest_ms = now_ms - round(min(settings.unpublished_seconds, settings.vanished_seconds) * 1000)
        with store_errors():
            ids: Any = self._store.client.zrange(self._store.keys.queued(), "-inf", oldest_ms, byscore=True)
        seen = set(readable_ids(self._store, ids))
        for known in self._missing.keys() - seen:
            del self._missing[known]
        runs = read_runs(self._store, sorted(seen))
        if self._queues is not None and not all(run.number("announced") for run in runs):
            self._queues.find()
        for run_id in filter(self._is_gone, seen - {run.id for run in runs}):
            with store_errors():
                self._store.client.zrem(self._store.keys.queued(), run_id)
        for run in runs:
            waited_seconds = (now_ms - run.number("since_ms")) / 1000
            if run.number("published") == 0:
                if waited_seconds >= settings.unpublished_seconds:
                    abort(self._store, run.id, "not started: its message was never published")
                    self.actions["aborted"] += 1
            elif now_ms - max(run.number("since_ms"), run.number("eta_ms")) >= settings.log_ttl_seconds * 1000:
                self._end_unclaimed(run)
            elif (
                waited_seconds >= settings.vanished_seconds
                and run.number("eta_ms") < now_ms - 5000
                # The replacement of a task may be the end of a chain or a chord, which has no message yet.
                and run.text("awaits") != "replacement"
            ):
                self._look_for_message(run, now)

    def _end_unclaimed(self, run: Run) -> None:
        """End a run that nobody claimed for as long as an ended run is kept; a late message of it is then refused."""
        ttl_seconds = self._store.settings.log_ttl_seconds
        length = f"{ttl_seconds // 86400} days" if ttl_seconds >= 2 * 86400 else f"{ttl_seconds} s"
        with contextlib.suppress(Fenced, RunNotFound):
            write_events(
                self._store, run, "queued", [], ending=Ending(RunState.LOST, f"nobody claimed it for {length}")
            )
            self.actions["lost"] += 1

    def _is_held(self, queues: RedisQueues, run: Run) -> bool | None:
        try:
            transport = Transport.from_options(read_task(self._store, run.text("task")).get("transport"))
        except StartError:
            transport = DEFAULT
        # Only the first message is known to have been published to this broker.
        return queues.holds(run.id, run.text("queue"), transport, sent_here=bool(run.number("announced")))

    def _look_for_message(self, run: Run, now: float) -> None:
        """Publish a message again if it is missing in two looks seconds apart: a worker may just be taking it."""
        if self._queues is None or self._is_held(self._queues, run) is not False:
            self._missing.pop(run.id, None)
            return
        since = self._missing.setdefault(run.id, now)
        if now - since < self._lease_seconds / 2:
            return
        del self._missing[run.id]
        times = run.number("republished")
        why_not = why_not_again(self._store, run)
        if not run.number("announced") or times >= _MAX_REPUBLICATIONS or why_not:
            why = "its message is gone from the broker"
            if why_not:
                why = f"{why}, and cannot be published again: {why_not}"
            with contextlib.suppress(Fenced, RunNotFound):
                write_events(self._store, run, "queued", [], ending=Ending(RunState.LOST, why))
                self.actions["lost"] += 1
            return
        fields = {"republished": str(times + 1), "why": "its message vanished and was published again"}
        if mark(self._store, run.id, RunState.QUEUED, fields, execution=run.execution, changed=True):
            self._publish_again(read_run(self._store, run.id), run.number("attempt") + 1)
