"""Guarding the store's memory: the store must not delete anything by itself, and logs must not fill it.

A server that evicts keys removes records, logs and Celery's messages without telling anyone. And a server that is full
of logs accepts neither messages nor changes of state. So services refuse to start with a server that evicts and check
again each minute, and shippers stop storing output while there is only room left for more important data.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from runtail.errors import ConfigError, StoreEvicts, StoreUnavailable
from runtail.settings import Settings
from runtail.store import Store, connect, store_errors

log = logging.getLogger(__name__)

#: How often the eviction policy is checked.
POLICY_SECONDS: Final = 60.0
#: A shipper checks at least this often whether there is room for logs.
ROOM_SECONDS: Final = 1.0
#: It checks earlier after storing one part in this many of the room that was left, because others store as well.
_ROOM_PART: Final = 8
#: A service that starts waits this long for the store to answer.
_START_SECONDS: Final = 2.0

SAFE_POLICY: Final = "noeviction"


@dataclass(frozen=True, slots=True)
class Memory:
    """The server's memory, from ``INFO memory``, because ``CONFIG`` is often forbidden.

    :param used_bytes: without the buffers that the server does not count towards its limit.
    :param limit_bytes: ``maxmemory``; 0 if there is no limit.
    :param policy: ``maxmemory-policy``, which says what the server does at the limit; empty if unknown.
    """

    used_bytes: int
    limit_bytes: int
    policy: str

    @property
    def evicts(self) -> bool:
        """True if the server deletes keys by itself. Without a limit no policy ever deletes anything."""
        return self.limit_bytes > 0 and self.policy not in ("", SAFE_POLICY)


def read_memory(store: Store) -> Memory:
    """Ask the server for its memory.

    :raises StoreUnavailable: it did not answer.
    """
    with store_errors():
        info: Any = store.client.info("memory")
    used = int(info.get("used_memory", 0)) - int(info.get("mem_not_counted_for_evict", 0))
    return Memory(used, int(info.get("maxmemory", 0)), str(info.get("maxmemory_policy", "")))


class Guard:
    """Watches the store's memory for one process.

    :param clock: monotonic seconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._looked_at: float | None = None
        self._looked_bytes = 0
        self._room_bytes = 0
        #: Why the store must not be used, or None.
        self.problem: str | None = None
        #: True while logs are at their ceiling.
        self.full = False

    @property
    def evicts(self) -> bool:
        """True if the store may delete keys by itself and no setting allows that; for metrics."""
        return self.problem is not None

    def look(self) -> None:
        """Ask once; log the beginning and the end of each problem.

        :raises StoreUnavailable: the store did not answer; the results of the last call remain.
        """
        settings = self._store.settings
        memory = read_memory(self._store)
        self._looked_at = self._clock()
        problem = refusal(memory, settings)
        if problem and not self.problem:
            log.error("%s", problem)
        elif self.problem and not problem:
            log.warning("the store does not evict keys any more")
        self.problem = problem
        limit = memory.limit_bytes or settings.store_bytes
        self._room_bytes = round(limit * settings.log_ceiling) - memory.used_bytes if limit else 0
        full = limit > 0 and self._room_bytes <= 0
        if full and not self.full:
            log.error(
                "the store holds %d of %d bytes: no output is stored until there is room (RUNTAIL_LOG_CEILING=%g)",
                memory.used_bytes, limit, settings.log_ceiling,
            )  # fmt: skip
        elif self.full and not full:
            log.warning("the store has room again")
        self.full = full

    def has_room(self, stored_bytes: int) -> bool:
        """Tell whether output may be stored; ask the store about once a second, and more often if there is little room.

        :param stored_bytes: how much this process has stored in total.
        :raises StoreUnavailable: the store did not answer.
        """
        since = None if self._looked_at is None else self._clock() - self._looked_at
        used_up = self._room_bytes > 0 and (stored_bytes - self._looked_bytes) * _ROOM_PART > self._room_bytes
        if since is None or since >= ROOM_SECONDS or (used_up and not self.full):
            self._looked_bytes = stored_bytes
            self.look()
        return not self.full

    def run(self, stop: threading.Event) -> None:
        """Look each minute until *stop* is set; other code reports that the store is unreachable."""
        while True:
            try:
                self.look()
            except StoreUnavailable as error:
                log.debug("the store's memory is not known: %s", error)
            if stop.wait(POLICY_SECONDS):
                return


class GuardThread:
    """Runs a guard, which looks each minute, in its own thread."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=guard.run, args=(self._stop,), name="guard", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; a look that has begun takes a few seconds at most."""
        self._stop.set()
        self._thread.join(5.0)


def refusal(memory: Memory, settings: Settings) -> str | None:
    """Return why a store with this memory must not be used, in one sentence; None if it may be used."""
    if not memory.evicts or settings.allow_eviction:
        return None
    return (
        f"the store deletes keys by itself when its memory is full (maxmemory-policy {memory.policy}), and with them "
        f"runs, logs and waiting messages: set maxmemory-policy to {SAFE_POLICY}, or RUNTAIL_ALLOW_EVICTION=1 to "
        "accept the loss"
    )


def require_keeping(store: Store) -> None:
    """Refuse to start anything new with a store that evicts, even if it began to evict later.

    :raises StoreEvicts: with the reason.
    :raises StoreUnavailable: the store did not answer.
    """
    if why := refusal(read_memory(store), store.settings):
        raise StoreEvicts(why)


def check_at_start(settings: Settings) -> None:
    """Refuse a store that evicts. A store that does not answer yet is checked later.

    :raises ConfigError: with the reason.
    """
    store = Store(settings, connect(settings, socket_timeout_seconds=_START_SECONDS))
    try:
        why = refusal(read_memory(store), settings)
    except StoreUnavailable:
        return
    finally:
        store.client.close()
    if why:
        raise ConfigError(why)
