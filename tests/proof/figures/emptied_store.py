"""Redis comes back empty while runs print: viewers are told, no view mixes two histories, and the runs go on."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.proof.figures import Figure
from tests.proof.figures._streams import PATIENCE_SECONDS, Streams
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

RUNS, LINES_PER_SECOND, VIEWERS, ROUNDS = 5, 200, 20, 5
#: Of each run: before the first loss more than the writers keep (10 s), then little.
LINES_BEFORE, LINES_BETWEEN = 2400, 400
GOAL_SECONDS = 5.0


def measure() -> list[Figure]:
    """Empty the store, as soon as everything flows again."""
    told: list[float] = []
    goes_on = []
    with tempfile.TemporaryDirectory() as folder:
        with (
            RedisServer(Path(folder) / "redis") as server,
            Stack(Path(folder), server.url, concurrency=RUNS) as stack,
            Streams(stack, runs=RUNS, lines_per_second=LINES_PER_SECOND, viewers=VIEWERS) as streams,
        ):
            viewers = streams.seen.viewers
            for number in range(1, ROUNDS + 1):
                streams.let_print(LINES_BEFORE if number == 1 else LINES_BETWEEN)
                server.restart(keep_data=False)
                accepts_at = time.monotonic()
                wait_for(lambda: all(len(v.resets) >= number for v in viewers), PATIENCE_SECONDS,  # noqa: B023
                         stack.relay.process.evidence)  # fmt: skip
                told += [viewer.resets[number - 1][0] - accepts_at for viewer in viewers]
                goes_on.append(streams.resumed_after(accepts_at))
                streams.wait_until_flowing()
            reasons = sorted({reason for viewer in viewers for _, reason in viewer.resets})
            print(f"   told after at most {max(told):.1f} s ({', '.join(reasons)}), new lines after "
                  + ", ".join(f"{seconds:.1f}" for seconds in goes_on) + " s", flush=True)  # fmt: skip
            verdict = streams.finish()
    name = f"Redis restarted empty, {ROUNDS} times"
    on_time = sum(seconds <= GOAL_SECONDS for seconds in told)
    return [
        Figure(f"{name}: viewers that see tail-reset", f"{on_time} of {len(told)}, after at most {max(told):.1f} s",
               f"all within {GOAL_SECONDS:.0f} s of Redis accepting", on_time == len(told) == ROUNDS * VIEWERS),
        Figure(f"{name}: views that mix histories", f"{verdict.wrong}", "0", not verdict.wrong),
        Figure(f"{name}: the runs go on", f"{RUNS - len(verdict.astray)} of {RUNS}, new lines after at most "
               f"{max(goes_on):.1f} s", f"{RUNS} of {RUNS}", not verdict.astray),
        Figure(f"{name}: lines that are missing and no log names", f"{verdict.words}; {verdict.named:,} lines named",
               "0", verdict.clean and verdict.named > 0),
        Figure(f"{name}: resets without a loss", f"{verdict.resets - ROUNDS * VIEWERS}", "0",
               verdict.resets == ROUNDS * VIEWERS),
    ]  # fmt: skip
