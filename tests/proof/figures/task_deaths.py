"""A task's process is killed, cancelled, or leaves somebody behind who holds its pipe."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from runtail.runs.cancel import cancel
from tests.proof.figures import Figure
from tests.support.counted import Note, Stored
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

#: Tasks at a time; the rest of a count comes in rounds.
AT_ONCE = 10


def measure() -> list[Figure]:
    """All three, on one worker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "notes").mkdir()
        with (
            RedisServer(folder / "redis") as server,
            Installation(folder, server.url, cancel_grace_seconds=1.0) as fleet,
        ):
            fleet.add(concurrency=AT_ONCE).wait_ready()
            return [*killed(fleet, folder / "notes"), *cancelled(fleet, folder / "notes"), *left_behind(fleet)]


def notes_of(folder: Path, run_ids: list[str], lines: int = 200) -> dict[str, Note]:
    """Wait until every task has written so many lines; return what they noted."""

    def look() -> dict[str, Note] | None:
        found = {run_id: Note.read(folder, run_id) for run_id in run_ids}
        there = {run_id: note for run_id, note in found.items() if note is not None and note.lines >= lines}
        return there if len(there) == len(run_ids) else None

    found = wait_for(look, 60)
    assert found is not None
    return found


def killed(fleet: Installation, folder: Path, times: int = 50) -> list[Figure]:
    """SIGKILL of task processes in the middle of their writing."""
    missing, took, good = 0, [], 0
    for _ in range(times // AT_ONCE):
        ids = [fleet.send("f.counts", str(folder)) for _ in range(AT_ONCE)]
        notes = notes_of(folder, ids)
        killed_at = {}
        for run_id in ids:
            os.kill(notes[run_id].pid, signal.SIGKILL)
            killed_at[run_id] = time.time()
        for run in fleet.wait_ended(ids):
            note = Note.read(folder, run.id)
            assert note is not None
            missing += Stored.parse(fleet.output(run.id)).missing_bytes(note)
            took.append(run.number("finished_ms") / 1000 - killed_at[run.id])
            good += run.state == "failed" and run.number("signal") == signal.SIGKILL
    return [
        Figure("task's process SIGKILLed: missing of what it had written", f"{missing} bytes in {times}", "0",
               not missing),
        Figure("task's process SIGKILLed: ends as failed, signal 9",
               f"{good} of {times}, after at most {max(took):.2f} s", "all, <= 2 s", good == times and max(took) <= 2),
    ]  # fmt: skip


def cancelled(fleet: Installation, folder: Path, times: int = 100) -> list[Figure]:
    """Cancel: every second task ignores TERM and is killed after the grace."""
    kept, states = 0, 0
    for _ in range(times // AT_ONCE):
        ids = [fleet.send("f.counts", str(folder)) for _ in range(AT_ONCE // 2)]
        stubborn = [fleet.send("f.ignores_term_and_counts", str(folder)) for _ in range(AT_ONCE // 2)]
        notes_of(folder, ids)
        wait_for(lambda stubborn=stubborn: all((folder / f"{run_id}.1").exists() for run_id in stubborn), 60)  # type: ignore[misc]
        for run_id in ids + stubborn:
            cancel(fleet.store, run_id, who="ana")
        for run in fleet.wait_ended(ids + stubborn):
            states += run.state == "cancelled"
            output = fleet.output(run.id)
            if run.id in stubborn:
                lines, wanted = output.split(b"\n")[:-1], int((folder / f"{run.id}.1").read_text())
                numbers = [int(line.split()[1]) for line in lines if line.startswith(b"line ")]
                kept += len(numbers) >= wanted and numbers == list(range(1, len(numbers) + 1))
            else:
                note = Note.read(folder, run.id)
                assert note is not None
                kept += Stored.parse(output).missing_bytes(note) == 0
    return [Figure("cancelled (TERM, then KILL): all output before the death is kept",
                   f"{kept} of {times}, {states} ended as cancelled", "all", kept == states == times)]  # fmt: skip


def left_behind(fleet: Installation, times: int = 10) -> list[Figure]:
    """The task returns while a program that it started holds its pipe, and writes later."""
    ids = [fleet.send("f.leaves_writer", 3.0) for _ in range(times)]
    took, clean, late_bytes = [], 0, len(b"late\nlater\n")
    for run in fleet.wait_ended(ids):
        took.append(run.number("finished_ms") / 1000 - float(fleet.client.AsyncResult(run.id).get(timeout=30)))
        clean += fleet.output(run.id) == b"mine\n"
    counted = fleet.wait(ids, lambda run: run.number("late_bytes") == late_bytes, 60)
    return [Figure("a program left behind holds the pipe: the run ends",
                   f"after at most {max(took):.2f} s; what came later is counted in {len(counted)} of {times} "
                   f"and stands in {times - clean} logs", "<= 2 s, all counted",
                   max(took) <= 2 and clean == times)]  # fmt: skip
