"""The clock of one service is an hour off, ahead or behind."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.proof.figures import Figure
from tests.proof.skew import skew_environment
from tests.support.celery_worker import ROOT
from tests.support.counted import Note, Stored
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import stays, wait_for

LEASE_SECONDS = 2.5
#: A run goes on for some leases, so that a lease that is judged by a wrong clock ends it.
WRITING_SECONDS = 4 * LEASE_SECONDS
SKEWED = (("worker", 1), ("worker", -1), ("web", 1), ("web", -1))


def measure() -> list[Figure]:
    """The worker, then web with the reaper."""
    names = [f"{part} {hours:+d} h" for part, hours in SKEWED]
    found = [measure_one(part, hours) for part, hours in SKEWED]
    errors = [error for error, _, _ in found]
    took = [seconds for _, seconds, _ in found]
    unharmed = sum(good for _, _, good in found)
    return [
        Figure(f"clock an hour off ({', '.join(names)}): times that the log shows are wrong by",
               f"{max(errors):.2f} s", "<= 1 s", max(errors) <= 1),
        Figure("clock an hour off: runs longer than their lease go on, in order", f"{unharmed} of {len(found)}", "all",
               unharmed == len(found)),
        Figure(f"clock an hour off: a dead worker's run is lost (lease of {LEASE_SECONDS} s)",
               f"after {min(took):.1f} to {max(took):.1f} s", f"{LEASE_SECONDS} to {2 * LEASE_SECONDS} s",
               min(took) >= LEASE_SECONDS - 0.5 and max(took) <= 2 * LEASE_SECONDS),
    ]  # fmt: skip


def measure_one(part: str, hours: int) -> tuple[float, float, bool]:
    """Return the error of shown times, after how long a dead worker's run was lost, and if one went on."""
    skew = skew_environment(hours, str(ROOT))
    if not skew:
        raise RuntimeError("libfaketime is not installed (apt install faketime)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for inner in ("redis", "notes", "never"):
            (folder / inner).mkdir()
        with (
            RedisServer(folder / "redis") as server,
            Installation(
                folder, server.url, services=("web",), environment=skew if part == "web" else None,
                lease_seconds=LEASE_SECONDS, beat_seconds=0.5,
            ) as fleet,
        ):  # fmt: skip
            member = fleet.add(concurrency=2, environment=skew if part == "worker" else None).wait_ready()
            sent_at = time.time()
            run_id = fleet.send("f.counts", str(folder / "notes"), 0.005)
            dying = fleet.send("f.counts", str(folder / "never"), 0.005)
            fleet.wait_running([run_id, dying])
            seen_at = time.time()
            stays(lambda: all(fleet.find(i).state == "running" for i in (run_id, dying)), WRITING_SECONDS,  # type: ignore[union-attr]
                  interval_seconds=0.2)  # fmt: skip
            (folder / "notes" / "stop").touch()
            (run,) = fleet.wait_ended([run_id])
            note = Note.read(folder / "notes", run_id)
            assert note is not None
            stored = Stored.parse(fleet.output(run_id))
            good = run.state == "succeeded" and run.number("attempt") == 1 and not stored.missing_bytes(note)
            error = wrong_by(fleet, run_id, 3600.0 * hours if part == "worker" else 0.0)
            started_at = run.number("started_ms") / 1000
            error = max(error, sent_at - started_at, started_at - seen_at)
            killed_at = time.monotonic()
            member.kill()
            wait_for(lambda: fleet.find(dying).state.terminal, 60)  # type: ignore[union-attr]
            return error, time.monotonic() - killed_at, good


def wrong_by(fleet: Installation, run_id: str, ahead_seconds: float) -> float:
    """How far the times of entries are from the true times of their first lines, in seconds.

    The middle of all entries: a wrong clock shifts every one of them, a busy machine reads a pipe late now and then.

    :param ahead_seconds: of the clock by which the task wrote its lines.
    """
    errors = []
    for entry in fleet.entries(run_id):
        if entry.type == "o":
            written_at = float(entry.payload.split(b"\n", 1)[0].split()[2]) - ahead_seconds
            errors.append(abs(entry.t_ms / 1000 - written_at))
    return statistics.median(errors)
