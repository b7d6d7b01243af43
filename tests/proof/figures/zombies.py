"""A worker that sleeps past its lease and wakes up."""

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
from tests.support.waiting import wait_for
from tests.support.worker import exists

#: Runs of one sleeping worker; two workers sleep one after another.
RUNS = 10


def measure() -> list[Figure]:
    """SIGSTOP to everything of a worker until its runs have a second attempt elsewhere, then SIGCONT."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("redis", "notes"):
            (folder / part).mkdir()
        with (
            RedisServer(folder / "redis") as server,
            Installation(
                folder, server.url, services=("web",), lease_seconds=2.5, beat_seconds=0.5, cancel_grace_seconds=2.0
            ) as fleet,
        ):
            first = fleet.add(concurrency=RUNS).wait_ready()
            ids = [fleet.start("f.restarts", {"folder": str(folder / "notes"), "interval": 0.005}) for _ in range(RUNS)]
            fleet.wait_running(ids)
            second = fleet.add(concurrency=RUNS).wait_ready()
            took, accepted, fenced = sleep_and_wake(fleet, folder / "notes", first, ids)
            # The first one is free again: it takes what the second one loses.
            more, more_accepted, more_fenced = sleep_and_wake(fleet, folder / "notes", second, ids)
            took, accepted, fenced = took + more, accepted + more_accepted, fenced + more_fenced
            (folder / "notes" / "stop").touch()
            ended = fleet.wait_ended(ids)
            succeeded = sum(run.state == "succeeded" for run in ended)
    count = len(took)
    return [
        Figure("worker asleep past its lease wakes up: old output accepted", f"{accepted} lines in {count} runs", "0",
               accepted == 0 and succeeded == RUNS),
        Figure("worker asleep past its lease wakes up: the old task is ended",
               f"{count} of {count}, after at most {max(took):.1f} s; fenced in its metrics: {fenced:.0f}",
               "all, <= 5 s, > 0", max(took) <= 5 and fenced > 0),
    ]  # fmt: skip


def sleep_and_wake(
    fleet: Installation, notes: Path, member: CeleryWorker, ids: list[str]
) -> tuple[list[float], int, float]:
    """Return how long each old task lived on, how much of its output was accepted, and the metric of fenced runs."""
    attempts = {run.id: run.number("attempt") for run in fleet.wait_running(ids)}

    def writing(attempt_of: dict[str, int]) -> bool:
        found = [Note.read(notes, run_id, attempt) for run_id, attempt in attempt_of.items()]
        return all(note is not None and note.lines > 100 for note in found)

    wait_for(lambda: writing(attempts), 60)
    pids = {}
    for run_id in ids:
        note = Note.read(notes, run_id, attempts[run_id])
        assert note is not None
        pids[run_id] = note.pid
    member.signal_all(signal.SIGSTOP)
    asleep = {run_id: Note.read(notes, run_id, attempts[run_id]) for run_id in ids}
    wait_for(lambda: writing({run_id: attempt + 1 for run_id, attempt in attempts.items()}), 120,
             lambda: [fleet.find(run_id).summary() for run_id in ids])  # type: ignore[union-attr]  # fmt: skip
    woken_at = time.monotonic()
    member.signal_all(signal.SIGCONT)
    ended: dict[str, float] = {}

    def all_ended() -> bool:
        for run_id in ids:
            if run_id not in ended and not exists(pids[run_id]):
                ended[run_id] = time.monotonic() - woken_at
        return len(ended) == len(ids)

    wait_for(all_ended, 60, member.process.evidence)
    accepted = 0
    for run_id in ids:
        note = asleep[run_id]
        assert note is not None
        stored = Stored.parse(fleet.output(run_id), attempts[run_id])
        accepted += sum(number > note.lines + 1 for number, _ in stored.lines) + (not stored.whole)
    return list(ended.values()), accepted, member.metric("runtail_worker_fenced_total")
