"""The reaper's thread. All web replicas have one; a lock lets one of them work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from redis.exceptions import LockError, RedisError

from runtail.errors import RuntailError
from runtail.store import Store

log = logging.getLogger(__name__)

#: The lock of a replica that died is free again after this.
LOCK_SECONDS = 15.0
#: Between two rounds, or two looks whether the lock is free.
ROUND_SECONDS = 1.0


class Rounds(Protocol):
    """What is needed of :class:`runtail.reaper.Reaper`."""

    def step(self) -> object:
        """Do one round."""
        ...


class ReaperThread:
    """Holds the lock and does rounds until told to stop.

    :param make: makes a reaper that has seen nothing yet. Each time the lock is
        won a new one begins: what it knew of silent writers is old by then.
    """

    def __init__(self, store: Store, make: Callable[[], Rounds]) -> None:
        self._store = store
        self._make = make
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End after the present round, and free the lock."""
        self._stop.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            lock = self._store.client.lock(
                self._store.keys.lock("reaper"), timeout=LOCK_SECONDS, blocking=False, thread_local=False
            )
            try:
                if lock.acquire():
                    try:
                        self._reap(lock.reacquire)
                    finally:
                        lock.release()
            except LockError:
                log.warning("the reaper's lock was lost; another replica may have it")
            except (RuntailError, RedisError) as error:
                log.warning("the reaper waits: %s", error)
            except Exception:
                # A round that fails must not end all rounds: dead workers would hold their runs for ever.
                log.exception("the reaper's round failed")
            self._stop.wait(ROUND_SECONDS)

    def _reap(self, renew: Callable[[], object]) -> None:
        reaper = self._make()
        while not self._stop.is_set():
            reaper.step()
            renew()
            self._stop.wait(ROUND_SECONDS)
