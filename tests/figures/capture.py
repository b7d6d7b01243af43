"""Capture: how soon, how much, how fast, and what a death costs."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.fleet import Member
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower, Relay
from tests.support.worker import Worker

LINES = 2_000_000
BYTES_PER_LINE = 100
#: What a run may take; a figure on a busy machine still ends.
DEADLINE_SECONDS = 300.0


@contextmanager
def worker(concurrency: int = 2, app: str = "tests.support.capture_app") -> Iterator[tuple[Worker, RedisServer, Path]]:
    """A worker on a server of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        with (
            RedisServer(folder / "redis") as server,
            Worker(
                folder,
                server.url,
                app=app,
                arguments=[f"--concurrency={concurrency}"],
                environment={"RUNTAIL_ECHO": "off"},
            ) as started,
        ):
            yield started.wait_ready(), server, folder


def gil(seconds: float = 10.0) -> None:
    """Lines of C code under a held GIL, from the write to a viewer of the relay."""
    with worker() as (started, server, folder):

        def start(
            *command: str | Path, name: str | None = None, environment: dict[str, str | None] | None = None
        ) -> Process:
            return Process(command, folder, name=name, environment=environment)

        relay = Relay(start, server.url, started.prefix).wait_until_ready()
        try:
            run_id = started.send("t.holds_gil", seconds)
            started.wait_running(run_id)
            follower = Follower(run_id)
            follower.connect(relay.url)
            late: list[float] = []
            while follower.ended is None:
                before = len(follower.lines)
                follower.step()
                now = time.time()
                late += [now - float(line) for line in follower.lines[before:]]
            follower.close()
        finally:
            relay.process.kill()
    late_ms = sorted(1000 * value for value in late)
    print(
        f"   GIL held {seconds:.0f} s, {len(late)} lines of C code, from the write to a viewer: "
        f"p50 {statistics.median(late_ms):.0f} ms, p99 {late_ms[int(len(late_ms) * 0.99)]:.0f} ms, "
        f"max {late_ms[-1]:.0f} ms"
    )


def deaths(times: int = 20, lines: int = 20_000) -> None:
    """SIGKILL of a task's process right after its last write."""
    wanted = b"".join(b"line %d\n" % number for number in range(lines))
    missing, took, states = 0, [], set()
    with worker() as (started, _server, _folder):
        for _ in range(times):
            run_id = started.send("t.writes_time_then_kills_itself", lines)
            run = started.wait_ended(run_id)
            output = started.output(run_id)
            missing += len(wanted) - len(output[: len(wanted)]) + (output[: len(wanted)] != wanted)
            killed_at = float(output.splitlines()[-1])
            took.append(run.number("finished_ms") / 1000 - killed_at)
            states.add(f"{run.state} ({run.text('why')})")
    print(
        f"   {times} tasks killed by SIGKILL: {missing} bytes missing, {', '.join(sorted(states))}, "
        f"after {statistics.median(took):.2f} s (max {max(took):.2f} s)"
    )


def shipper_deaths(times: int = 50) -> None:
    """SIGKILL of the shipper under four writing tasks, one of them a shell's."""
    with worker(concurrency=4) as (started, _server, folder):
        flag = folder / "stop"
        ids = [started.send("t.writes_until", str(flag), 0.0005) for _ in range(3)]
        shell = started.send("t.shell_until", str(flag))
        for run_id in (*ids, shell):
            started.wait_running(run_id)
        kills = 0
        while kills < times:
            shipper = started.shipper()
            time.sleep(0.3)
            with contextlib.suppress(psutil.NoSuchProcess):
                shipper.kill()
                kills += 1
        flag.touch()
        runs = [started.wait_ended(run_id, DEADLINE_SECONDS) for run_id in (*ids, shell)]
        failed = sum(run.state != "succeeded" for run in runs)
        equal, total = 0, 0
        for run in runs:
            if run.cut is not None:
                # The middle of a large log is cut; head and tail tell whether lines are missing.
                equal += run.number("line") > 0
                continue
            output = started.output(run.id)
            count = run.number("line") - 1
            equal += output == b"".join(b"line %d\n" % (number + 1) for number in range(count))
            total += len(output)
        counts = [started.client.AsyncResult(run_id).get(timeout=30) for run_id in ids]
        equal_counts = sum(count == run.number("line") - 1 for count, run in zip(counts, runs, strict=False))
    print(
        f"   shipper killed {kills} times under 4 writing tasks: {failed} failed, {equal} of 4 logs byte-equal "
        f"({total / 1e6:.0f} MB), {equal_counts} of 3 with exactly as many lines as the task printed"
    )


