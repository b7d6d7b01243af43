"""The store's copy of the audit log, read page by page."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import orjson

from runtail.auth.audit_entry import MAX_RUN_BYTES, MAX_RUN_CHARS, Entry, cleaned
from runtail.auth.audit_stream import FIELD
from runtail.store import Store, store_errors

#: Entries are read in groups of this size.
SCAN_COUNT: Final = 500
#: One page looks at this many entries at most, however few of them are wanted.
MAX_SCANNED: Final = 20_000
#: An entry may reach the store this much later than it says, or earlier, by another clock.
SLACK_MS: Final = 3_600_000

_KINDS: Final = {field.name: int if field.name in ("t_ms", "count") else str for field in fields(Entry)}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the stream: after this entry, towards older ones. It stays valid if the entry is removed."""

    ms: int
    number: int

    @property
    def id(self) -> str:
        """The entry's id in the stream."""
        return f"{self.ms}-{self.number}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; a field that is None does not matter."""

    #: A part of the name or the id of who did it, case-insensitive.
    who: str | None = None
    events: frozenset[str] | None = None
    #: The run's whole id.
    run: str | None = None
    #: At this time (ms) or later, by the entry's own clock.
    since_ms: int | None = None
    #: Before this time (ms).
    until_ms: int | None = None

    def accepts(self, entry: Entry) -> bool:
        """Tell whether an entry is wanted."""
        return (
            (self.who is None or _has(entry.who, self.who) or _has(entry.who_id, self.who))
            and (self.events is None or entry.event in self.events)
            and (self.run is None or entry.run == cleaned(self.run, MAX_RUN_CHARS, MAX_RUN_BYTES))
            and (self.since_ms is None or entry.t_ms >= self.since_ms)
            and (self.until_ms is None or entry.t_ms < self.until_ms)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the audit log."""

    entries: list[tuple[Place, Entry]]
    #: Where to continue; None at the end. A page may be short, or even empty, without being the last.
    following: Place | None


def read_page(store: Store, wanted: Wanted, *, limit: int, after: Place | None = None) -> Page:
    """Return entries, the newest first, in the order in which the store got them.

    Look at :data:`MAX_SCANNED` entries at most. Those that cannot be read are left out and counted.

    :param after: the place where the previous page ended.
    :raises StoreUnavailable: if the server did not answer.
    """
    top = "+" if wanted.until_ms is None else str(wanted.until_ms + SLACK_MS)
    if after is not None and (wanted.until_ms is None or after.ms <= wanted.until_ms + SLACK_MS):
        top = f"({after.id}"
    bottom = "-" if wanted.since_ms is None else str(max(0, wanted.since_ms - SLACK_MS))
    found: list[tuple[Place, Entry]] = []
    scanned = 0
    place: Place | None = after
    while scanned < MAX_SCANNED:
        with store_errors():
            rows: Any = store.client.xrevrange(store.keys.audit(), top, bottom, count=SCAN_COUNT)
        for row_id, values in rows:
            place, scanned = _place(row_id), scanned + 1
            entry = _entry(store, row_id, values)
            if entry is not None and wanted.accepts(entry):
                found.append((place, entry))
                if len(found) == limit:
                    return Page(found, place)
        if len(rows) < SCAN_COUNT:
            return Page(found, None)
        assert place is not None
        top = f"({place.id}"
    return Page(found, place)


def _has(text: str, part: str) -> bool:
    return part.casefold() in text.casefold()


def _place(row_id: bytes) -> Place:
    ms, _, number = row_id.decode("ascii").partition("-")
    return Place(int(ms), int(number))


def _entry(store: Store, row_id: bytes, values: dict[bytes, bytes]) -> Entry | None:
    try:
        # Members that another version added are left out, and those that it does not have are empty.
        read = orjson.loads(values.get(FIELD, b""))
        if not isinstance(read, dict):
            raise ValueError("it is not an object")
        known = {name: read[name] for name in _KINDS if name in read}
        for name, value in known.items():
            if not isinstance(value, _KINDS[name]) or isinstance(value, bool):
                raise ValueError(f"{name} is not of type {_KINDS[name].__name__}")
        return Entry(**known)
    except (ValueError, TypeError) as error:
        store.skip("audit", row_id, error)
        return None
