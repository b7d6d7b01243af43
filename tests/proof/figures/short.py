"""A task that does nothing: what recording it costs, in time and per process."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.proof.figures import Figure
from tests.support.redis_server import RedisServer
from tests.support.worker import Worker

TASKS = 1_000
ROUNDS = 3
WAYS = {
    "without Runtail": ("t.add", {"RUNTAIL_CAPTURE": "off"}),
    "left out": ("t.add", {"RUNTAIL_TASKS": "!t.add"}),
    "recorded": ("t.add", {}),
}
#: What recording may cost, in milliseconds of processor time.
MOST_MS = {"left out": 1.0, "recorded": 5.0}
ROLES = ("main", "pool process", "keeper", "shipper")


def _role(process: psutil.Process, worker: Worker) -> str:
    command = " ".join(process.cmdline())
    for mark, role in (("worker/keeper", "keeper"), ("runtail.worker.shipper", "shipper")):
        if mark in command:
            return role
    return "main" if process.pid == worker.process.pid else "pool process"


def execute_many(task: str, environment: dict[str, str | None]) -> tuple[float, dict[str, float]]:
    """Execute many, one after the other; return seconds and, by process, CPU seconds for one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            RedisServer(folder / "redis") as server,
            Worker(folder, server.url, arguments=["--concurrency=1"], environment=environment) as worker,
        ):
            worker.wait_ready()

            def execute(count: int) -> None:
                results: list[Any] = [
                    worker.client.send_task(task, args=(1, 2), queue=worker.queue) for _ in range(count)
                ]
                for result in results:
                    result.get(timeout=300)

            execute(20)
            main = psutil.Process(worker.process.pid)
            processes = {_role(found, worker): found for found in (main, *main.children(recursive=True))}

            def used() -> dict[str, float]:
                return {role: sum(found.cpu_times()[:2]) for role, found in processes.items()}

            before, begun = used(), time.monotonic()
            execute(TASKS)
            seconds = time.monotonic() - begun
            return seconds / TASKS, {role: (now - before[role]) / TASKS for role, now in used().items()}


def measure() -> list[Figure]:
    """A row per way, the median of some rounds."""
    rows, whole_ms = [], {}
    for way, (task, environment) in WAYS.items():
        rounds = sorted(
            (execute_many(task, dict(environment)) for _ in range(ROUNDS)), key=lambda found: sum(found[1].values())
        )
        seconds, used = rounds[ROUNDS // 2]
        each_ms = {role: 1000 * used.get(role, 0.0) for role in ROLES}
        whole_ms[way] = sum(each_ms.values())
        more_ms = whole_ms[way] - whole_ms["without Runtail"]
        parts = ", ".join(f"{role} {value:.2f}" for role, value in each_ms.items())
        goal = "-" if way == "without Runtail" else f"<= {MOST_MS[way]} ms more"
        rows.append(Figure(f"a task that does nothing, {way}: processor time ({TASKS:,} in one process)",
                           f"{whole_ms[way]:.2f} ms ({parts}); {1000 * seconds:.2f} ms each", goal,
                           more_ms <= MOST_MS.get(way, 0.0)))  # fmt: skip
    return rows
