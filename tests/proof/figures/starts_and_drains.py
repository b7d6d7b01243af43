"""A worker that is told to stop, and one that starts while the store is away."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path

from tests.proof.figures import Figure
from tests.support.celery_worker import CeleryWorker
from tests.support.counted import Note, Stored
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for

DRAINS = 50
AT_ONCE = 10
#: How long the store is away, in seconds: more than Celery waits between its first tries together.
AWAY_SECONDS = 40.0


def measure() -> list[Figure]:
    """Both."""
    return [*drains(), *starts()]


def drains() -> list[Figure]:
    """Half of the workers may finish their task; the others are told to hurry (SIGQUIT), as at the end of a grace."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("redis", "notes", "hurried"):
            (folder / part).mkdir()
        with RedisServer(folder / "redis") as server, Installation(folder, server.url) as fleet:
            missing, finished, interrupted, exits = 0, 0, 0, 0
            for first in range(0, DRAINS, AT_ONCE):
                missing_now, finished_now, interrupted_now, exits_now = batch(fleet, folder, first)
                missing, finished = missing + missing_now, finished + finished_now
                interrupted, exits = interrupted + interrupted_now, exits + exits_now
    return [
        Figure(f"worker told to stop (SIGTERM) {DRAINS} times: missing of what its tasks had written",
               f"{missing} bytes", "0", missing == 0),
        Figure("worker told to stop: tasks within their grace end as succeeded, the others with a marker",
               f"{finished} succeeded, {interrupted} marked as interrupted; {exits} workers left in order",
               f"{DRAINS // 2} and {DRAINS // 2}", finished == interrupted == DRAINS // 2),
    ]  # fmt: skip


def batch(fleet: Installation, folder: Path, first: int) -> tuple[int, int, int, int]:
    """Drain some workers at a time; return missing bytes, runs that succeeded, that were interrupted, orderly exits."""
    members: dict[str, CeleryWorker] = {}
    hurried: set[str] = set()
    for number in range(first, first + AT_ONCE):
        member = fleet.add(queue=f"queue{number}")
        notes = folder / ("hurried" if number % 2 else "notes")
        run_id = fleet.send("f.counts", str(notes), 0.001, queue=f"queue{number}")
        members[run_id] = member
        if number % 2:
            hurried.add(run_id)

    def note_of(run_id: str) -> Note | None:
        return Note.read(folder / ("hurried" if run_id in hurried else "notes"), run_id)

    def written(lines: int) -> bool:
        return all(note is not None and note.lines >= lines for note in map(note_of, members))

    (folder / "notes" / "stop").unlink(missing_ok=True)
    wait_for(lambda: written(200), 120, lambda: "\n".join(member.process.evidence() for member in members.values()))
    for member in members.values():
        member.process.signal(signal.SIGTERM)
    seen = {run_id: note.lines for run_id in members if (note := note_of(run_id)) is not None}
    # They go on writing while they are drained.
    wait_for(lambda: all(note.lines > seen[run_id] + 100 for run_id in members if (note := note_of(run_id))), 60)
    (folder / "notes" / "stop").touch()
    for run_id in hurried:
        members[run_id].process.signal(signal.SIGQUIT)
    exits = sum(member.process.wait(60) == 0 for member in members.values())
    runs = fleet.wait_ended(list(members), 60)
    missing = 0
    for run in runs:
        note = note_of(run.id)
        assert note is not None
        missing += Stored.parse(fleet.output(run.id)).missing_bytes(note)
    interrupted = sum(bool(fleet.events(run_id, "interrupted")) for run_id in hurried)
    return missing, sum(run.state == "succeeded" for run in runs if run.id not in hurried), interrupted, exits


def starts() -> list[Figure]:
    """The reference worker starts first, the store long after it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = RedisServer(folder / "redis")
        with Installation(folder, server.url, app="runtail_worker.app") as fleet:
            member = fleet.add(environment={"RUNTAIL_HEALTH_DIR": str(folder / "health")})
            wait_for(lambda: member.get("/healthz")[0] == 200, 60, member.process.evidence)
            answers: set[int] = set()

            def waits() -> bool:
                answers.add(member.get("/readyz")[0])
                return member.process.is_running() and not (folder / "health" / "ready").exists()

            shipper = member.shipper().pid
            stays(waits, AWAY_SECONDS, member.process.evidence, interval_seconds=0.25)
            tries = member.process.output().count("Trying again in")
            with server:
                began = time.monotonic()
                run_id = fleet.send("demo.binary")
                fleet.wait([run_id], lambda run: run.state != "queued", 60)
                took = time.monotonic() - began
                fleet.wait_ended([run_id])
                ready = member.get("/readyz")[0]
                same = member.shipper().pid == shipper and member.process.is_running()
    return [
        Figure(f"worker started while Redis is away for {AWAY_SECONDS:.0f} s: readiness meanwhile, restarts",
               f"{sorted(answers)}, then {ready}; {'none' if same else 'some'}, {tries} tries told in its log",
               "503, none", answers == {503} and ready == 200 and same),
        Figure("worker started while Redis is away: takes a task, after Redis is there", f"{took:.1f} s", "<= 10 s",
               took <= 10),
    ]  # fmt: skip
