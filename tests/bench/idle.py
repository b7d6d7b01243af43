"""Workload (f): what a viewer costs who watches a run that is silent."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.rig import Failed, Partner, cores
from tests.bench.subjects import Subject
from tests.support.memory_use import resident_bytes

#: After the last has connected, until memory is read.
SETTLE_SECONDS = 1.5


def measure(subject: Subject, viewers: int) -> dict[str, Any]:
    """Return KiB of resident memory per viewer of the server.

    Some viewers come before: what the first ones make a server load and allocate is not theirs.
    """
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runtail-bench-")))
            stage = stack.enter_context(subject.stage(folder))
            _, runs = stack.enter_context(subject.load(stage))
            memory = []
            for count in (max(1, viewers // 5), viewers):
                client = stack.enter_context(Partner.module("client", cores()[1], folder))
                client.tell(
                    {
                        "dialect": subject.dialect, "ports": stage.ports, "runs": runs, "viewers": count,
                        "seconds": 30.0, "first": 1,
                    }
                )  # fmt: skip
                if failed := client.hear()["failed"]:
                    raise Failed(failed)
                time.sleep(SETTLE_SECONDS)
                memory.append(resident_bytes(stage.pids))
            return {"failed": "", "viewers": viewers, "kib_per_viewer": (memory[1] - memory[0]) / viewers / 1024}
    except Failed as error:
        return {"failed": str(error)}
