"""How long each fault kept lines from viewers: from when a line was written until the first viewer had it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

#: A fault is blamed for what was written from its beginning until so long after its healing.
AFTER_SECONDS = 2.0


def first_seen(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Return per entry (run, id, digest) when it was written (Unix seconds) and first received (monotonic)."""
    seen: dict[tuple[str, str, str], tuple[float, float]] = {}
    for record in records:
        for item in record.get("message", {}).get("entries", ()):
            if "cut" in item or item["type"] != "o":
                continue
            key, at = (record["run"], item["id"], item["chain"]), float(record["at"])
            if key not in seen or at < seen[key][1]:
                seen[key] = (item["t"] / 1000, at)
    return seen


def by_fault(
    records: Iterable[Mapping[str, Any]], faults: Iterable[Mapping[str, Any]], began: float, unix_offset: float
) -> dict[str, list[float]]:
    """Return the longest delay in seconds for every fault, by kind; of faults that overlap with no other.

    :param faults: ``kind``, ``at`` and ``seconds`` of a schedule.
    :param began: monotonic seconds at which the schedule began.
    :param unix_offset: Unix time minus monotonic time.
    """
    spans = [(fault["at"], fault["at"] + fault["seconds"] + AFTER_SECONDS, fault["kind"]) for fault in faults]
    delays = [
        (written - unix_offset - began, at - (written - unix_offset)) for written, at in first_seen(records).values()
    ]
    found: dict[str, list[float]] = defaultdict(list)
    for begin, end, kind in spans:
        if any(other != (begin, end, kind) and other[0] < end and begin < other[1] for other in spans):
            continue
        inside = [delay for written, delay in delays if begin - 0.1 <= written <= end]
        if inside:
            found[kind].append(round(max(inside), 2))
    return dict(found)
