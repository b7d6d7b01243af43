"""Looking at the broker's queues without touching a message."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import NoPermissionError

from runtail.errors import StoreForbids
from runtail.runs.transport import DEFAULT, Transport
from runtail.store import store_errors

#: Longer queues are not searched: the answer is then "unknown", never "gone".
MAX_MESSAGES = 1000
#: kombu's sets of queues, one per exchange, after an app's prefix; a member is routing key, pattern and queue.
_BINDINGS = "_kombu.binding."
#: One command scans this many of the broker's keys, and one call sends at most this many commands (some milliseconds).
_SCAN_COUNT = 1000
_MAX_SCANS = 10
#: Celery's own queues, to talk to workers: pidboxes and events.
_PRIVATE_QUEUE_ENDS = (".pidbox", "celeryev")


@dataclass(frozen=True, slots=True)
class _Binding:
    """A queue that some sender or worker has declared.

    :param member: as kombu wrote it; the app's options say how its parts are separated.
    """

    keyprefix: str
    member: str

    def parts(self, transport: Transport) -> tuple[str, str] | None:
        """Return routing key and queue; None if an app with other options wrote the member."""
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
        #: The bindings found by the last whole pass, and those found so far by this one.
        self._bindings: set[_Binding] = set()
        self._passing: set[_Binding] = set()
        self._cursor = 0

    def find(self) -> None:
        """Look for the queues that senders and workers have declared; it takes some calls to find all of them.

        Each call continues with the broker's keys where the previous one ended.

        :raises StoreUnavailable: if the broker did not answer.
        """
        for _ in range(_MAX_SCANS):
            with store_errors():
                scanned: Any = self.client.scan(self._cursor, match=f"*{_BINDINGS}*", count=_SCAN_COUNT, _type="SET")
                self._cursor, found = int(scanned[0]), scanned[1]
                for key in found:
                    keyprefix = key.decode("utf-8", "replace").partition(_BINDINGS)[0]
                    members = self._members(key)
                    self._passing |= {_Binding(keyprefix, member.decode("utf-8", "replace")) for member in members}
            if not self._cursor:
                self._bindings, self._passing = self._passing, set()
                break

    def _members(self, key: bytes) -> set[bytes]:
        try:
            members: Any = self.client.smembers(key)
        except NoPermissionError:
            # The server's access list keeps our user from other apps' keys: their queues are not ours to know.
            return set()
        return set(members)

    def find_names(self, transports: Collection[Transport] = (DEFAULT,)) -> set[str]:
        """Return the queues of apps with these options; it takes some calls of this or :meth:`find` to find all.

        :raises StoreUnavailable: if the broker did not answer.
        """
        self.find()
        return {name for name in self._declared(transports) if not _is_private(name)}

    def lengths(
        self, queues: Iterable[str], transports: Collection[Transport] = (DEFAULT,)
    ) -> dict[str, dict[str, int]]:
        """Return the lists of each queue, one per app and priority, with the number of messages waiting in each.

        :param transports: those of all apps. If some of the apps have declared a queue, look for it where these apps
            put it; look for any other queue in all places where it can be.
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
            # A key that is not a list (any more) counts as empty: it is somebody else's key.
            sizes = iter(_checked(pipeline.execute(raise_on_error=False), 0) if lists else [])
        return {queue: {name: next(sizes) for name in names} for queue, names in lists.items()}

    def _declared(self, transports: Collection[Transport]) -> dict[str, set[Transport]]:
        """Return the queues found so far, with the options of the apps that have declared them."""
        declared: defaultdict[str, set[Transport]] = defaultdict(set)
        for binding in self._bindings | self._passing:
            for transport in transports:
                if (parts := binding.parts(transport)) and parts[1]:
                    declared[parts[1]].add(transport)
        return dict(declared)

    def holds(self, run_id: str, queue: str, transport: Transport = DEFAULT, *, sent_here: bool = True) -> bool | None:
        """Return whether a message of the run waits or is held by a worker; None if that is unknown.

        :param queue: a queue, or a routing key of some queues.
        :param transport: the options of the task's app.
        :param sent_here: True if the message can only be at this broker. Otherwise it can only be here if :meth:`find`
            has found its queue declared here: an app may use another database, another server, or other options.
        :raises StoreUnavailable: if the broker did not answer.
        """
        bound = [parts for one in self._bindings | self._passing if (parts := one.parts(transport)) and queue in parts]
        if not bound and not sent_here:
            return None
        names = {name for one in {queue, *(name for _, name in bound)} for name in transport.lists(one)}
        try:
            return self._hold(names, run_id, transport)
        except StoreForbids:
            # One queue that our user may not see must not stop the search for the messages of others.
            return None

    def _hold(self, names: set[str], run_id: str, transport: Transport) -> bool | None:
        with store_errors():
            pipeline = self.client.pipeline(transaction=True)
            for name in names:
                pipeline.llen(name)
            pipeline.hlen(transport.unacked_hash)
            sizes: list[Any] = pipeline.execute(raise_on_error=False)
            # A key of another type belongs to somebody else and holds none of our messages.
            if max(_checked(sizes, 0)) > MAX_MESSAGES:
                return None
            pipeline = self.client.pipeline(transaction=True)
            for name in names:
                pipeline.lrange(name, 0, MAX_MESSAGES)
            pipeline.hvals(transport.unacked_hash)
            found: list[Any] = _checked(pipeline.execute(raise_on_error=False), [])
        # The id as kombu writes it, and as other senders may write it.
        needles = {run_id.encode(), json.dumps(run_id)[1:-1].encode()}
        return any(needle in message for messages in found for message in messages for needle in needles)


def _checked(replies: list[Any], instead: Any) -> list[Any]:
    """Return the replies of a pipeline, with *instead* for each key of another type, or that our user may not see."""
    for reply in replies:
        if isinstance(reply, Exception) and not isinstance(reply, NoPermissionError) and "WRONGTYPE" not in str(reply):
            raise reply
    return [instead if isinstance(reply, Exception) else reply for reply in replies]


def _is_private(name: str) -> bool:
    return name.endswith(_PRIVATE_QUEUE_ENDS) or name.startswith("celeryev.") or ".reply." in name
