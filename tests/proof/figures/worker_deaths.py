"""Whole workers are killed, as the end of their container would: the default leases, one run each."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.proof.figures import Figure
from tests.support.celery_worker import CeleryWorker
from tests.support.counted import Note, Stored
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

WORKERS = 50
#: Started at a time; the next ones start while the leases of those before run out.
AT_ONCE = 5
#: Lines of each task before its worker dies; one every 2 ms.
LINES = 500


def measure() -> list[Figure]:
    """50 workers die."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("redis", "notes"):
            (folder / part).mkdir()
        with RedisServer(folder / "redis") as server, Installation(folder, server.url, services=("web",)) as fleet:
            killed_at: dict[str, float] = {}
            for first in range(0, WORKERS, AT_ONCE):
                killed_at |= batch(fleet, folder / "notes", first)
            return judge(fleet, folder / "notes", killed_at)


def batch(fleet: Installation, notes: Path, first: int) -> dict[str, float]:
    """Start some workers with a run each and kill them; return when each was killed, by run."""
    members: dict[str, CeleryWorker] = {}
    for number in range(first, first + AT_ONCE):
        member = fleet.add(queue=f"queue{number}")
        members[fleet.send("f.counts", str(notes), 0.002, queue=f"queue{number}")] = member

    def written() -> bool:
        found = [Note.read(notes, run_id) for run_id in members]
        return all(note is not None and note.lines >= LINES for note in found)

    wait_for(written, 120, lambda: "\n".join(member.process.evidence() for member in members.values()))
    killed_at = {}
    for run_id, member in members.items():
        processes = member.processes()
        killed_at[run_id] = time.time()
        for process in processes:
            process.kill()
        member.kill()
    return killed_at


def judge(fleet: Installation, notes: Path, killed_at: dict[str, float]) -> list[Figure]:
    """What the logs say afterwards."""
    runs = fleet.wait_ended(list(killed_at), 60)
    told, took, lost_ms, outside = 0, [], [], 0
    for run in runs:
        note = Note.read(notes, run.id)
        assert note is not None
        stored = Stored.parse(fleet.output(run.id))
        markers = fleet.event_entries(run.id, "worker-lost")
        told += run.state == "lost" and len(markers) == 1
        took.append(run.number("finished_ms") / 1000 - killed_at[run.id])
        # What had been written and is not there: from the last stored line to the last one written.
        lost_ms.append(max(0.0, note.at - stored.lines[-1][1]) * 1000)
        marker, said = markers[0]
        complete_until = (marker.t_ms - said["unflushed_ms"]) / 1000
        outside += not stored.whole or stored.lines[-1][1] + 0.01 < min(complete_until, note.at)
    lost_ms.sort()
    return [
        Figure("whole worker SIGKILLed (defaults): run is lost, with worker-lost",
               f"{told} of {len(runs)}, after {min(took):.1f} to {max(took):.1f} s; "
               f"{sum(run.state == 'running' for run in runs)} still running",
               "all, <= 15 s", told == len(runs) and max(took) <= 15),
        Figure("whole worker SIGKILLed: output that is missing",
               f"middle {lost_ms[len(lost_ms) // 2]:.0f} ms, at most {lost_ms[-1]:.0f} ms of writing",
               "<= 150 ms", lost_ms[-1] <= 150),
        Figure("whole worker SIGKILLed: missing output outside of what the marker says", f"{outside} of {len(runs)}",
               "0", outside == 0),
    ]  # fmt: skip
