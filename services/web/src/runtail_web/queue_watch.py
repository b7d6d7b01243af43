"""How much waits in each queue, for how long, and how many workers take from it: for metrics, never for decisions."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runtail.catalogue import REFRESH_SECONDS
from runtail.runs.listing import list_tasks, list_workers
from runtail.runs.queues import RedisQueues
from runtail.runs.transport import DEFAULT, Transport
from runtail.store import Store, store_errors
from runtail_web.queue_ages import ListAges

#: Names of queues come from users: this many are told apart, and the rest count as one.
MAX_NAMES: Final = 50
MAX_NAME_CHARS: Final = 100
OTHER: Final = "other"
#: How many of the longest-waiting runs are asked for their queue; messages are watched as well.
OLDEST_RUNS: Final = 200


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue."""

    #: Messages at the broker; None if the broker cannot be asked.
    waiting: int | None = None
    #: Workers that take from the queue, and how many tasks they execute at once.
    workers: int = 0
    slots: int = 0
    #: How many seconds, at least, the oldest message or run has waited; None if unknown.
    oldest_seconds: float | None = None


class Names:
    """Decides which queues have a label of their own. A queue keeps its label as long as it exists."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def sort(self, queues: Mapping[str, Queue]) -> dict[str, Queue]:
        """Return the queues by label; those beyond the limit count as one, with the figures of the worst."""
        self._known &= queues.keys()
        # Queues with workers or waiting messages come first, so that unused queues get no name.
        for name in sorted(queues, key=lambda name: (not queues[name].workers, not queues[name].waiting, name)):
            if len(self._known) < MAX_NAMES and len(name) <= MAX_NAME_CHARS and name != OTHER:
                self._known.add(name)
        named = {name: queue for name, queue in queues.items() if name in self._known}
        rest = [queue for name, queue in queues.items() if name not in self._known]
        return {**named, OTHER: _together(rest)} if rest else named


def _together(queues: list[Queue]) -> Queue:
    waiting = [queue.waiting for queue in queues if queue.waiting is not None]
    ages = [queue.oldest_seconds for queue in queues if queue.oldest_seconds is not None]
    return Queue(
        sum(waiting) if waiting else None,
        # The fewest workers of any queue with waiting messages, so that an alert sees it.
        min(queue.workers for queue in [queue for queue in queues if queue.waiting] or queues),
        sum(queue.slots for queue in queues),
        max(ages, default=None),
    )


class QueueWatch:
    """Looks at all queues of an installation. One thread only.

    :param queues: the broker's queues if it is a Redis; None if messages at the broker cannot be counted.
    :param clock: monotonic seconds.
    """

    def __init__(
        self, store: Store, queues: RedisQueues | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._queues, self._clock = store, queues, clock
        self._ages = ListAges(queues.client) if queues is not None else None
        self._names = Names()
        self._workers: Counter[str] = Counter()
        self._slots: Counter[str] = Counter()
        self._transports: set[Transport] = {DEFAULT}
        self._asked_catalogue_at: float | None = None

    def look(self) -> dict[str, Queue]:
        """Return the queues by label.

        :raises StoreUnavailable: if store or broker did not answer.
        """
        now = self._clock()
        self._look_at_catalogue(now)
        oldest = self._oldest_runs()
        names = self._workers.keys() | oldest.keys()
        waiting: dict[str, int] = {}
        if self._queues is not None and self._ages is not None:
            names |= self._queues.find_names(self._transports)
            lengths = self._queues.lengths(names, self._transports)
            waiting = {name: sum(lists.values()) for name, lists in lengths.items()}
            ages = self._ages.look({name: size for lists in lengths.values() for name, size in lists.items()}, now)
            for name, lists in lengths.items():
                known = [ages[one] for one in lists if one in ages]
                if known:
                    oldest[name] = max(oldest.get(name, 0.0), *known)
                elif not waiting[name]:
                    oldest.setdefault(name, 0.0)
        return self._names.sort(
            {name: Queue(waiting.get(name), self._workers[name], self._slots[name], oldest.get(name)) for name in names}
        )

    def _look_at_catalogue(self, now: float) -> None:
        if self._asked_catalogue_at is not None and now - self._asked_catalogue_at < REFRESH_SECONDS / 2:
            return
        workers = list_workers(self._store)
        # Tasks stay known after their workers are gone, which is when the length of their queues matters most.
        tasks = list_tasks(self._store) if self._queues is not None else []
        self._transports = {DEFAULT, *(Transport.from_options(task.get("transport")) for task in tasks)}
        self._asked_catalogue_at = now
        self._workers.clear()
        self._slots.clear()
        for worker in workers:
            slots = worker.get("concurrency")
            for queue in {str(queue) for queue in worker.get("queues", ())}:
                self._workers[queue] += 1
                self._slots[queue] += slots if isinstance(slots, int) else 1

    def _oldest_runs(self) -> dict[str, float]:
        """Return for each queue how many seconds its longest-waiting run has waited."""
        store, now_ms = self._store, self._store.now_ms()
        ages: defaultdict[str, float] = defaultdict(float)
        with store_errors():
            ids: Any = store.client.zrange(store.keys.queued(), 0, OLDEST_RUNS - 1)
            pipeline = store.client.pipeline(transaction=False)
            for run_id in ids:
                pipeline.hmget(
                    store.keys.run(run_id.decode("utf-8", "replace")), "queue", "since_ms", "eta_ms", "state"
                )
            rows: list[Any] = pipeline.execute() if ids else []
        for queue, since_ms, eta_ms, state in rows:
            if not queue or state != b"queued":
                continue
            try:
                due_ms = max(int(since_ms or now_ms), int(eta_ms or 0))
            except ValueError:
                continue  # listing runs reports that this one cannot be read
            name = queue.decode("utf-8", "replace")
            ages[name] = max(ages[name], (now_ms - due_ms) / 1000, 0.0)
        return dict(ages)
