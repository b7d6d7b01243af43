"""Redis is killed again and again, and comes back with its append-only file."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.proof.figures import Figure
from tests.proof.figures._streams import Streams
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack

RUNS, LINES_PER_SECOND, VIEWERS, ROUNDS = 5, 1000, 20, 20
#: Of each run, between two kills.
LINES_BETWEEN = 1500
GOAL_SECONDS = 3.0


def measure() -> list[Figure]:
    """Kill and restart, as soon as everything flows again."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        with (
            RedisServer(Path(folder) / "redis", append_only="everysec") as server,
            Stack(Path(folder), server.url, concurrency=RUNS) as stack,
            Streams(stack, runs=RUNS, lines_per_second=LINES_PER_SECOND, viewers=VIEWERS) as streams,
        ):
            for _ in range(ROUNDS):
                streams.let_print(LINES_BETWEEN)
                server.restart(keep_data=True)
                took.append(streams.resumed_after(time.monotonic()))
                streams.wait_until_flowing()
            print("   resumed after " + ", ".join(f"{seconds:.1f}" for seconds in took) + " s", flush=True)
            verdict = streams.finish()
    name = f"Redis SIGKILLed and back with its AOF (everysec), {ROUNDS} times under {RUNS * LINES_PER_SECOND:,} lines/s"
    on_time = sum(seconds <= GOAL_SECONDS for seconds in took)
    return [
        Figure(f"{name}: appended lines lost", verdict.words + f", {verdict.resets} resets", "0",
               verdict.clean and not verdict.resets and not verdict.named),
        Figure(f"{name}: every screen goes on", f"{on_time} of {ROUNDS}, after at most {max(took):.1f} s",
               f"within {GOAL_SECONDS:.0f} s of Redis accepting", on_time == ROUNDS),
    ]  # fmt: skip
