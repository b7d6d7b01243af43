"""How long each fault kept lines from viewers who wanted them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

#: A fault is blamed for what was written from its beginning until so long after its healing.
AFTER_SECONDS = 2.0


def delays(records: Iterable[Mapping[str, Any]], unix_offset: float) -> list[tuple[float, float]]:
    """Return (since when it was missing, for how long), monotonic seconds, of every entry at every viewer.

    It is missing from when it was written, or from when the viewer came back of its own accord; the loss of a
    connection is no excuse.

    :param unix_offset: Unix time minus monotonic time.
    """
    wants_since: dict[tuple[str, str], float] = {}
    found = []
    for record in records:
        key, at = (record["subscriber"], record["run"]), float(record["at"])
        if record.get("left") == "its own wish":
            wants_since.pop(key, None)
            continue
        since = wants_since.setdefault(key, at)
        for item in record.get("message", {}).get("entries", ()):
            if "cut" not in item:
                missing = max(item["t"] / 1000 - unix_offset, since)
                found.append((missing, at - missing))
    return found


def by_fault(
    records: Iterable[Mapping[str, Any]], faults: Iterable[Mapping[str, Any]], began: float, unix_offset: float
) -> dict[str, list[float]]:
    """Return the longest delay in seconds for every fault, by kind; of faults that overlap with no other.

    :param faults: ``kind``, ``at`` and ``seconds`` of a schedule.
    :param began: monotonic seconds at which the schedule began.
    :param unix_offset: Unix time minus monotonic time.
    """
    spans = [(fault["at"], fault["at"] + fault["seconds"] + AFTER_SECONDS, fault["kind"]) for fault in faults]
    all_delays = [(missing - began, delay) for missing, delay in delays(records, unix_offset)]
    found: dict[str, list[float]] = defaultdict(list)
    for begin, end, kind in spans:
        if any(other != (begin, end, kind) and other[0] < end and begin < other[1] for other in spans):
            continue
        inside = [delay for missing, delay in all_delays if begin - 0.1 <= missing <= end]
        if inside:
            found[kind].append(round(max(inside), 2))
    return dict(found)
