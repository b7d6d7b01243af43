"""Tasks that write too much, a line without an end, or the same line again and again."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runtail.runs.record import Run
from tests.proof.figures import Figure
from tests.support.celery_worker import CeleryWorker
from tests.support.figure_output import BLOCK_LINE_BYTES, bar
from tests.support.installation import Installation
from tests.support.memory_use import Growth, worker_bytes
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower
from tests.support.waiting import wait_for

MIB = 2**20
FLOOD_SECONDS = 60.0
#: Lines of the quiet run beside a flood that are timed before it.
QUIET_LINES = 300
LONG_LINE_BYTES = 2**30
BARS_SECONDS = 10.0
BARS_PER_SECOND = 1000
#: Errors stand at the end of a log: so much of it is kept in any case.
TAIL_BYTES = 256 * 1024


def measure() -> list[Figure]:
    """A flood, a line of 1 GiB, progress bars."""
    return [*flood(), *long_line(), *bars()]


@contextmanager
def started(**settings: Any) -> Iterator[tuple[Installation, CeleryWorker]]:
    """One worker that has run a task already, and a relay, on a server of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("redis", "notes"):
            (folder / part).mkdir()
        with (
            RedisServer(folder / "redis") as server,
            Installation(folder, server.url, services=("socket",), **settings) as fleet,
        ):
            member = fleet.add(concurrency=2).wait_ready()
            fleet.wait_ended([fleet.send("t.printing") for _ in range(4)])
            yield fleet, member


class Timed:
    """A viewer of ``f.counts`` that notes how long each line took to reach it."""

    def __init__(self, fleet: Installation, run_id: str) -> None:
        #: Milliseconds, in the order of the lines.
        self.waited_ms: list[float] = []
        self._follower = Follower(run_id)
        self._follower.connect(fleet.relay.url)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while self._follower.ended is None:
            before = len(self._follower.lines)
            self._follower.step()
            now = time.time()
            self.waited_ms += [1000 * (now - float(line.split()[2])) for line in self._follower.lines[before:]]

    def close(self) -> None:
        """The run is over."""
        self._thread.join(30)
        self._follower.close()


def flood() -> list[Figure]:
    """As fast as the pipe takes it, beside a quiet run whose lines are timed at a viewer."""
    with started() as (fleet, member):
        notes = fleet.directory / "notes"
        other = fleet.send("f.counts", str(notes), 0.02)
        fleet.wait_running([other])
        timed = Timed(fleet, other)
        wait_for(lambda: len(timed.waited_ms) >= QUIET_LINES, 60)
        quiet = list(timed.waited_ms)
        with Growth(lambda: worker_bytes(member)) as memory:
            (run,) = fleet.wait_ended([fleet.send("f.flood", FLOOD_SECONDS)], FLOOD_SECONDS + 120)
        loud = timed.waited_ms[len(quiet) :]
        (notes / "stop").touch()
        fleet.wait_ended([other])
        timed.close()
        quiet_ms, loud_ms = p99(quiet), p99(loud)
        growth = memory.grown_bytes
        return [
            *stored(fleet, run),
            Figure("flood: memory of worker, keeper, shipper and spools grows by", f"{growth / MIB:.0f} MiB",
                   "<= 64 MiB", growth <= 64 * MIB),
            Figure("flood: another run's lines, from written to a viewer (p99)",
                   f"{quiet_ms:.0f} ms before it, {loud_ms:.0f} ms beside it ({len(loud)} lines)", "<= 2x",
                   loud_ms <= 2 * quiet_ms),
        ]  # fmt: skip


