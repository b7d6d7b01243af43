"""How many wanted runs there are in each state: from the index, without looking at each run where that is possible."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from runtail.labels import declared_in
from runtail.protocol import RunState
from runtail.runs.candidates import Rows, indexed
from runtail.runs.filter import Filter
from runtail.runs.index import is_ready
from runtail.store import Store, store_errors

#: To count the runs of a label or a time, at most this many are looked at.
MAX_COUNTED: Final = 5000
#: And to count those of people, if that is not more work than to read how many each person has of each task.
MOST_OF_PEOPLE: Final = 2000
#: The server intersects at most so many combinations of sets, if it looks at no more than so many members.
_MOST_COMBINATIONS: Final = 120
_MOST_MEMBERS: Final = 40_000


def count_states(store: Store, wanted: Filter) -> dict[str, int] | None:
    """Return how many wanted runs there are in each state, whatever states the filter names.

    :returns: None if the index is being built, or if more than :data:`MAX_COUNTED` runs would have to be looked at.
    :raises StoreUnavailable: if the server did not answer.
    """
    if not is_ready(store):
        return None
    wanted = replace(wanted, states=None)
    rows = Rows(store, wanted)
    anytime = all(one is None for one in (wanted.since_ms, wanted.until_ms, wanted.id_prefix, wanted.root))
    counts = _counted(store, rows, wanted) if anytime else None
    if counts is None:
        by_groups = anytime and wanted.label is None
        source = indexed(store, wanted)
        places, ended = source.places(None, MOST_OF_PEOPLE if by_groups else MAX_COUNTED)
        if ended:
            found = rows.read([place.run_id for place in places if wanted.has_id(place.run_id)])
            counts = Counter(row[0] for row in found if row is not None and rows.accept(row))
        elif by_groups:
            # There are far more groups with people than without.
            counts = _in_groups(store, rows, "groups")
        else:
            return None
    return {str(state): counts[state] for state in RunState}


def _counted(store: Store, rows: Rows, wanted: Filter) -> Counter[str] | None:
    """Return the numbers without looking at a run; None if that is not possible, or more work."""
    if _depends_on_asker(rows, wanted):
        return None
    things, label = _things(store, rows, wanted)
    if things is None:
        return None
    if wanted.who is None and not label:
        return _in_groups(store, rows, "totals", frozenset(things))
    # Each run has one thing, and one person: what the combinations have in common is in no two of them.
    conditions = [label] if label else []
    if wanted.who is not None:
        people = [digest for digest, (who, _) in rows.people.items() if wanted.has_who(who)]
        conditions.append([f"person:{digest}" for digest in people])
    if len(things) < len(rows.things):
        conditions.append([f"thing:{digest}" for digest in things])
    combinations = list(itertools.islice(itertools.product(*conditions), _MOST_COMBINATIONS + 1))
    return _intersected(store, combinations) if len(combinations) <= _MOST_COMBINATIONS else None


def _things(store: Store, rows: Rows, wanted: Filter) -> tuple[list[str] | None, list[str]]:
    """Return the things that are wanted, and the set of runs that have the label besides, if there is one.

    None for the things if only the runs themselves tell: a label that some tasks declare counts, of those that do,
    only as they declare it.
    """
    visible = wanted.visible
    things = [
        digest
        for digest, thing in rows.things.items()
        if wanted.has_task(thing[0]) and (visible is None or visible(*thing, ""))
    ]
    if wanted.label is None:
        return things, []
    key, value = wanted.label
    added = f"label:{key}:{value}"
    declared = {digest: declared_in(labels) for digest, (_, _, labels) in rows.things.items()}
    if not any(key in labels for labels in declared.values()):
        return things, [added]
    with store_errors():
        is_added = bool(store.client.exists(store.keys.index(added)))
    return None if is_added else [digest for digest in things if declared[digest].get(key) == value], []


def _intersected(store: Store, combinations: Sequence[Sequence[str]]) -> Counter[str] | None:
    """Return how many runs of each state are in all sets of a combination; None if these are large."""
    names = sorted({name for names in combinations for name in names})
    states = [f"state:{state}" for state in RunState]
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for name in (*names, *states):
            pipeline.zcard(store.keys.index(name))
        sizes = dict(zip((*names, *states), pipeline.execute(), strict=True))
    asked = list(itertools.product(states, combinations))
    if sum(min(sizes[state], *(sizes[name] for name in others)) for state, others in asked) > _MOST_MEMBERS:
        return None
    with store_errors():
        pipeline = store.client.pipeline(transaction=False)
        for state, others in asked:
            pipeline.zintercard(1 + len(others), [store.keys.index(name) for name in (state, *others)])
        found: list[int] = pipeline.execute()
    counts: Counter[str] = Counter()
    for (state, _), number in zip(asked, found, strict=True):
        counts[state.removeprefix("state:")] += number
    return counts


def _in_groups(store: Store, rows: Rows, name: str, things: frozenset[str] | None = None) -> Counter[str]:
    with store_errors():
        found: Any = store.client.hgetall(store.keys.index(name))
    counts: Counter[str] = Counter()
    for state, thing, person, number in _groups(found):
        if thing in things if things is not None else rows.fits(thing, person):
            counts[state] += number
    return counts


def _groups(found: dict[bytes, bytes]) -> Iterator[tuple[str, str, str, int]]:
    for group, number in found.items():
        state, thing, *person = orjson.loads(group.decode("utf-8", "replace"))
        yield state, thing, person[0] if person else "", int(number)


def _depends_on_asker(rows: Rows, wanted: Filter) -> bool:
    """Tell whether somebody sees runs only because they are their own."""
    visible = wanted.visible
    return visible is not None and any(
        visible(*thing, "") != visible(*thing, wanted.asker)
        for thing in rows.things.values()
        if wanted.has_task(thing[0])
    )
