"""Looking at the broker's queues, without touching a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis

from runtail.store import store_errors

#: Longer queues are not searched: the answer is then "unknown", never "gone".
MAX_MESSAGES = 1000
#: kombu keeps one list per priority: the queue's name, and with these behind it.
_PRIORITY_SUFFIXES = ("", "\x06\x163", "\x06\x166", "\x06\x169")
#: kombu's hash of messages that a worker has and has not acknowledged.
_UNACKED = "unacked"
#: kombu's sets of queues, one per exchange; a member is routing key, pattern and queue.
_BINDINGS = "_kombu.binding*"
_BINDING_SEPARATOR = b"\x06\x16"
#: The store's keys are passed over, so many in one command, and so many commands in one call (some milliseconds).
_SCAN_COUNT = 1000
_MAX_SCANS = 10
#: Celery's own, to talk to workers: pidboxes and events.
_PRIVATE_QUEUE_ENDS = (".pidbox", "celeryev")


class RedisQueues:
    """The queues of a Redis broker.

    :param client: a client of the broker's database.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        #: Queues that were found by the last whole pass, and by this one.
        self._names: set[str] = set()
        self._passing: set[str] = set()
        self._cursor = 0

    def find_names(self) -> set[str]:
        """Return the queues that some sender or worker has declared: all of them after some calls.

        Each call goes on with the broker's keys where the one before it ended.

        :raises StoreUnavailable: if the broker did not answer.
        """
        for _ in range(_MAX_SCANS):
            with store_errors():
                scanned: Any = self.client.scan(self._cursor, match=_BINDINGS, count=_SCAN_COUNT, _type="SET")
                self._cursor, found = int(scanned[0]), scanned[1]
                for key in found:
                    members: Any = self.client.smembers(key)
                    self._passing |= {_queue_of(member) for member in members}
            if not self._cursor:
                self._names, self._passing = self._passing, set()
                break
        return {name for name in self._names | self._passing if name and not _is_private(name)}

    def lengths(self, queues: Iterable[str]) -> dict[str, dict[str, int]]:
        """Return the lists of each queue, one per priority, with the number of messages that wait in each.

        :raises StoreUnavailable: if the broker did not answer.
        """
        lists = {queue: [queue + suffix for suffix in _PRIORITY_SUFFIXES] for queue in queues}
        with store_errors():
            pipeline = self.client.pipeline(transaction=False)
            for names in lists.values():
                for name in names:
                    pipeline.llen(name)
            # A name that is no list (any more) counts as empty: it is somebody else's key.
            found: list[Any] = pipeline.execute(raise_on_error=False) if lists else []
            for reply in found:
                if isinstance(reply, Exception) and "WRONGTYPE" not in str(reply):
                    raise reply
        sizes = iter(found)
        return {
            queue: {name: size if isinstance(size := next(sizes), int) else 0 for name in names}
            for queue, names in lists.items()
        }

    def holds(self, run_id: str, queue: str) -> bool | None:
        """Return whether a message of the run waits or is held by a worker; None if that cannot be told.

        :raises StoreUnavailable: if the broker did not answer.
        """
        names = [queue + suffix for suffix in _PRIORITY_SUFFIXES]
        with store_errors():
            pipeline = self.client.pipeline(transaction=True)
            for name in names:
                pipeline.llen(name)
            pipeline.hlen(_UNACKED)
            sizes: list[Any] = pipeline.execute()
            if max(sizes) > MAX_MESSAGES:
                return None
            pipeline = self.client.pipeline(transaction=True)
            for name in names:
                pipeline.lrange(name, 0, MAX_MESSAGES)
            pipeline.hvals(_UNACKED)
            found: list[Any] = pipeline.execute()
        needle = run_id.encode()
        return any(needle in message for messages in found for message in messages)


def _queue_of(member: bytes) -> str:
    return member.rpartition(_BINDING_SEPARATOR)[2].decode("utf-8", "replace")


def _is_private(name: str) -> bool:
    return name.endswith(_PRIVATE_QUEUE_ENDS) or name.startswith("celeryev.") or ".reply." in name
