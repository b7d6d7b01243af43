"""Reads the store's figures for metrics in the background: a scrape is answered at once, whatever the store does."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import Final

from redis.exceptions import RedisError

from runtail.errors import StoreUnavailable
from runtail.guard import Memory, read_memory
from runtail.store import Store, store_errors
from runtail_web.queue_watch import Queue, QueueWatch

log = logging.getLogger(__name__)

#: Time between looks.
LOOK_SECONDS: Final = 2.0
#: The store counts as away if it has not answered a question for this long, or if the last answer is this old.
SLOW_SECONDS: Final = 2.0
STALE_SECONDS: Final = 15.0
#: How long to wait for one answer of the store or the broker.
TIMEOUT_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The findings of one look."""

    queued: int
    running: int
    memory: Memory
    finished_bytes: int
    #: When the next API token ends; None if there is none.
    token_end_ms: int | None = None
    #: None while the broker does not answer.
    queues: dict[str, Queue] | None = None


class StoreWatch:
    """Looks every :data:`LOOK_SECONDS` in a thread of its own.

    :param store: a store with short timeouts that no other code uses.
    """

    def __init__(self, store: Store, queues: QueueWatch) -> None:
        self._store, self._queues = store, queues
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)
        self._found: Seen | None = None
        self._asked_at: float | None = None
        self._found_at = 0.0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a look under way takes a few seconds at most."""
        self._stop.set()
        self._thread.join(5.0)

    @property
    def seen(self) -> Seen | None:
        """The findings of the last look; None if the store does not answer."""
        now, asked_at = time.monotonic(), self._asked_at
        if (asked_at is not None and now - asked_at > SLOW_SECONDS) or now - self._found_at > STALE_SECONDS:
            return None
        return self._found

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except (StoreUnavailable, RedisError) as error:
                log.debug("the store's figures are not known: %s", error)
                self._found = None
            except Exception:
                log.exception("the store's figures cannot be read")
                self._found = None
            self._asked_at = None
            self._stop.wait(LOOK_SECONDS)

    def _look(self) -> None:
        self._asked_at = time.monotonic()
        found = self._ask_store()
        before = self._found
        self._found, self._found_at, self._asked_at = (
            replace(found, queues=before.queues if before is not None else None),
            time.monotonic(),
            None,
        )
        # The broker may be another server; the store's figures are valid without it.
        try:
            queues = self._queues.look()
        except StoreUnavailable:
            queues = None
        self._found = replace(found, queues=queues)

    def _ask_store(self) -> Seen:
        client, keys = self._store.client, self._store.keys
        memory = read_memory(self._store)
        with store_errors():
            pipeline = client.pipeline(transaction=False)
            pipeline.zcard(keys.queued())
            pipeline.scard(keys.running())
            pipeline.get(keys.finished_bytes())
            now_ms = self._store.now_ms()
            pipeline.zrangebyscore(keys.token_ends(), now_ms, "+inf", start=0, num=1, withscores=True)
            queued, running, finished, ends = pipeline.execute()
        token_end_ms = int(ends[0][1]) if ends else None
        return Seen(int(queued), int(running), memory, int(finished or 0), token_end_ms)
