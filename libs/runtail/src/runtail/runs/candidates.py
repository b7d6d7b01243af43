"""Where a page of the list comes from: the index if it is exact, else the records, one after another.

The index has sorted sets of runs for each state, thing (task, queue and declared labels), person, added label and
root. Those of one condition, the one that fewest runs meet, give the candidates; their rows in the index decide the
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import orjson

from runtail.labels import ADDED, DECLARED, declared_in
from runtail.runs.family import ROOT
from runtail.runs.filter import Filter, Place
from runtail.runs.index import is_ready
from runtail.store import Store, store_errors

#: The fields that a filter needs: the parameters of :meth:`Filter.accepts` without the last two.
_FIELDS = ["state", "task", "who", "queue", "who_id", DECLARED]
#: To read from one more set costs as much as to look at this many runs.
_SET_COST: Final = 20
#: A condition with more sets is not looked for by them.
_MOST_SETS: Final = 200
#: Runs that meet several conditions are intersected by the server if there are fewer.
_MOST_FEW: Final = 1000


class Source(Protocol):
    """Candidates for a page in the order of the list, and which of them are wanted."""

    def places(self, after: Place | None, count: int) -> tuple[list[Place], bool]:
        """Return the next candidates, more than *count* of them or the last, and True if there are no more."""

    def accepted(self, places: Sequence[Place]) -> list[bool]:
        """Tell for each candidate whether it is wanted."""


def source_of(store: Store, wanted: Filter) -> Source:
    """Return where to read a page from.

    :raises StoreUnavailable: if the server did not answer.
    """
    if not wanted.reads_records:
        return _AllRuns(store, wanted)
    if is_ready(store):
        return _Indexed(store, wanted)
    return _Records(store, wanted)


def indexed(store: Store, wanted: Filter) -> Source:
    """Return the candidates that the index has.

    :raises StoreUnavailable: if the server did not answer.
    """
    return _Indexed(store, wanted)


class _Sets:
    """The union of sorted sets of runs, within the filter's times."""

    def __init__(self, store: Store, wanted: Filter, keys: Sequence[str]) -> None:
        self._store, self._wanted, self._keys = store, wanted, keys

    def places(self, after: Place | None, count: int) -> tuple[list[Place], bool]:
        wanted = self._wanted
        bottom, top = wanted.scores
        if after is not None and (wanted.until_ms is None or after.created_ms < wanted.until_ms):
            top = str(after.created_ms)
        if not self._keys:
            return [], True
        # Of several sets each has a part of the next runs.
        many = 2 + (max(2 * count // len(self._keys), 8) if len(self._keys) > 1 else count)
        while True:
            with store_errors():
                pipeline = self._store.client.pipeline(transaction=False)
                for key in self._keys:
                    pipeline.zrange(key, top, bottom, desc=True, byscore=True, offset=0, num=many, withscores=True)
                replies: list[Any] = pipeline.execute()
            chosen, all_read = _merged(replies, many)
            if after is not None:
                chosen = [place for place in chosen if place < after]
            if len(chosen) > count or all_read:
                return chosen, all_read
            # Many runs share the place's millisecond and come before it, or most are in a few of the sets.
            many *= 2


def _merged(replies: Sequence[Any], many: int) -> tuple[list[Place], bool]:
    """Merge what sets said, as far down as all of them were read; return True if all were read to their ends."""
    lists = [[Place(int(created_ms), run_id) for run_id, created_ms in rows] for rows in replies]
    depths = [places[-1] for places in lists if len(places) == many]
    if len(lists) == 1:
        return lists[0], not depths
    depth = max(depths, default=Place(-1, b""))
    return sorted({place for places in lists for place in places if place >= depth}, reverse=True), not depths


class _AllRuns(_Sets):
    """All runs of a time, without looking at any."""

    def __init__(self, store: Store, wanted: Filter) -> None:
        super().__init__(store, wanted, [store.keys.runs()])

    def accepted(self, places: Sequence[Place]) -> list[bool]:
        return [True] * len(places)


class _Records(_AllRuns):
    """The runs whose records are as wanted."""

    def accepted(self, places: Sequence[Place]) -> list[bool]:
        store, wanted = self._store, self._wanted
        # (No label has an empty key.)
        fields = [*_FIELDS, f"{ADDED}{wanted.label[0] if wanted.label else ''}", ROOT]
        with store_errors():
            pipeline = store.client.pipeline(transaction=False)
            for place in places:
                pipeline.hmget(store.keys.run(place.run_id.decode("utf-8", "replace")), fields)
            rows: list[Any] = pipeline.execute()
        # A run whose record is gone is not wanted.
        return [
            row[0] is not None
            and wanted.has_id(place.run_id)
            and wanted.accepts(*((value or b"").decode("utf-8", "replace") for value in row))
            for place, row in zip(places, rows, strict=True)
        ]


class _Indexed:
    """Candidates from the index."""

    def __init__(self, store: Store, wanted: Filter) -> None:
        self._wanted, self._rows = wanted, Rows(store, wanted)
        choices = _choices(store, self._rows, wanted)
        self._sets = _Sets(store, wanted, min(choices, key=lambda choice: choice.cost).keys)
        self._few = _few_by_id(store, wanted)
        if self._few is None:
            self._few = _few_in_all(store, wanted, choices)

    def places(self, after: Place | None, count: int) -> tuple[list[Place], bool]:
        if self._few is None:
            return self._sets.places(after, count)
        return [place for place in self._few if after is None or place < after], True

    def accepted(self, places: Sequence[Place]) -> list[bool]:
        rows = self._rows.read([place.run_id for place in places])
        return [
            row is not None and self._wanted.has_id(place.run_id) and self._rows.accept(row)
            for place, row in zip(places, rows, strict=True)
        ]


class Rows:
    """What the index has of runs: their state, thing, person, added labels as ``key:value``, and root as ``:id``."""

    def __init__(self, store: Store, wanted: Filter) -> None:
        self._store, self._wanted = store, wanted
        self._alike = replace(wanted, states=None, label=None, root=None)
        #: By thing and person: whether such runs are wanted, apart from states and labels.
        self._known: dict[tuple[str, str], bool] = {}
        #: Task, queue and declared labels, by digest.
        self.things: dict[str, tuple[str, str, str]] = {}
        #: Name and id, by digest.
        self.people: dict[str, tuple[str, str]] = {}
        self._read_meanings()

    def _read_meanings(self) -> None:
        with store_errors():
            pipeline = self._store.client.pipeline(transaction=False)
            pipeline.hgetall(self._store.keys.index("things"))
            pipeline.hgetall(self._store.keys.index("people"))
            found: list[dict[bytes, bytes]] = pipeline.execute()
        things, people = ({digest.decode(): _texts(text) for digest, text in one.items()} for one in found)
        self.things = {digest: (task, queue, labels) for digest, (task, queue, labels) in things.items()}
        self.people = {digest: (who, who_id) for digest, (who, who_id) in people.items()}

    def read(self, run_ids: Sequence[bytes]) -> list[list[str] | None]:
        """Return the rows of runs; None for a run that is gone.

        :raises StoreUnavailable: if the server did not answer.
        """
        if not run_ids:
            return []
        with store_errors():
            found: Any = self._store.client.hmget(self._store.keys.index("rows"), run_ids)
        # (The row of a run whose record has expired is empty.)
        rows = [(_texts(row) or None) if row is not None else None for row in found]
        if any(row is not None and (row[1] not in self.things or row[2] not in self.people) for row in rows):
            self._read_meanings()  # some are new
        return rows

    def accept(self, row: Sequence[str]) -> bool:
        """Tell whether a run is wanted, apart from its time and its id."""
        state, thing, person, *added = row
        states, label, root = self._wanted.states, self._wanted.label, self._wanted.root
        return (
            (states is None or state in states)
            and self.fits(thing, person)
            and (label is None or self._has_label(label, thing, added))
            and (root is None or f":{root}" in added)
        )

    def fits(self, thing: str, person: str = "") -> bool:
        """Tell whether the runs of a person with a thing are wanted, apart from states and labels."""
        known = self._known.get((thing, person))
        if known is None:
            task, queue, labels = self.things.get(thing, ("", "", ""))
            who, who_id = self.people.get(person, ("", ""))
            known = self._known[thing, person] = self._alike.accepts("", task, who, queue, who_id, labels)
        return known

    def _has_label(self, label: tuple[str, str], thing: str, added: Sequence[str]) -> bool:
        declared = declared_in(self.things.get(thing, ("", "", ""))[2])
        key, value = label
        return declared[key] == value if key in declared else f"{key}:{value}" in added


def _texts(text: bytes) -> list[str]:
    # Any client of the store may have written a record; what is no UTF-8 stands in the index as it was.
    texts: list[str] = orjson.loads(text.decode("utf-8", "replace"))
    return texts


@dataclass(frozen=True, slots=True)
class _Choice:
    """The sets in which all runs are that meet one condition."""

    keys: list[str]
    cost: int


def _choices(store: Store, rows: Rows, wanted: Filter) -> list[_Choice]:
    """Return the conditions by which runs can be looked for; the first one is that there is no condition."""
    found = [[store.keys.runs()]]
    found += [[store.keys.index(name) for name in names] for names in _named(rows, wanted) if len(names) <= _MOST_SETS]
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for keys in found:
            for key in keys:
                pipeline.zcount(key, *wanted.scores)
        sizes = iter(pipeline.execute())
    return [_Choice(keys, sum(next(sizes) for _ in keys) + _SET_COST * len(keys)) for keys in found]


def _named(rows: Rows, wanted: Filter) -> Iterator[list[str]]:
    """Yield for each condition the names of its sets."""
    if wanted.states is not None:
        yield [f"state:{state}" for state in wanted.states]
    if wanted.who is not None:
        yield [f"person:{digest}" for digest, (who, _) in rows.people.items() if wanted.has_who(who)]
    if wanted.label is not None:
        key, value = wanted.label
        declared = [digest for digest, (_, _, labels) in rows.things.items() if declared_in(labels).get(key) == value]
        yield [f"label:{key}:{value}", *(f"thing:{digest}" for digest in declared)]
    if wanted.root is not None:
        yield [f"label::{wanted.root}"]
    if wanted.task is None and wanted.visible is None:
        return
    things = {digest: thing for digest, thing in rows.things.items() if wanted.has_task(thing[0])}
    if wanted.visible is not None:
        others = {digest for digest, thing in things.items() if wanted.visible(*thing, "")}
        own = {digest for digest, thing in things.items() if wanted.visible(*thing, wanted.asker)}
        things = {digest: thing for digest, thing in things.items() if digest in others | own}
        if not others:
            yield [f"person:{digest}" for digest, (_, who_id) in rows.people.items() if who_id == wanted.asker]
    yield [f"thing:{digest}" for digest in things]


def _few_by_id(store: Store, wanted: Filter) -> list[Place] | None:
    """Return the runs whose ids begin as wanted; None if they are many, or if any id will do."""
    if wanted.id_prefix is None:
        return None
    prefix = wanted.id_prefix.encode()
    with store_errors():
        # (No UTF-8 has this byte.)
        found: Any = store.client.zrange(
            store.keys.index("ids"), b"[" + prefix, b"(" + prefix + b"\xff", bylex=True, offset=0, num=_MOST_FEW
        )
        if len(found) == _MOST_FEW:
            return None
        scores: Any = store.client.zmscore(store.keys.runs(), found) if found else []
    made = ((run_id, int(score)) for run_id, score in zip(found, scores, strict=True) if score is not None)
    return sorted((Place(at, run_id) for run_id, at in made if wanted.within(at)), reverse=True)


def _few_in_all(store: Store, wanted: Filter, choices: Sequence[_Choice]) -> list[Place] | None:
    """Return the runs that are in the sets of all conditions with one set; None if they are many."""
    sets = [choice.keys[0] for choice in choices[1:] if len(choice.keys) == 1]
    if len(sets) < 2:
        return None
    with store_errors():
        count: Any = store.client.zintercard(len(sets), sets, limit=_MOST_FEW)
        if count == _MOST_FEW:
            return None
        # They all have the time of creation as the score.
        rows: Any = store.client.zinter(sets, aggregate="MIN", withscores=True)
    places = (Place(int(created_ms), run_id) for run_id, created_ms in rows)
    return sorted((place for place in places if wanted.within(place.created_ms)), reverse=True)
