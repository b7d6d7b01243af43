"""Reading logs from Redis. Synchronous; works under eventlet and gevent if they have patched the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from runtail.errors import ProtocolError, RunNotFound
from runtail.protocol import Cursor, Cut, Discontinuity, Entry, EntryId, RunState
from runtail.store import Store, store_errors

#: The fields of a record that :meth:`Head.read` needs, in this order.
HEAD_FIELDS = (
    "state", "epoch", "last", "line", "chain", "bytes", "attempt", "beat", "live", "v",
    "cut_from", "cut_to", "cut_bytes", "cut_entries", "cut_chain", "cut_last", "execution",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """Where a run's log ends, from its record."""

    run_id: str
    state: RunState
    epoch: int
    last: EntryId
    #: Number of the next line.
    line: int
    chain: bytes
    #: Output bytes ever written.
    total_bytes: int
    attempt: int
    beat: int
    #: The unfinished line: ``{"rev", "line", "text", "progress"}``.
    live: dict[str, Any] | None
    cut: Cut | None
    #: Which execution of the id this is.
    execution: int = 1

    @classmethod
    def read(cls, run_id: str, values: Sequence[bytes | None]) -> Head | None:
        """Build a head from the values of the record's fields; None if there is no record.

        :raises ProtocolError: code ``record``, if the record cannot be read.
        """
        record = dict(zip(HEAD_FIELDS, values, strict=True))
        if record["state"] is None:
            return None
        try:
            return cls(
                run_id,
                RunState(_text(record["state"])),
                _int(record["epoch"]),
                EntryId.parse(record["last"] or b"0-0"),
                _int(record["line"]),
                record["chain"] or b"",
                _int(record["bytes"]),
                _int(record["attempt"]),
                _int(record["beat"]),
                orjson.loads(record["live"]) if record["live"] else None,
                _cut(record),
                _int(record["execution"]) or 1,
            )
        except ValueError as error:
            raise ProtocolError("record", f"The record of run {run_id!r} cannot be read: {error}.") from error


@dataclass(frozen=True, slots=True)
class Location:
    """Where a reader begins: after entry *last*, at *line* with digest *chain*."""

    head: Head
    last: EntryId
    line: int
    chain: bytes
    #: False if the stored digest differs from the requested one: this is another history.
    matched: bool
    #: True if the requested line is not written yet: wait for it.
    beyond: bool = False

    @property
    def cursor(self) -> Cursor:
        """A cursor at this location."""
        return Cursor(self.head.epoch, self.last, self.line, self.chain)


def head(store: Store, run_id: str) -> Head:
    """Return where a run's log ends.

    :raises RunNotFound: if there is no such run.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        values: Any = store.client.hmget(store.keys.run(run_id), list(HEAD_FIELDS))
    found = Head.read(run_id, values)
    if found is None:
        with store_errors():
            deleted = bool(store.client.exists(store.keys.deleted(run_id)))
        raise RunNotFound(run_id, deleted=deleted)
    return found


def pull(
    store: Store, wanted: Sequence[tuple[str, EntryId]], *, count: int = 16
) -> list[tuple[Head | None, list[Entry]]]:
    """Return the head and the next entries of several runs, in one round trip.

    :param wanted: run id and the last entry already read, per run.
    :param count: the maximum number of entries per run.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for run_id, after in wanted:
            pipeline.hmget(store.keys.run(run_id), list(HEAD_FIELDS))
            pipeline.xrange(store.keys.log(run_id), min=f"({after}", count=count)
        replies: list[Any] = pipeline.execute()
    result = []
    for index, (run_id, _) in enumerate(wanted):
        entries = [Entry.from_fields(EntryId.parse(id_), fields) for id_, fields in replies[2 * index + 1]]
        result.append((Head.read(run_id, replies[2 * index]), entries))
    return result


def locate(store: Store, run_id: str, line: int, chain: bytes | None = None) -> Location:
    """Find where a reader that wants *line* must begin.

    :param line: from 1; negative: the last ``-line`` lines. The location is the
        start of the entry that holds the line.
    :param chain: the digest before the line, for an exact resume.
    :raises RunNotFound: if there is no such run.
    :raises StoreUnavailable: if the server did not answer.
    """
    found = head(store, run_id)
    if line < 0:
        line = max(1, found.line + line)
    with store_errors():
        reply = store.scripts.call("locate", run_id, {"line": max(line, 1)}, [chain or b""])
    if reply[0] == b"gone":
        raise RunNotFound(run_id)
    last, at, digest = EntryId.parse(reply[1]), int(reply[2]), reply[3]
    if reply[0] == b"beyond":
        return Location(found, last, at, digest, True, beyond=True)
    return Location(found, last, at, digest, reply[4] == b"1")


def read(store: Store, cursor: Cursor, run_id: str, *, count: int = 16) -> tuple[Head | None, list[Entry | Cut]]:
    """Return what follows a cursor, and advance the cursor.

    :raises Discontinuity: if the stored entries do not continue the cursor, which then does not move.
    :raises StoreUnavailable: if the server did not answer.
    """
    found, entries = pull(store, [(run_id, cursor.last)], count=count)[0]
    try:
        # Use a copy: the entries it took before a jump would be missing from the second answer.
        trial = replace(cursor)
        items = trial.advance(entries, found.cut if found else None)
    except Discontinuity:
        # The quota may have cut between the two reads; the record read now knows of it.
        found, entries = pull(store, [(run_id, cursor.last)], count=count)[0]
        trial = replace(cursor)
        items = trial.advance(entries, found.cut if found else None)
    cursor.last, cursor.line, cursor.chain = trial.last, trial.line, trial.chain
    return found, items


def entries(store: Store, run_id: str, line: int = 1, *, count: int = 32) -> Iterator[Entry | Cut]:
    """Yield what the log holds from *line* up to its current end.

    :raises RunNotFound: if there is no such run.
    :raises Discontinuity: if the log was replaced during the read.
    """
    location = locate(store, run_id, line)
    cursor = location.cursor
    while not location.beyond and cursor.last < location.head.last:
        _, items = read(store, cursor, run_id, count=count)
        if not items:
            return
        yield from items


def raise_epoch(store: Store, run_id: str, cursor: Cursor, *, certain: bool = False) -> int:
    """Begin a new epoch because the store lost what *cursor* has read; return the current epoch.

    Do nothing if the store agrees with the cursor after all, or if the epoch
    was already raised. Return 0 if the run is gone.

    :param certain: the reader has checked, entry by entry, that the stored log contradicts itself.
    """
    ask = {"epoch": cursor.epoch, "last": str(cursor.last), "certain": certain}
    with store_errors():
        reply = store.scripts.call("raise", run_id, ask, [cursor.chain])
    return int(reply[0])


def _cut(record: dict[str, bytes | None]) -> Cut | None:
    if not record["cut_last"]:
        return None
    return Cut(
        _int(record["cut_from"]),
        _int(record["cut_to"]),
        _int(record["cut_bytes"]),
        _int(record["cut_entries"]),
        record["cut_chain"] or b"",
        EntryId.parse(record["cut_last"]),
    )


def _int(value: bytes | None) -> int:
    return int(value) if value else 0


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""
