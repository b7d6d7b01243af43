"""The reaper's thread. Every web replica has one; a lock in the store lets one of them reap."""

from __future__ import annotations

import dataclasses
import logging
import threading

from runtail.address import is_redis
from runtail.reaper import Reaper
from runtail.runs.queues import RedisQueues
from runtail.runs.start import Publisher
from runtail.settings import Settings
from runtail.store import Store, connect

log = logging.getLogger(__name__)

#: After an unexpected error the reaper starts again, but not in a tight loop.
PAUSE_SECONDS = 5.0


def broker_queues(settings: Settings, *, socket_timeout_seconds: float = 5.0) -> RedisQueues | None:
    """Return the broker's queues; None if the broker is not Redis, because its queues cannot be inspected.

    :param socket_timeout_seconds: how long to wait for an answer.
    """
    if not is_redis(settings.broker_url):
        return None
    broker = dataclasses.replace(settings, store_url=settings.broker_url)
    return RedisQueues(connect(broker, socket_timeout_seconds=socket_timeout_seconds))


class ReaperThread:
    """Runs a reaper in a thread of its own until told to stop."""

    def __init__(self, store: Store, publish: Publisher) -> None:
        self._reaper = Reaper(store, publish, broker_queues(store.settings))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current round, which takes a few seconds at most."""
        self._stop.set()
        self._thread.join(5.0)

    def actions(self) -> dict[tuple[str, ...], float]:
        """Return the number of actions so far, by name."""
        return {(action,): float(count) for action, count in list(self._reaper.actions.items())}

    @property
    def round_at(self) -> float | None:
        """When this service last reaped, by the wall clock; None if it never had to."""
        return self._reaper.round_at or None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._reaper.run(self._stop)
            except Exception:
                # One failed round must not end all rounds: runs of dead workers would never end.
                log.exception("the reaper's round failed")
                self._reaper.forget()
                self._stop.wait(PAUSE_SECONDS)
