"""C code prints while it holds the GIL: no Python code of the process runs, and viewers see each line at once."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.proof.figures import Figure
from tests.support.audience import percentile
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower

HELD_SECONDS = 10.0
GOAL_MS = 250.0


def measure() -> list[Figure]:
    """From the write to a viewer of the relay."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            RedisServer(folder / "redis") as server,
            Installation(folder, server.url, app="tests.support.capture_app", services=("socket",)) as fleet,
        ):
            fleet.add(concurrency=2).wait_ready()
            run_id = fleet.send("t.holds_gil", HELD_SECONDS)
            fleet.wait_running([run_id])
            follower = Follower(run_id)
            follower.connect(fleet.relay.url)
            late_ms: list[float] = []
            while follower.ended is None:
                before = len(follower.lines)
                follower.step()
                now = time.time()
                late_ms += [1000 * (now - float(line)) for line in follower.lines[before:]]
            follower.close()
    p99 = percentile(late_ms, 99)
    return [
        Figure(f"GIL held for {HELD_SECONDS:.0f} s, {len(late_ms)} lines of C code: from written to read, 99 %",
               f"{p99:.0f} ms (middle {percentile(late_ms, 50):.0f}, longest {max(late_ms):.0f})",
               f"<= {GOAL_MS:.0f} ms", p99 <= GOAL_MS),
    ]  # fmt: skip
