"""A broker that delivers the message of a late-acknowledging task again and again while it is executed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.proof.figures import Figure
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer

#: Celery's transport gives a message to somebody else after this.
VISIBILITY_SECONDS = 5
RUNS = 100
TASK_SECONDS = 20.0


def measure() -> list[Figure]:
    """100 runs on two workers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("redis", "runs"):
            (folder / part).mkdir()
        with RedisServer(folder / "redis") as server, Installation(folder, server.url, services=("web",)) as fleet:
            environment: dict[str, str | None] = {"TEST_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS)}
            members = [fleet.add(concurrency=30, environment=environment) for _ in range(2)]
            for member in members:
                member.wait_ready()
            ids = [fleet.send("f.alone", str(folder / "runs"), TASK_SECONDS) for _ in range(RUNS)]
            runs = fleet.wait_ended(ids, 300)
            doubled = folder / "runs" / "doubled"
            both = len(doubled.read_text().split()) if doubled.exists() else 0
            executions = sum(len((folder / "runs" / run_id).read_text().split()) for run_id in ids)
            refused = sum(member.metric("runtail_worker_refused_total") for member in members)
            good = sum(run.state == "succeeded" and run.number("attempt") == 1 for run in runs)
    return [Figure(
        f"redelivery every {VISIBILITY_SECONDS} s of tasks of {TASK_SECONDS:.0f} s: two live attempts",
        f"{both} in {len(runs)} runs ({refused:.0f} second deliveries refused, {executions} executions, "
        f"{good} succeeded in attempt 1)",
        "0", both == 0 and refused > 0 and good == len(runs),
    )]  # fmt: skip
