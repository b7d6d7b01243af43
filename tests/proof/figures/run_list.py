"""The list of 100,000 runs with filters: processor time of reader and server, with the index and without."""

from __future__ import annotations

import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from runtail.protocol import RunState
from runtail.runs.counts import MAX_COUNTED, count_states
from runtail.runs.filter import EVERYTHING, Filter
from runtail.runs.index import is_ready
from runtail.runs.listing import list_page
from runtail.store import Store
from tests.proof.figures import Figure
from tests.support.redis_server import RedisServer
from tests.support.relay import make_store, now_ms
from tests.support.services import Service
from tests.support.waiting import wait_for

RUNS = 100_000
TASKS, PEOPLE = 60, 200
PREFIX = "figures:"
REPEATED = 40
MOST_MS = 10.0
MOST_LOOKED_MS = 75.0
MOST_WORST_MS = 150.0
MOST_INDEX_BYTES = 1024
MOST_BUILD_SECONDS = 120


def filled(store: Store) -> None:
    """Write records such as workers leave, oldest first: 2 % failed, a few live; tasks and people unevenly often."""
    dice, began_ms = random.Random(17), now_ms() - RUNS * 1000
    for first in range(0, RUNS, 1000):
        pipeline = store.client.pipeline(transaction=False)
        for number in range(first, first + 1000):
            run_id = f"{dice.getrandbits(128):032x}"
            state = "failed" if number % 50 == 0 else "cancelled" if number % 211 == 0 else "succeeded"
            live = RUNS - number <= 40
            state = ("running" if number % 2 else "queued") if live else state
            task, person = int(TASKS * dice.random() ** 2), int(PEOPLE * dice.random() ** 2)
            created_ms = began_ms + number * 1000
            fields: dict[Any, Any] = {
                "v": 1, "state": state, "why": "", "task": f"team{task % 6}.task_{task}", "queue": f"queue-{task % 4}",
                "labels": f'{{"team":"t{task % 6}"}}', "who": f"person {person}", "who_id": f"user:{person}",
                "created_ms": created_ms, "since_ms": created_ms, "started_ms": created_ms, "attempt": 1,
                "epoch": created_ms, "last": "1-3", "line": 3, "chain": b"\0" * 32, "bytes": 20, "kwargs": "{}",
                "execution": 1, "label:ticket": f"T-{number // 20}",
            }  # fmt: skip
            pipeline.hset(store.keys.run(run_id), mapping=fields)
            pipeline.zadd(store.keys.runs(), {run_id: created_ms})
            if state == "running":
                pipeline.sadd(store.keys.running(), run_id)
            elif state == "queued":
                pipeline.zadd(store.keys.queued(), {run_id: created_ms})
            else:
                pipeline.zadd(store.keys.finished(), {run_id: created_ms + 500})
        pipeline.execute()


def team(task: str, _queue: str, _labels: str, _who_id: str) -> bool:
    """Who may see the runs of one team in six."""
    return task.startswith("team3.")


def own(_task: str, _queue: str, _labels: str, who_id: str) -> bool:
    """Who may see own runs only."""
    return who_id == "user:150"


STATES = {state: frozenset({state}) for state in map(str, RunState)}
FILTERS = {
    "no filter": EVERYTHING,
    "failed": Filter(states=STATES["failed"]),
    "running": Filter(states=STATES["running"]),
    "a task": Filter(task="team1.task_55"),
    "a part of tasks' names": Filter(task="*TASK_5*"),
    "a person": Filter(who="person 150"),
    "a declared label": Filter(label=("team", "t3")),
    "an added label": Filter(label=("ticket", "T-77")),
    "the beginning of an id": Filter(id_prefix="4f0c"),
    "failed, a task, a person": Filter(states=STATES["failed"], task="team1.task_1", who="person 1"),
    "failed, of one team": Filter(states=STATES["failed"], visible=team),
    "of one team": Filter(visible=team),
    "own runs": Filter(visible=own, asker="user:150"),
    "nothing fits": Filter(states=STATES["lost"], task="team1.task_1"),
}
#: Both conditions are met often, and never together: as many runs are looked at as one page may.
WORST = Filter(task="team0.task_0", label=("team", "t1"))


class Costs:
    """Processor time that this process and a server take."""

    def __init__(self, *others: psutil.Process) -> None:
        self._others = others

    def _now(self) -> float:
        own_use = resource.getrusage(resource.RUSAGE_SELF)
        return own_use.ru_utime + own_use.ru_stime + sum(sum(one.cpu_times()[:2]) for one in self._others)

    def of(self, call: Callable[[], object], repeated: int = REPEATED) -> float:
        """Milliseconds of one call."""
        call()
        before = self._now()
        for _ in range(repeated):
            call()
        return (self._now() - before) * 1000 / repeated