def stored(fleet: Installation, run: Run) -> list[Figure]:
    """What is kept of a flood, and what is said of the rest."""
    entries = [entry for entry in fleet.entries(run.id) if entry.type == "o"]
    output = b"".join(entry.payload for entry in entries)
    last, cut = output.splitlines(keepends=True)[-1], run.cut or {}
    offered = int(last.split()[1])
    cut_lines = cut["to"] - cut["from"] + 1
    exact = output.count(b"\n") + cut_lines == offered + 1 and len(output) + cut["bytes"] == run.number(
        "bytes"
    ) == offered * BLOCK_LINE_BYTES + len(last)
    head = sum(len(entry.payload) for entry in entries if entry.from_line < cut["from"])
    tail = len(output) - head
    quota = fleet.store.settings.quota_bytes
    usage: Any = fleet.store.client.memory_usage(fleet.store.keys.log(run.id), samples=0)
    kept = f"{run.state}; head {head / MIB:.1f} MiB, tail {tail / MIB:.1f} MiB"
    return [
        Figure(f"flood of {offered / 1e6:.0f} million lines in {FLOOD_SECONDS:.0f} s: lines and bytes that were cut",
               f"{cut_lines} lines, {cut['bytes']} bytes, {'exact' if exact else 'NOT exact'}", "exact", exact),
        Figure("flood: the task's own end, and what is kept of its log", kept,
               "succeeded, tail of 256 KiB", run.state == "succeeded" and head > 0 and tail >= TAIL_BYTES),
        Figure("flood: memory of its log in Redis", f"{usage / quota:.3f} of the quota", "<= 1.05",
               usage <= 1.05 * quota),
    ]  # fmt: skip


def p99(values: list[float]) -> float:
    """Their 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)]


def long_line() -> list[Figure]:
    """1 GiB without an end of line."""
    with started() as (fleet, member):
        with Growth(lambda: worker_bytes(member)) as memory:
            run_id = fleet.send("f.long_line", LONG_LINE_BYTES)
            fleet.wait_running([run_id])
            follower = Follower(run_id)
            follower.connect(fleet.relay.url)
            follower.until(lambda: follower.lines, 60)
            seen_at = time.time()
            follower.close()
            (run,) = fleet.wait_ended([run_id], 300)
        began = float(fleet.client.AsyncResult(run_id).get(timeout=30))
        entries = [entry for entry in fleet.entries(run_id) if entry.type == "o"]
        longest = max(len(entry.payload) for entry in entries)
        flagged = sum(entry.continues for entry in entries)
        whole = run.number("bytes") == LONG_LINE_BYTES
        growth, first_ms = memory.grown_bytes, 1000 * (seen_at - began)
    return [
        Figure("line of 1 GiB without an end: memory of worker, keeper, shipper and spools grows by",
               f"{growth / MIB:.0f} MiB", "<= 64 MiB", growth <= 64 * MIB),
        Figure("line of 1 GiB: pieces", f"at most {longest / 1024:.0f} KiB, {flagged} of {len(entries)} flagged as "
               f"going on, all bytes counted: {whole}", "<= 64 KiB, all but the last",
               longest <= 65536 and flagged >= len(entries) - 1 and whole and run.state == "succeeded"),
        Figure("line of 1 GiB: first piece at a viewer", f"{first_ms:.0f} ms after its first byte", "<= 500 ms",
               first_ms <= 500),
    ]  # fmt: skip


def bars() -> list[Figure]:
    """A bar that is redrawn 1,000 times a second, in both modes."""
    count = int(BARS_SECONDS * BARS_PER_SECOND)
    raw = b"".join(bar(number, count) for number in range(count))
    kept = {}
    for mode in ("last", "keep"):
        with started(cr=mode) as (fleet, _member):
            (run,) = fleet.wait_ended([fleet.send("f.bars", BARS_SECONDS, BARS_PER_SECOND)], 120)
            kept[mode] = fleet.output(run.id)
            if mode == "last":
                overwritten = run.number("rewritten_bytes")
    share = len(kept["last"]) / len(raw)
    told = overwritten + len(kept["last"]) == len(raw)
    return [
        Figure(f"progress bar, {BARS_PER_SECOND} times a second: stored of what was written",
               f"{100 * share:.2f} %, the rest counted as overwritten: {told}", "<= 5 %", share <= 0.05 and told),
        Figure("progress bar with RUNTAIL_CR=keep: stored",
               "byte for byte" if kept["keep"] == raw else "something else", "byte for byte", kept["keep"] == raw),
    ]  # fmt: skip