def prints() -> None:
    """Two million prints, captured and into cat."""
    with worker() as (started, _server, _folder):
        run_id = started.send("t.timed_prints", LINES, BYTES_PER_LINE)
        captured = float(started.client.AsyncResult(run_id).get(timeout=DEADLINE_SECONDS))
        run = started.wait_ended(run_id, DEADLINE_SECONDS)
        stored_lines = run.number("line") - 1
    script = f"line = 'x' * {BYTES_PER_LINE - 1}\nfor _ in range({LINES}): print(line)\n"
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-u", "-c", script], stdout=subprocess.PIPE) as writing:
        with Path("/dev/null").open("wb") as nowhere:
            subprocess.run(["cat"], stdin=writing.stdout, stdout=nowhere, check=True)
    piped = time.monotonic() - began
    print(
        f"   {LINES} prints of {BYTES_PER_LINE} bytes: captured {captured:.1f} s, "
        f"python -u into cat {piped:.1f} s (ratio {captured / piped:.2f}), {stored_lines} lines numbered"
    )


def flood() -> None:
    """``demo.flood``: memory of the worker's processes, and what is stored."""
    with worker(app="runtail_worker.app") as (started, _server, _folder):
        started.do("demo.flood", lines=1000, bytes_per_line=BYTES_PER_LINE)
        before = memory(started)
        peak = Peak(lambda: memory(started))
        run_id = started.send("demo.flood", lines=LINES, bytes_per_line=BYTES_PER_LINE)
        with peak:
            run = started.wait_ended(run_id, DEADLINE_SECONDS)
        keys = started.store.keys
        stored, entries, last = 0, 0, "-"
        while True:
            batch: Any = started.store.client.xrange(keys.log(run_id), last, count=500)
            if not batch:
                break
            stored += sum(len(fields[b"d"]) + 64 for _id, fields in batch)
            entries += len(batch)
            last = "(" + batch[-1][0].decode()
        quota = started.store.settings.quota_bytes
        usage: Any = started.store.client.memory_usage(keys.log(run_id), samples=0)
    print(
        f"   demo.flood({LINES}, {BYTES_PER_LINE}): {run.state}, {run.number('line') - 1} lines; worker, keeper and "
        f"shipper with spool {before / 1e6:.0f} MB before, {peak.value / 1e6:.0f} MB at most "
        f"(+{(peak.value - before) / 1e6:.0f} MB); stored {stored / 1e6:.1f} MB in {entries} entries "
        f"= {stored / quota:.3f} of the quota (Redis: {usage / quota:.3f}); cut: {run.cut}"
    )


def memory(started: Worker | Member) -> int:
    """Memory of the worker, its children, keeper, shipper and spools, in bytes."""
    main = psutil.Process(started.process.pid)
    total = 0
    for process in (main, *main.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            # Shared pages (a forked child has many) are counted once.
            total += process.memory_full_info().pss
    keeper = started.keeper().pid
    for link in Path(f"/proc/{keeper}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "runtail-spool" in str(link.readlink()):
                total += link.stat().st_blocks * 512
    return total


class Peak:
    """The largest value of something while the block runs."""

    def __init__(self, measure: Callable[[], int]) -> None:
        self.measure = measure
        self.value = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            with contextlib.suppress(psutil.Error, OSError):
                self.value = max(self.value, self.measure())

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def starts(times: int = 300) -> None:
    """What capture adds to a short task."""
    took = {}
    for capture in ("off", "on"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "redis").mkdir()
            environment: dict[str, str | None] = {"RUNTAIL_CAPTURE": capture, "RUNTAIL_ECHO": "off"}
            with (
                RedisServer(folder / "redis") as server,
                Worker(folder, server.url, arguments=["--concurrency=1"], environment=environment) as started,
            ):
                started.wait_ready()
                started.client.AsyncResult(started.send("t.printing")).get(timeout=60)
                began = time.monotonic()
                results = [started.client.AsyncResult(started.send("t.printing")) for _ in range(times)]
                results[-1].get(timeout=60)
                took[capture] = (time.monotonic() - began) / times * 1000
    print(
        f"   a short task, one after another: {took['off']:.2f} ms without capture, {took['on']:.2f} ms with it "
        f"(+{took['on'] - took['off']:.2f} ms)"
    )


def main() -> None:
    """All of them."""
    gil()
    deaths()
    shipper_deaths()
    starts()
    prints()
    flood()
