"""Workload (h): a task that prints, under capture and otherwise. Lines a second of the writing program."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import redis

from tests.bench.dialects import LINE_BYTES
from tests.bench.rig import cpu_seconds
from tests.support.redis_server import RedisServer
from tests.support.worker import Worker

#: What a run may take on a busy machine.
DEADLINE_SECONDS = 300.0

#: Of the slowest way: its rate does not depend on how many.
ROUND_TRIP_LINES = 20_000


def measure(lines: int) -> dict[str, Any]:
    """Return lines a second of each way. Nothing is bound to a core: each may use both."""
    return {
        "failed": "",
        **_captured(lines),
        "unbuffered": lines / _into_cat(lines, "-u"),
        "block_buffered": lines / _into_cat(lines),
        "round_trips": ROUND_TRIP_LINES / _round_trips(ROUND_TRIP_LINES),
    }


def _captured(lines: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="runtail-bench-") as name:
        folder = Path(name)
        with (
            RedisServer(folder / "redis") as server,
            Worker(
                folder, server.url, arguments=["--concurrency=1"], environment={"RUNTAIL_ECHO": "off"}
            ) as worker,
        ):  # fmt: skip
            worker.wait_ready()
            worker.client.AsyncResult(worker.send("t.timed_prints", 1000, LINE_BYTES)).get(timeout=60)
            helpers = [worker.shipper().pid, worker.keeper().pid]
            used, redis_used = cpu_seconds(helpers), cpu_seconds([server.process.pid])
            run_id = worker.send("t.timed_prints", lines, LINE_BYTES)
            took = float(worker.client.AsyncResult(run_id).get(timeout=DEADLINE_SECONDS))
            run = worker.wait_ended(run_id, DEADLINE_SECONDS)
            used = cpu_seconds(helpers) - used
            redis_used = cpu_seconds([server.process.pid]) - redis_used
            if run.number("line") - 1 != lines:
                raise RuntimeError(f"{run.number('line') - 1} of {lines} lines were numbered")
    return {
        "captured": lines / took,
        "shipper_us_per_line": used / lines * 1e6,
        "redis_us_per_line": redis_used / lines * 1e6,
    }


def _into_cat(lines: int, *options: str) -> float:
    """Return the seconds of the same program whose output ``cat`` throws away."""
    # Timed inside, like the task: starting Python is in neither.
    script = (
        "import sys, time\n"
        f"line, began = 'x' * {LINE_BYTES - 1}, time.monotonic()\n"
        f"for _ in range({lines}): print(line)\n"
        "sys.stdout.flush()\n"
        "print(time.monotonic() - began, file=sys.stderr)\n"
    )
    command = [sys.executable, *options, "-c", script]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as writing:
        subprocess.run(["cat"], stdin=writing.stdout, stdout=subprocess.DEVNULL, check=True)
        assert writing.stderr is not None
        return float(writing.stderr.read())


def _round_trips(lines: int) -> float:
    """Return the seconds of RPUSH and PUBLISH for every line, as the tutorial's task does."""
    with tempfile.TemporaryDirectory(prefix="runtail-bench-") as name, RedisServer(Path(name)) as server:
        client = redis.Redis.from_url(server.url)
        line = "x" * (LINE_BYTES - 1)
        began = time.monotonic()
        for _ in range(lines):
            client.rpush("log", line)
            client.publish("log", line)
        took = time.monotonic() - began
        client.close()
    return took
