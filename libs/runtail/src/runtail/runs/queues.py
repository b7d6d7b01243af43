"""Looking for a run's message at the broker, without touching it."""

from __future__ import annotations

from typing import Any

import redis

from runtail.store import store_errors

#: Longer queues are not searched: the answer is then "unknown", never "gone".
MAX_MESSAGES = 1000
#: kombu keeps one list per priority: the queue's name, and with these behind it.
_PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")
#: kombu's hash of messages that a worker has and has not acknowledged.
_UNACKED = "unacked"


class RedisQueues:
    """The queues of a Redis broker.

    :param client: a client of the broker's database.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def holds(self, run_id: str, queue: str) -> bool | None:
        """Return whether a message of the run waits or is held by a worker; None if that cannot be told.

        :raises StoreUnavailable: if the broker did not answer.
        """
        names = [queue + suffix for suffix in _PRIORITY_SUFFIXES]
        with store_errors():
            pipeline = self._client.pipeline(transaction=True)
            for name in names:
                pipeline.llen(name)
            pipeline.hlen(_UNACKED)
            sizes: list[Any] = pipeline.execute()
            if max(sizes) > MAX_MESSAGES:
                return None
            pipeline = self._client.pipeline(transaction=True)
            for name in names:
                pipeline.lrange(name, 0, MAX_MESSAGES)
            pipeline.hvals(_UNACKED)
            found: list[Any] = pipeline.execute()
        needle = run_id.encode()
        return any(needle in message for messages in found for message in messages)
