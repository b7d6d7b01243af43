"""Entries of the audit log that would repeat: written once in a while."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from runtail.auth.audit_entry import Entry, Event
from runtail.counted import network_of

#: For how many seconds a process writes no second entry of the same kind about the same client, right, run and reason.
QUIET_SECONDS: Final[Mapping[Event, float]] = {
    "denied": 60.0,
    "log-read": 3600.0,
    "share-opened": 3600.0,
    "token-used": 86400.0,
}
#: The same for what failed: anybody can make it fail, as often as they like.
QUIET_FAILED_SECONDS: Final[Mapping[Event, float]] = {"login": 60.0, "session-ended": 60.0}
#: Events whose repetitions are counted: an entry with their number follows.
COUNTED: Final[frozenset[Event]] = frozenset(("denied", "share-opened", *QUIET_FAILED_SECONDS))
#: Of these, the ones of which each client's first of a kind is written, however many clients there are.
WRITTEN_AGAIN: Final[frozenset[Event]] = frozenset(("share-opened",))
#: Things remembered at most, by event. Beyond it, denials are counted together, and others are written again.
MOST_KEYS: Final = 1000
#: Of these, those of one client, and of all clients together that nobody knows: nobody can make so many that those of
#: somebody else are only counted.
MOST_OF_ONE: Final = 100
MOST_OF_UNKNOWN: Final = 500


@dataclass(slots=True)
class _Seen:
    entry: Entry
    until: float
    more: int = 0


class _Counted(OrderedDict[Hashable, _Seen]):
    """What was seen, with the number of things of each client, and of all that nobody knows (by an empty text)."""

    def __init__(self) -> None:
        super().__init__()
        self.by_client: Counter[str] = Counter()

    def __setitem__(self, key: Hashable, seen: _Seen) -> None:
        if key not in self:
            self.by_client.update(_counted_as(seen.entry))
        super().__setitem__(key, seen)

    def __delitem__(self, key: Hashable) -> None:
        for client in _counted_as(self[key].entry):
            self.by_client[client] -= 1
            if not self.by_client[client]:
                del self.by_client[client]
        super().__delitem__(key)

    def key_of(self, entry: Entry) -> tuple[Hashable, Entry]:
        """Return under which key an entry is remembered, and as which entry; with others if there are too many."""
        key = _key(entry)
        client, *unknown = _counted_as(entry)
        if key in self:
            return key, entry
        if self.by_client[client] >= MOST_OF_ONE:
            return client, _many_of_one(entry)
        if unknown and self.by_client[""] >= MOST_OF_UNKNOWN:
            return "", _many(entry, f"more different ones than {MOST_OF_UNKNOWN} of clients that nobody knows")
        return key, entry


class Repeats:
    """Remembers what was written. Not thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[Event, OrderedDict[Hashable, _Seen]] = {
            event: _Counted() if event in COUNTED else OrderedDict()
            for event in (*QUIET_SECONDS, *QUIET_FAILED_SECONDS)
        }

    def holds_back(self, entry: Entry, now: float) -> bool:
        """Return True if an entry is not to be written now.

        :param now: seconds of any clock that only goes forward.
        """
        quiet = _quiet_seconds(entry)
        if quiet is None:
            return False
        seen = self._seen[entry.event]
        key, as_entry = seen.key_of(entry) if isinstance(seen, _Counted) else (_key(entry), entry)
        found = seen.get(key)
        if found is None:
            if as_entry is not entry:
                seen[key] = found = _Seen(as_entry, now + quiet)
            elif len(seen) < MOST_KEYS or self._make_room(entry.event, now):
                seen[key] = _Seen(entry, now + quiet)
                return False
            else:
                # A client that tries thousands of runs must not be able to fill a disk.
                why = f"more different ones than the {MOST_KEYS} that are written one by one"
                found = seen.setdefault(None, _Seen(_many(entry, why), now + quiet))
        elif now >= found.until and not (found.more and entry.event in COUNTED):
            seen[key] = _Seen(as_entry, now + quiet)
            seen.move_to_end(key)
            return False
        found.more += 1
        return True

    def due(self, now: float, *, all_of_them: bool = False) -> list[Entry]:
        """Return the entries with the number of repetitions that were held back and whose time has come.

        :param all_of_them: also those whose time has not come.
        """
        result = []
        for event, seen in self._seen.items():
            for key, found in list(seen.items()):
                if now < found.until and not all_of_them:
                    break
                del seen[key]
                if found.more and event in COUNTED:
                    result.append(replace(found.entry, count=found.more))
                    # As long as it goes on, one entry in each period.
                    seen[key] = _Seen(found.entry, now + (_quiet_seconds(found.entry) or 0.0))
        return result

    def _make_room(self, event: Event, now: float) -> bool:
        """Forget the oldest thing if nothing is left to be said about it; return False if there is."""
        seen = self._seen[event]
        key, oldest = next(iter(seen.items()))
        if event in COUNTED - WRITTEN_AGAIN and (now < oldest.until or oldest.more):
            return False
        del seen[key]
        return True


def _quiet_seconds(entry: Entry) -> float | None:
    """Return for how long nothing more is written of the same kind; None: it is always written."""
    failed = QUIET_FAILED_SECONDS.get(entry.event) if entry.outcome == "failed" else None
    return QUIET_SECONDS.get(entry.event, failed)


def _key(entry: Entry) -> Hashable:
    # (Somebody without an id can have a name: the one that was typed at a login.)
    named = (entry.outcome, entry.who_id or (entry.address, entry.who), entry.right, entry.run, entry.why)
    return (*named, entry.address, entry.agent) if entry.event == "share-opened" else named


def _counted_as(entry: Entry) -> tuple[str, ...]:
    """Return what a denial is counted as: a client, and one more of those that nobody knows."""
    return (entry.who_id,) if entry.who_id else (f"address {network_of(entry.address)}", "")


def _many(entry: Entry, why: str) -> Entry:
    return Entry(entry.t_ms, entry.event, entry.outcome, why=why)


def _many_of_one(entry: Entry) -> Entry:
    why = f"more different ones than {MOST_OF_ONE} of one client"
    return replace(_many(entry, why), who_id=entry.who_id, who=entry.who, address=entry.address)
