"""The store's copy of the audit log: a stream, written in the background, as far as the store takes it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Final

from redis.exceptions import RedisError

from runtail.auth.audit_entry import Entry, encoded
from runtail.errors import StoreForbids, StoreUnavailable
from runtail.store import Store, store_errors

log = logging.getLogger(__name__)

#: Entries in the stream, about.
MOST_ENTRIES: Final = 200_000
#: The field of a stream entry that holds the audit entry.
FIELD: Final = b"e"
#: Entries that wait for the store; more are lost. With the longest texts this is 40 MB.
MOST_WAITING: Final = 10_000
BATCH: Final = 200
#: After an error, and between two removals of old entries.
RETRY_SECONDS: Final = 1.0
TRIM_SECONDS: Final = 60.0
#: How long :meth:`AuditStream.stop` waits for the last entries.
END_SECONDS: Final = 2.0
DAY_MS: Final = 86_400_000


class AuditStream:
    """Takes entries without waiting, and appends them to the store's stream in a thread of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: queue.Queue[Entry] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._trimmed_at = float("-inf")
        self._told = False
        #: Entries that the store did not get.
        self.lost = 0

    def add(self, entry: Entry) -> None:
        """Append an entry soon. If too many wait, it is lost."""
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._lose(1)
            return
        self._begin()

    def stop(self) -> None:
        """Append what still waits, if the store takes it at once; call this when the process ends."""
        self._ending.set()
        thread = self._thread
        if thread is not None:
            thread.join(END_SECONDS)
        self._lose(self._waiting.qsize())

    def _begin(self) -> None:
        # Not in the constructor: a thread does not survive a fork.
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        batch: list[Entry] = []
        while batch or not (self._ending.is_set() and self._waiting.empty()):
            batch = batch or self._next()
            if not batch:
                continue
            try:
                self._append(batch)
            except (RedisError, StoreForbids) as error:
                # Such as a permission that the store's user does not have: trying again would not help.
                self._tell(error)
                self._lose(len(batch))
                batch = []
            except StoreUnavailable as error:
                self._tell(error)
                if self._ending.wait(RETRY_SECONDS):
                    self._lose(len(batch))
                    return
            else:
                batch, self._told = [], False

    def _next(self) -> list[Entry]:
        try:
            found = [self._waiting.get(timeout=0.2)]
        except queue.Empty:
            return []
        while len(found) < BATCH:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return found

    def _append(self, batch: list[Entry]) -> None:
        key = self._store.keys.audit()
        with store_errors():
            pipeline = self._store.client.pipeline(transaction=True)
            for entry in batch:
                pipeline.xadd(key, {FIELD: encoded(entry.fields())}, maxlen=MOST_ENTRIES, approximate=True)
            if time.monotonic() - self._trimmed_at >= TRIM_SECONDS:
                oldest_ms = int(time.time() * 1000) - int(self._store.settings.audit_days * DAY_MS)
                pipeline.xtrim(key, minid=max(0, oldest_ms), approximate=True)
                self._trimmed_at = time.monotonic()
            pipeline.execute()

    def _lose(self, count: int) -> None:
        with self._lock:
            self.lost += count

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            log.warning("the store does not take the audit log, which standard output has: %s", error)
