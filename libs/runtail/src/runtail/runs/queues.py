"""Looking at the broker's queues, without touching a message."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import redis

from runtail.runs.transport import DEFAULT, Transport
from runtail.store import store_errors

#: Longer queues are not searched: the answer is then "unknown", never "gone".
MAX_MESSAGES = 1000
#: kombu's sets of queues, one per exchange, behind an app's prefix; a member is routing key, pattern and queue.
_BINDINGS = "_kombu.binding."
#: The store's keys are passed over, so many in one command, and so many commands in one call (some milliseconds).
_SCAN_COUNT = 1000
_MAX_SCANS = 10
#: Celery's own, to talk to workers: pidboxes and events.
_PRIVATE_QUEUE_ENDS = (".pidbox", "celeryev")


@dataclass(frozen=True, slots=True)
class _Binding:
    """What some sender or worker has declared.

    :param member: as kombu wrote it; how its parts are separated, the app's options say.
    """

    keyprefix: str
    member: str

    def parts(self, transport: Transport) -> tuple[str, str] | None:
        """Return routing key and queue; None if it was written by an app with other options."""
        if self.keyprefix != transport.keyprefix or transport.separator not in self.member:
            return None
        # A name may hold a separator such as ":", but never kombu's own.
        if transport.separator != DEFAULT.separator and DEFAULT.separator in self.member:
            return None
        parts = self.member.split(transport.separator)
        return parts[0], parts[-1]


class RedisQueues:
    """The queues of a Redis broker.

    :param client: a client of the broker's database.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        #: What was found by the last whole pass, and by this one.
        self._bindings: set[_Binding] = set()
        self._passing: set[_Binding] = set()
        self._cursor = 0

    def find(self) -> None:
        """Look for what senders and workers have declared: all of it is found after some calls.

        Each call goes on with the broker's keys where the one before it ended.

        :raises StoreUnavailable: if the broker did not answer.
        """
        for _ in range(_MAX_SCANS):
            with store_errors():
                scanned: Any = self.client.scan(self._cursor, match=f"*{_BINDINGS}*", count=_SCAN_COUNT, _type="SET")
                self._cursor, found = int(scanned[0]), scanned[1]
                for key in found:
                    keyprefix = key.decode("utf-8", "replace").partition(_BINDINGS)[0]
                    members: Any = self.client.smembers(key)
                    self._passing |= {_Binding(keyprefix, member.decode("utf-8", "replace")) for member in members}
            if not self._cursor:
                self._bindings, self._passing = self._passing, set()
                break

    def find_names(self, transports: Collection[Transport] = (DEFAULT,)) -> set[str]:
        """Return the queues of apps with these options; all of them only after some calls of this or :meth:`find`.

        :raises StoreUnavailable: if the broker did not answer.
        """
        self.find()
        return {name for name in self._declared(transports) if not _is_private(name)}

    def lengths(
        self, queues: Iterable[str], transports: Collection[Transport] = (DEFAULT,)
    ) -> dict[str, dict[str, int]]:
        """Return the lists of each queue, one per app and priority, with the number of messages that wait in each.

        :param transports: of all apps. A queue that some of them have declared is looked for where these put it, any
            other one wherever it may be.
        :raises StoreUnavailable: if the broker did not answer.
        """
        declared = self._declared(transports)
        lists = {
            queue: sorted({name for one in declared.get(queue, transports) for name in one.lists(queue)})
            for queue in queues
        }
        with store_errors():
            pipeline = self.client.pipeline(transaction=False)
            for names in lists.values():
                for name in names:
                    pipeline.llen(name)
            # A name that is no list (any more) counts as empty: it is somebody else's key.
            sizes = iter(_checked(pipeline.execute(raise_on_error=False), 0) if lists else [])
        return {queue: {name: next(sizes) for name in names} for queue, names in lists.items()}

    def _declared(self, transports: Collection[Transport]) -> dict[str, set[Transport]]:
        """Return the queues that were found, with the options of the apps that have declared them."""
        declared: defaultdict[str, set[Transport]] = defaultdict(set)
        for binding in self._bindings | self._passing:
            for transport in transports:
                if (parts := binding.parts(transport)) and parts[1]:
                    declared[parts[1]].add(transport)
        return dict(declared)

    def holds(self, run_id: str, queue: str, transport: Transport = DEFAULT, *, sent_here: bool = True) -> bool | None:
        """Return whether a message of the run waits or is held by a worker; None if that cannot be told.

        :param queue: a queue, or the routing key of some.
        :param transport: of the task's app.
        :param sent_here: a message can be nowhere but at this broker. Otherwise that is so if its queue was declared
            here, which :meth:`find` finds: an app may use another database, another server, or other options.
        :raises StoreUnavailable: if the broker did not answer.
        """
        bound = [parts for one in self._bindings | self._passing if (parts := one.parts(transport)) and queue in parts]
        if not bound and not sent_here:
            return None
        names = {name for one in {queue, *(name for _, name in bound)} for name in transport.lists(one)}
        with store_errors():
            pipeline = self.client.pipeline(transaction=True)
            for name in names:
                pipeline.llen(name)
            pipeline.hlen(transport.unacked_hash)
            sizes: list[Any] = pipeline.execute(raise_on_error=False)
            # What is of another type is somebody else's, and no message of ours is in it.
            if max(_checked(sizes, 0)) > MAX_MESSAGES:
                return None
            pipeline = self.client.pipeline(transaction=True)
            for name in names:
                pipeline.lrange(name, 0, MAX_MESSAGES)
            pipeline.hvals(transport.unacked_hash)
            found: list[Any] = _checked(pipeline.execute(raise_on_error=False), [])
        # As kombu writes it, and as others may.
        needles = {run_id.encode(), json.dumps(run_id)[1:-1].encode()}
        return any(needle in message for messages in found for message in messages for needle in needles)


def _checked(replies: list[Any], instead: Any) -> list[Any]:
    """Return the replies of a pipeline, and *instead* where a key is not of the type that was asked for."""
    for reply in replies:
        if isinstance(reply, Exception) and "WRONGTYPE" not in str(reply):
            raise reply
    return [instead if isinstance(reply, Exception) else reply for reply in replies]


def _is_private(name: str) -> bool:
    return name.endswith(_PRIVATE_QUEUE_ENDS) or name.startswith("celeryev.") or ".reply." in name