def measure() -> list[Figure]:
    """On one store."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(RedisServer(folder / "redis"))
        store = make_store(server.url, PREFIX)
        filled(store)
        redis = psutil.Process(server.process.pid)
        costs = Costs(redis)
        without = {name: costs.of(partial(list_page, store, wanted), 2) for name, wanted in FILTERS.items()}

        memory_before, redis_before, began = _memory(store), sum(redis.cpu_times()[:2]), time.monotonic()
        web = stack.enter_context(
            Service("web", folder, {"broker_url": server.url, "key_prefix": PREFIX, "limit_requests": 0})
        )
        wait_for(lambda: is_ready(store), 600)
        took, redis_took = time.monotonic() - began, sum(redis.cpu_times()[:2]) - redis_before
        index_bytes = (_memory(store) - memory_before) / RUNS

        found = {name: costs.of(partial(list_page, store, wanted)) for name, wanted in FILTERS.items()}
        counted = {name: costs.of(partial(count_states, store, wanted)) for name, wanted in FILTERS.items()}
        worst = costs.of(lambda: list_page(store, WORST), 5)
        over_http = _over_http(web, redis)
    print("   " + "; ".join(f"{name}: {ms:.1f} ms" for name, ms in found.items()))
    print("   without the index: " + "; ".join(f"{name}: {ms:.1f} ms" for name, ms in without.items()))
    print("   counts: " + "; ".join(f"{name}: {ms:.1f} ms" for name, ms in counted.items()))
    of, most = f"{RUNS:,} runs", f"<= {MOST_MS:.0f} ms"
    pages = [
        Figure(f"a page of {of}, {name}: CPU of reader and store (without the index)",
               f"{ms:.1f} ms ({without[name]:,.1f})", most, ms <= MOST_MS)
        for name, ms in found.items()
    ]  # fmt: skip
    looked = {name: counted.pop(name) for name in list(counted) if _looks_at_runs(FILTERS[name])}
    by_http = statistics.median(over_http.values())
    return [
        *pages,
        Figure(f"how many of {of} are in each state, all of these filters without labels and people (the most)",
               f"{max(counted.values()):.1f} ms", most, max(counted.values()) <= MOST_MS),
        Figure(f"the same with labels or people, for which up to {MAX_COUNTED:,} runs are looked at (the most)",
               f"{max(looked.values()):.1f} ms", f"<= {MOST_LOOKED_MS:.0f} ms", max(looked.values()) <= MOST_LOOKED_MS),
        Figure(f"a page of {of} by HTTP: CPU of web and store ({', '.join(over_http)})",
               ", ".join(f"{ms:.1f} ms" for ms in over_http.values()), f"{most} in the middle", by_http <= MOST_MS),
        Figure(f"a page of {of} for which it looks at as many as it may: CPU of reader and store",
               f"{worst:.0f} ms", f"<= {MOST_WORST_MS:.0f} ms", worst <= MOST_WORST_MS),
        Figure(f"the index of {of}, each with one added label: memory of the store for one", f"{index_bytes:.0f} B",
               f"<= {MOST_INDEX_BYTES} B", index_bytes <= MOST_INDEX_BYTES),
        Figure(f"to build the index of {of}: time, and CPU of the store", f"{took:.0f} s, {redis_took:.1f} s",
               f"<= {MOST_BUILD_SECONDS} s", took <= MOST_BUILD_SECONDS),
    ]  # fmt: skip


def _looks_at_runs(wanted: Filter) -> bool:
    """Whether their number is not known without looking at them."""
    return any(one is not None for one in (wanted.label, wanted.who, wanted.id_prefix))


def _over_http(web: Service, redis: psutil.Process) -> dict[str, float]:
    """Milliseconds of web and store for some requests."""
    main = psutil.Process(web.process.pid)
    processes = [redis, main, *main.children(recursive=True)]

    def now() -> float:
        return sum(sum(one.cpu_times()[:2]) for one in processes)

    asked = {"failed": {"state": "failed"}, "failed of a task": {"state": "failed", "task": "*task_1*"},
             "a label": {"label": "ticket:T-77"}}  # fmt: skip
    found = {}
    with httpx.Client(base_url=f"{web.url}/api/v1", timeout=30) as client:
        for name, query in asked.items():
            client.get("/runs", params=query).raise_for_status()
            before = now()
            for _ in range(REPEATED):
                client.get("/runs", params=query).raise_for_status()
            found[name] = (now() - before) * 1000 / REPEATED
    return found


def _memory(store: Store) -> int:
    info: Any = store.client.info("memory")
    return int(info["used_memory"])
