"""The reader's pull, which runs twenty times a second or more, over a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from runtail.log.reader import HEAD_FIELDS, Head
from runtail.protocol import Entry, EntryId
from runtail.store import Store, store_errors
from runtail_socket.reading.resp import Resp, pack

#: The connection is changed this often: its pool then checks whether it still
#: works and, with Sentinel, whether it still leads to the primary.
KEEP_SECONDS = 1.0


class Puller:
    """Does the same as :func:`runtail.log.reader.pull` at a third of the price, for one caller at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Resp | None = None
        self._since = 0.0

    def pull(self, wanted: Sequence[tuple[str, EntryId]], count: int) -> list[tuple[Head | None, list[Entry]]]:
        """Return the head and the next entries of several runs, in one round trip.

        :param wanted: run id and the last entry already read, per run.
        :param count: the largest number of entries per run.
        :raises StoreUnavailable: if the server did not answer.
        :raises ProtocolError: if an entry cannot be read.
        """
        keys = self._store.keys
        question = b"".join(
            pack("HMGET", keys.run(run_id), *HEAD_FIELDS)
            + pack("XRANGE", keys.log(run_id), f"({after}", "+", "COUNT", count)
            for run_id, after in wanted
        )
        replies = iter(self._ask(question, 2 * len(wanted)))
        return [
            (Head.read(run_id, head), [_entry(id_, fields) for id_, fields in entries])
            for (run_id, _), head, entries in zip(wanted, replies, replies, strict=False)
        ]

    def _ask(self, question: bytes, answers: int) -> list[Any]:
        connection = self._connected()
        replies: list[Any] = []
        try:
            connection.send(question)
            while len(replies) < answers:
                replies += connection.receive()
        except BaseException:
            # An answer still under way must not be taken for the answer to the next question.
            self._connection = None
            connection.close()
            raise
        for reply in replies:
            if isinstance(reply, ResponseError):
                with store_errors():
                    raise reply
        return replies

    def _connected(self) -> Resp:
        now = time.monotonic()
        connection = self._connection
        if connection is not None and now - self._since > KEEP_SECONDS:
            connection.give_back()
            connection = None
        if connection is None:
            self._connection = None
            self._connection = connection = Resp(self._store.client)
            self._since = now
        return connection


def _entry(id_: bytes, fields: list[bytes]) -> Entry:
    return Entry.from_fields(EntryId.parse(id_), dict(zip(fields[::2], fields[1::2], strict=True)))
