"""Reading a log's entries forwards or backwards without checking the chain, for callers that search in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runtail.protocol import OUTPUT, Entry, EntryId
from runtail.store import Store, store_errors


def forwards(store: Store, run_id: str, after: EntryId, until: EntryId, *, count: int = 32) -> Iterator[list[Entry]]:
    """Yield the entries after *after* up to *until*, in groups.

    :raises StoreUnavailable: if the server did not answer.
    """
    while after < until:
        with store_errors():
            rows: Any = store.client.xrange(store.keys.log(run_id), min=f"({after}", max=str(until), count=count)
        if not rows:
            return
        entries = _entries(rows)
        after = entries[-1].id
        yield entries


def backwards(store: Store, run_id: str, line: int, last: EntryId, *, count: int = 32) -> Iterator[list[Entry]]:
    """Yield the entries from the one that holds *line* back to the first, in groups, newest first.

    :param last: where a reader that wants the line after *line* begins.
    :raises StoreUnavailable: if the server did not answer.
    """
    with store_errors():
        rows: Any = store.client.xrange(store.keys.log(run_id), min=f"({last}", count=1)
    # An entry that holds both lines comes after that place.
    holding = [entry for entry in _entries(rows) if entry.type == OUTPUT and entry.from_line <= line]
    if holding:
        yield holding
    top = str(last)
    while True:
        with store_errors():
            rows = store.client.xrevrange(store.keys.log(run_id), max=top, count=count)
        if not rows:
            return
        entries = _entries(rows)
        top = f"({entries[-1].id}"
        yield entries


def _entries(rows: Any) -> list[Entry]:
    return [Entry.from_fields(EntryId.parse(id_), fields) for id_, fields in rows]
