"""The shipper is killed again and again under four writing tasks, one of them a shell's."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import psutil

from tests.proof.figures import Figure
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer

KILLS, PAUSE_SECONDS = 50, 0.3


def measure() -> list[Figure]:
    """SIGKILL, as soon as there is one to kill."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            RedisServer(folder / "redis") as server,
            Installation(folder, server.url, app="tests.support.capture_app") as fleet,
        ):
            member = fleet.add(concurrency=4).wait_ready()
            flag = folder / "stop"
            ids = [fleet.send("t.writes_until", str(flag), 0.0005) for _ in range(3)]
            shell = fleet.send("t.shell_until", str(flag))
            fleet.wait_running([*ids, shell])
            kills = 0
            while kills < KILLS:
                shipper = member.shipper()
                time.sleep(PAUSE_SECONDS)
                with contextlib.suppress(psutil.NoSuchProcess):
                    shipper.kill()
                    kills += 1
            flag.touch()
            runs = fleet.wait_ended([*ids, shell], 300)
            succeeded = sum(run.state == "succeeded" for run in runs)
            equal = 0
            for run in runs:
                lines = run.number("line") - 1
                # (Of a large log the middle is cut: its count of lines must do.)
                equal += run.cut is not None or fleet.output(run.id) == b"".join(
                    b"line %d\n" % number for number in range(1, lines + 1)
                )
            printed = [fleet.client.AsyncResult(run_id).get(timeout=30) for run_id in ids]
            counted = sum(lines == run.number("line") - 1 for lines, run in zip(printed, runs, strict=False))
    return [
        Figure(f"shipper SIGKILLed {KILLS} times under 4 writing tasks: succeeded, logs byte-equal, as many lines as "
               "the tasks say", f"{succeeded} of 4, {equal} of 4, {counted} of 3", "all",
               (succeeded, equal, counted) == (4, 4, 3)),
    ]  # fmt: skip
