"""Five tasks print while Redis is stopped for a minute, and while a failover rolls it back."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from runtail.protocol import RunState
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

TASKS = 5
LINES_PER_SECOND = 200


def expected(lines: int) -> bytes:
    """What ``line.paced`` prints."""
    return b"".join(b"line %d\n" % number for number in range(1, lines + 1))


def judge(stack: Stack, run_ids: list[str], lines: int, what: str) -> None:
    """Wait for the ends and print the counts."""
    runs = [stack.wait_for_end(run_id, deadline_seconds=180) for run_id in run_ids]
    succeeded = sum(run.state is RunState.SUCCEEDED for run in runs)
    missing = sum(set_of(expected(lines)) - set_of(stack.output(run_id)) != set() for run_id in run_ids)
    equal = sum(stack.output(run_id) == expected(lines) for run_id in run_ids)
    print(f"   {what}: {succeeded} of {TASKS} tasks succeeded, {equal} of {TASKS} logs byte-equal, "
          f"{missing} with missing lines, attempts {sorted(run.number('attempt') for run in runs)}")  # fmt: skip


def set_of(output: bytes) -> set[bytes]:
    """The lines of an output."""
    return set(output.splitlines())


def outage(seconds: float) -> None:
    """Redis is stopped, and started again with its data."""
    lines = int((seconds + 20) * LINES_PER_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "redis").mkdir()
        with (
            RedisServer(Path(folder) / "redis", append_only="everysec") as server,
            Stack(Path(folder), server.url, concurrency=TASKS) as stack,
        ):
            ids = [stack.start("line.paced", {"lines": lines, "lines_per_second": LINES_PER_SECOND})
                   for _ in range(TASKS)]  # fmt: skip
            wait_for(lambda: all(stack.run(i).number("line") > LINES_PER_SECOND for i in ids), 60)
            server.stop()
            resume_at = time.monotonic() + seconds
            wait_for(lambda: time.monotonic() >= resume_at, seconds + 5)
            server.start()
            judge(stack, ids, lines, f"Redis stopped for {seconds:.0f} s")


def failover(lag_lines: int) -> None:
    """The replica that is promoted has not seen the last entries."""
    lines = 30 * LINES_PER_SECOND
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "second"):
            (Path(folder) / name).mkdir()
        with (
            RedisServer(Path(folder) / "first") as first,
            RedisServer(Path(folder) / "second") as second,
            TcpProxy(first.host, first.port) as proxy,
            TcpProxy(first.host, first.port) as replication,
            Stack(Path(folder), proxy.url, concurrency=TASKS) as stack,
        ):
            with second.client() as client:
                client.replicaof(replication.host, replication.port)
            ids = [stack.start("line.paced", {"lines": lines, "lines_per_second": LINES_PER_SECOND})
                   for _ in range(TASKS)]  # fmt: skip
            wait_for(lambda: all(stack.run(i).number("line") > LINES_PER_SECOND for i in ids), 60)
            replica = Store(stack.store.settings, second.client())
            wait_for(lambda: all(read_run(replica, i).number("line") > 1 for i in ids), 60)
            replication.stall()  # from here on the replica lags
            seen = {run_id: stack.run(run_id).number("line") for run_id in ids}
            wait_for(lambda: all(stack.run(i).number("line") >= seen[i] + lag_lines for i in ids), 60)
            acknowledged = {run_id: stack.run(run_id) for run_id in ids}
            first.kill()
            second.promote()
            rolled_back = sum(
                run.number("line") - read_run(replica, run_id).number("line") for run_id, run in acknowledged.items()
            )
            proxy.target = (second.host, second.port)
            proxy.cut()
            judge(stack, ids, lines, f"failover that took back {rolled_back} acknowledged lines")
            same = sum(stack.run(i).number("epoch") == run.number("epoch") for i, run in acknowledged.items())
            print(f"   epochs unchanged: {same} of {TASKS}")


def main() -> None:
    """Both."""
    outage(float(sys.argv[-1]) if sys.argv[-1].isdigit() else 60.0)
    failover(600)


if __name__ == "__main__":
    main()
