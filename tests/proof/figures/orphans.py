"""Workers are killed process by process, in every order, and what stays behind is watched until it is gone."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from pathlib import Path

import psutil

from tests.proof.figures import Figure
from tests.support.celery_worker import ROLES, CeleryWorker
from tests.support.idle import MOST_IDLE_SHARE, cpu_shares
from tests.support.installation import Installation
from tests.support.redis_server import RedisServer
from tests.support.waiting import DeadlineExceeded, wait_for

ORPHAN_SECONDS = 6.0
#: Above the bound: the last word, and Python's end, of several workers at once.
MARGIN_SECONDS = 4.0
AT_ONCE = 6
ORDERS = list(itertools.permutations(ROLES))
STORES = ("up", "gone", "silent", "coming back")


def measure() -> list[Figure]:
    """All orders with all states of the store, then idle workers."""
    left, took, shares, count = 0, dict.fromkeys(STORES, 0.0), [0.0], 0
    for store in STORES:
        for first in range(0, len(ORDERS), AT_ONCE):
            orders = ORDERS[first : first + AT_ONCE]
            seconds, remaining, share = batch(store, orders)
            count += len(orders)
            left += remaining
            took[store] = max(took[store], seconds)
            shares.append(share)
    bound = ORPHAN_SECONDS + MARGIN_SECONDS
    idle_up, idle_away = idle()
    return [
        Figure(f"main, child, keeper and shipper SIGKILLed in {count // len(STORES)} orders: left after the bound of "
               f"{ORPHAN_SECONDS:.0f} s",
               f"{left} processes in {count}; gone after at most "
               + ", ".join(f"{seconds:.1f} s (store {store})" for store, seconds in took.items()),
               "0", not left and max(took.values()) <= bound),
        Figure("processor that a process takes which is left behind",
               f"at most {100 * max(shares):.1f} % of a core", "<= 5 %", max(shares) <= MOST_IDLE_SHARE),
        Figure("processor that a process of an idle worker takes",
               f"at most {100 * idle_up:.1f} % of a core, {100 * idle_away:.1f} % while the store is away", "<= 5 %",
               max(idle_up, idle_away) <= MOST_IDLE_SHARE),
    ]  # fmt: skip


def batch(store: str, orders: list[tuple[str, ...]]) -> tuple[float, int, float]:
    """Kill some workers; return when the last process was gone, how many stayed, and the largest share of a core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("redis", "notes"):
            (folder / part).mkdir()
        with (
            RedisServer(folder / "redis") as server,
            Installation(folder, server.url, orphan_seconds=ORPHAN_SECONDS) as fleet,
        ):
            queues = [f"queue{number}" for number in range(len(orders))]
            members = [fleet.add(queue=queue) for queue in queues]
            for member in members:
                member.wait_ready()
            ids = [fleet.send("f.counts", str(folder / "notes"), 0.002, queue=queue) for queue in queues]
            fleet.wait_running(ids)
            if store == "gone":
                server.kill()
            elif store != "up":
                server.pause()
            for number, (member, order) in enumerate(zip(members, orders, strict=True)):
                member.kill_in_order(order, 0.05 * (number % 4))
            killed_at = time.monotonic()
            # First a keeper may start a shipper, which is work.
            for _ in range(2):
                share = max(cpu_shares(left_of(members), 1.5).values(), default=0.0)
            if store == "coming back":
                server.resume()
            with contextlib.suppress(DeadlineExceeded):  # what stays is counted
                wait_for(lambda: not left_of(members), ORPHAN_SECONDS + MARGIN_SECONDS)
            took, remaining = time.monotonic() - killed_at, len(left_of(members))
            if store == "silent":
                server.resume()
            return took, remaining, share


def left_of(members: list[CeleryWorker]) -> list[psutil.Process]:
    """What still runs of these workers."""
    return [process for member in members for process in member.processes()]


def idle() -> tuple[float, float]:
    """The largest share of a core that a process of an idle worker takes: with its store, and without."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with RedisServer(folder / "redis") as server, Installation(folder, server.url) as fleet:
            member = fleet.add(concurrency=2).wait_ready()
            fleet.wait_ended([fleet.send("f.prints_lines", 100)])
            up = max(cpu_shares(member.processes(), 10.0).values())
            server.kill()
            return up, max(cpu_shares(member.processes(), 10.0).values())
