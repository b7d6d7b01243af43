"""What only the nemesis can judge, because it knows what was started and written; the rest is the checker's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.proof.checker import check
from tests.proof.schedule import Fault

#: Events that say that lines may be missing.
EXPLAINS = re.compile(r'"kind":"(store-lost|overflow|worker-lost|interrupted)"')


#: Faults after which nobody may be left who could bring a run back that the store lost.
LETHAL = {"kill-main", "kill-worker", "term-worker", "kill-keeper", "kill-shipper", "stop-worker"}


def judge(records: list[dict[str, Any]], logs: dict[str, Any], counters: Path, faults: tuple[Fault, ...]) -> list[str]:
    """Return a sentence per violation.

    :param records: what the subscribers wrote down.
    :param logs: by run id: ``record`` (summary or None), ``epoch``, ``entries`` (wire form), ``told`` (what was
        started).
    :param counters: folder with a file per attempt that says how many lines left the task's process.
    """
    written: dict[tuple[str, int], int] = {}
    for path in counters.iterdir():
        run_id, _, attempt = path.name.rpartition(".")
        # Late output, of a program that outlived its task, is counted and not kept.
        if not ((logs.get(run_id) or {}).get("record") or {}).get("late_bytes"):
            written[run_id, int(attempt)] = int(path.read_text() or 0)
    found = [str(violation) for violation in check(records, logs, written=written)]
    for run_id, log in logs.items():
        found += _succeeded(run_id, log)
    if not LETHAL & {fault.kind for fault in faults}:
        begun = {run_id for run_id, _ in written}
        gone = {run_id for run_id, log in logs.items() if log["record"] is None}
        found += [f"completeness: {run_id} had begun and is gone" for run_id in sorted(begun & gone)]
    if not any("worker" in fault.target or fault.kind == "empty-redis" for fault in faults):
        # A failover takes the broker's queue back, too: a message that was taken may come again, honestly numbered.
        found += _lost(logs, again=any(fault.kind == "failover" for fault in faults))
    return found


def _lost(logs: dict[str, Any], *, again: bool) -> list[str]:
    """Faults of the store, of relays and of web end no run that had begun, and start none again."""
    found = []
    for run_id, log in logs.items():
        record, tries = log["record"], 2 if log["told"]["task"] == "proof.retried" else 1
        if record and str(record["why"]).startswith("rejected"):
            continue  # Celery could not publish the task's retry; that is an end, and the log says it
        if record and (record["state"] not in ("succeeded", "cancelled") or (record["attempt"] > tries and not again)):
            found.append(f"liveness: {run_id} is {record['state']} in attempt {record['attempt']}: {record['why']}")
    return found


def _succeeded(run_id: str, log: dict[str, Any]) -> list[str]:
    """A task that succeeded has written everything it was to write, in its last attempt."""
    record, told = log["record"], log["told"]
    if record is None or record["state"] != "succeeded" or record["cut"]:
        return []
    texts = [item.get("text", "") for item in log["entries"]]
    if any(EXPLAINS.search(text) for text in texts):
        return []
    wanted = told["lines"] // 2 if told["task"] == "proof.retried" else told["lines"]
    mark = f"{run_id}|{record['attempt']}|"
    have = sum(text.count(mark) for text in texts)
    return [] if have == wanted else [f"completeness: {run_id} succeeded with {have} of {wanted} lines in its last try"]
