"""Workload (d): somebody opens a run with a long backlog while it goes on and others watch it."""

from __future__ import annotations

import math
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.load import BACKLOG_ENTRY_LINES
from tests.bench.rig import Failed, Partner, cores, cpu_seconds, sleep_until
from tests.bench.subjects import Subject
from tests.support.memory_use import Growth, resident_bytes

#: The run goes on at this rate, before this many others.
LINES_PER_SECOND = 1000.0
OTHERS = 50

#: How long the others are measured alone, and how long a newcomer may take.
ALONE_SECONDS = 4.0
NEWCOMER_SECONDS = 30.0


def measure(subject: Subject, lines: int) -> dict[str, Any]:
    """Return lines a second to the newcomer, the server's growth, and the others' delays with and without."""
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runtail-bench-")))
            return _measure(stack, subject, lines, folder)
    except Failed as error:
        return {"failed": str(error)}


def _measure(stack: ExitStack, subject: Subject, lines: int, folder: Path) -> dict[str, Any]:
    stage = stack.enter_context(subject.stage(folder))
    load, runs = stack.enter_context(subject.load(stage, backlog=lines))
    # The tutorial knows no other way than to send everybody everything.
    others = OTHERS if subject.name == "runtail" else 0
    client = stack.enter_context(Partner.module("client", cores()[1], folder))
    first = lines - BACKLOG_ENTRY_LINES + 1
    client.tell(
        {
            "dialect": "runtail-end", "ports": stage.ports, "runs": runs, "viewers": others, "seconds": 30.0,
            "first": first,
        }
    )  # fmt: skip
    if failed := client.hear()["failed"]:
        raise Failed(failed)
    newcomer = stack.enter_context(Partner.module("newcomer", cores()[1], folder))
    load.tell({"rate": LINES_PER_SECOND, "seconds": 2.0 + ALONE_SECONDS + NEWCOMER_SECONDS / 3})
    alone = time.time() + 2.0
    sleep_until(alone + ALONE_SECONDS)
    memory = stack.enter_context(Growth(lambda: resident_bytes(stage.pids)))
    used = cpu_seconds(stage.pids)
    begin = time.time()
    newcomer.tell(
        {
            "dialect": subject.dialect, "port": stage.ports[0], "run": runs[0], "lines": lines,
            "seconds": NEWCOMER_SECONDS,
        }
    )  # fmt: skip
    read = newcomer.hear()
    end = time.time()
    used = cpu_seconds(stage.pids) - used
    memory.close()
    written = load.hear()
    windows = [[alone, alone + ALONE_SECONDS], [begin, end]]
    client.tell({"lines": int(written["lines"]), "windows": windows, "deadline": time.time() + 5})
    seen = client.hear()
    before, during = (window.get("p99_ms", math.nan) for window in seen["windows"])
    failed = "" if read["lines"] >= lines else f"{read['lines']:,.0f} of {lines:,} lines in {NEWCOMER_SECONDS:.0f} s"
    if others and (seen["gaps"] or seen["behind"]):
        failed = f"gaps: {seen['gaps']}, behind: {seen['behind']}"
    return {
        "failed": failed,
        "lines": read["lines"],
        "newcomer_lines_per_second": read["lines"] / read["seconds"],
        "newcomer_cpu": read["cpu"] / read["seconds"],
        "server_cpu": used / (end - begin),
        "grown_mb": memory.grown_bytes / 1e6,
        "alone_p99_ms": before,
        "beside_p99_ms": during,
    }
