"""One measurement: lines at a rate to many viewers, and what it took."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.rig import Failed, Partner, cores, cpu_seconds, sleep_until
from tests.bench.subjects import Stage, Subject
from tests.support.memory_use import resident_bytes

#: Before the window: everybody is at the live edge, caches are warm.
WARM_UP_SECONDS = 2.0

#: After the load has ended: who has not got everything by then will not be waited for.
DRAIN_SECONDS = 5.0

#: For all viewers to connect.
CONNECT_SECONDS = 60.0


@dataclass(frozen=True)
class Shape:
    """How much of what.

    :param rate: lines a second in all.
    :param seconds: the window that is measured.
    :param runs: the lines are dealt out to them.
    :param relays: server processes; the viewers are dealt out to them.
    """

    viewers: int
    rate: float
    seconds: float
    runs: int = 1
    relays: int = 1


@dataclass
class Scene:
    """Everything is started, everybody is connected; nothing is written yet."""

    shape: Shape
    subject: Subject
    stage: Stage
    load: Partner
    client: Partner
    runs: list[str]
    connected: dict[str, Any] = field(default_factory=dict)


@contextmanager
def scene(subject: Subject, shape: Shape, ports: Sequence[int] = ()) -> Iterator[Scene]:
    """Start a subject with its load and its viewers.

    :raises Failed: something did not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runtail-bench-")))
        stage = stack.enter_context(subject.stage(folder, shape.relays, ports))
        load, runs = stack.enter_context(subject.load(stage, shape.runs))
        client = stack.enter_context(Partner.module("client", cores()[1], folder))
        client.tell(
            {
                "dialect": subject.dialect,
                "ports": stage.ports,
                "runs": runs,
                "viewers": shape.viewers,
                "seconds": CONNECT_SECONDS,
                "first": 1,
            }
        )
        yield Scene(shape, subject, stage, load, client, runs, client.hear())


def measure(subject: Subject, shape: Shape, ports: Sequence[int] = ()) -> dict[str, Any]:
    """Return the measurements of one subject; ``failed`` says what it did not do.

    ``*_cpu`` are cores in the window; ``us_per_line`` and ``us_per_frame`` are the servers', until all has come.
    """
    try:
        with scene(subject, shape, ports) as here:
            return run(here)
    except Failed as error:
        return {"failed": str(error)}


def run(here: Scene) -> dict[str, Any]:
    """Write, and return the measurements."""
    stage, shape = here.stage, here.shape
    begin = time.time() + WARM_UP_SECONDS
    end = begin + shape.seconds
    here.load.tell({"rate": shape.rate, "seconds": WARM_UP_SECONDS + shape.seconds})
    groups = {
        "server": stage.pids,
        "redis": [stage.redis.process.pid],
        "load": [here.load.pid],
        "client": [here.client.pid],
    }
    sleep_until(begin)
    before = {name: cpu_seconds(pids) for name, pids in groups.items()}
    sleep_until(end)
    used = {name: cpu_seconds(pids) - before[name] for name, pids in groups.items()}
    memory = resident_bytes(stage.pids)
    written = here.load.hear()
    # Prices are taken until everything has come: a server that sends nothing while
    # the load lasts, and all of it afterwards, has a price as well.
    deadline = time.time() + DRAIN_SECONDS
    windows = [[begin, end], [begin, deadline]]
    here.client.tell({"lines": int(written["lines"]), "windows": windows, "deadline": deadline})
    seen = here.client.hear()
    in_all = cpu_seconds(stage.pids) - before["server"]
    inside, drained = seen.pop("windows")
    seen |= inside
    result: dict[str, Any] = {f"{name}_cpu": seconds / shape.seconds for name, seconds in used.items()}
    result |= seen
    result |= {
        "viewers": shape.viewers,
        "connected": here.connected["connected"],
        "server_mb": memory / 1e6,
        "rate": written["lines"] * shape.runs / (WARM_UP_SECONDS + shape.seconds),
        "lines_per_second": seen["lines"] / shape.seconds,
        "frames_per_second": seen["frames"] / shape.seconds,
        "us_per_line": in_all / drained["lines"] * 1e6 if drained["lines"] else math.nan,
        "us_per_frame": in_all / drained["frames"] * 1e6 if drained["frames"] else math.nan,
        "redis_us_per_written_line": used["redis"] / (shape.rate * shape.seconds) * 1e6,
    }
    result["failed"] = _failure(here, result)
    return result


def _failure(here: Scene, result: dict[str, Any]) -> str:
    """Say what is wrong in one sentence; empty if everybody got everything."""
    if here.connected["failed"] or result["failed"]:
        return str(here.connected["failed"] or result["failed"])
    viewers = here.shape.viewers
    if result["silent"]:
        return f"{result['silent']} of {viewers} viewers never got a line"
    if result["gaps"]:
        return f"gaps: {result['gaps']} jumps in line numbers"
    if result["behind"]:
        return (
            f"saturated: {result['behind']} of {viewers} viewers were behind {DRAIN_SECONDS:.0f} s after the load ended"
        )
    return ""
