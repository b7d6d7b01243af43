"""Ended runs stay inside their budget, running ones are never touched, nothing waits for ever (W13)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runtail.errors import RunNotFound
from runtail.log.ending import Ending
from runtail.log.reader import entries
from runtail.protocol import EVENT, OUTPUT, Entry, RunState
from runtail.reaper import Reaper
from runtail.runs.claim import Delivery, Refused, claim
from runtail.runs.record import read_run, read_runs
from runtail.runs.retention import BATCH, delete, keep_budget
from runtail.runs.start import start
from runtail.store import Store
from tests.support.runs import finish, make_store, open_run, write_lines

RUNS = 10_000
#: That end between two of the reaper's steps: as many per second.
PER_STEP = 250
BUDGET_BYTES = 1_000_000


def publish(*_: Any) -> None:
    """A broker that takes everything."""


def members(store: Store) -> Mapping[str, set[str]]:
    """What each index holds."""
    keys, client = store.keys, store.client
    found: dict[str, Any] = {
        name: client.zrange(getattr(keys, name)(), 0, -1) for name in ("runs", "queued", "finished")
    }
    found["running"] = client.smembers(keys.running())
    found["sizes"] = client.hkeys(keys.finished_sizes())
    return {name: {one.decode() for one in ids} for name, ids in found.items()}


def total_bytes(store: Store) -> int:
    """What ended runs are said to hold."""
    total: Any = store.client.get(store.keys.finished_bytes())
    return int(total or 0)


def booked(store: Store, run_ids: Iterable[str]) -> int:
    """What is booked for these runs."""
    sizes: Any = store.client.hmget(store.keys.finished_sizes(), list(run_ids))
    return sum(int(size) for size in sizes)


def kept(store: Store, kind: str) -> set[str]:
    """The ids of the records (``run``) or logs (``log``) that exist."""
    prefix = getattr(store.keys, kind)("")
    return {key.decode().removeprefix(prefix) for key in store.client.scan_iter(match=prefix + "*", count=5000)}


def test_ten_thousand_ended_runs_stay_inside_the_budget(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, budget_bytes=BUDGET_BYTES)
    now = 1000.0
    reaper = Reaper(store, publish, clock=lambda: now)
    seeded = random.Random(13)
    # Alive all the time, and larger than the budget: not its business.
    running = open_run(store)
    running.add(OUTPUT, b"x" * 999_999 + b"\n", 1)
    running.flush()
    running.add(OUTPUT, b"y" * 999_999 + b"\n", 2)
    running.flush()
    began = time.monotonic()
    sizes = [seeded.randint(1, 300) for _ in range(RUNS)]

    def one_run(number: int) -> str:
        writer = open_run(store, f"run-{number:05}")
        writer.add(OUTPUT, b"%d" % number * sizes[number] + b"\n", 1)
        # As LogWriter.end, but in one call: half of the time of this test.
        writer.ending = Ending(RunState.SUCCEEDED, "done")
        writer.add(EVENT, writer.ending.payload(writer.tally()), 2)
        writer.next = writer.ending.next(store.settings.log_ttl_seconds)
        writer.flush()
        return writer.claim.run_id

    ids: list[str] = []
    worst = 0
    with ThreadPoolExecutor(8) as pool:
        for first in range(0, RUNS, PER_STEP):
            ids += pool.map(one_run, range(first, first + PER_STEP))
            running.flush()
            now += 1
            reaper.step()
            worst = max(worst, total_bytes(store))
    seconds = time.monotonic() - began
    indexes, records, logs = members(store), kept(store, "run"), kept(store, "log")
    ended = [run for run in read_runs(store, sorted(records)) if run.state.terminal]
    held = {run.id for run in ended}
    counted = booked(store, [run.id for run in ended])
    print(f"\n{RUNS} runs in {seconds:.1f} s; {len(held)} kept, {counted} B of {BUDGET_BYTES} B, at most {worst} B")
    assert BUDGET_BYTES * 0.95 <= counted <= BUDGET_BYTES * 1.05
    assert worst <= BUDGET_BYTES * 1.05
    assert total_bytes(store) == counted
    # The newest are those that stay; nothing of the others is left.
    assert set(ids[-PER_STEP:]) <= held <= set(ids[-8 * PER_STEP :])
    everything = held | {running.claim.run_id}
    assert records == logs == indexes["runs"] == everything
    assert indexes["finished"] == indexes["sizes"] == held
    assert indexes["running"] == {running.claim.run_id}
    assert indexes["queued"] == set()
    assert read_run(store, running.claim.run_id).number("stored_bytes") > 1.9 * BUDGET_BYTES
    write_lines(running, 3, 3)
    assert len([item for item in entries(store, running.claim.run_id) if isinstance(item, Entry)]) == 3


def test_more_than_one_batch_over_the_budget_is_gone_some_steps_later(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, budget_bytes=0)
    now = 1000.0
    reaper = Reaper(store, publish, clock=lambda: now)
    for _ in range(BATCH + 20):
        finish(open_run(store))
    for _ in range(3):
        now += 1
        reaper.step()
    assert members(store)["finished"] == set()
    assert reaper.actions["over-budget"] == BATCH + 20


def test_that_a_run_made_room_is_remembered_for_hours_not_for_days(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, budget_bytes=0)
    for run_id in ("made-room", "deleted"):
        finish(open_run(store, run_id))
    delete(store, "deleted")
    assert keep_budget(store) == 1
    with pytest.raises(RunNotFound) as raised:
        read_run(store, "made-room")
    assert raised.value.deleted
    assert 7_000 < store.client.ttl(store.keys.deleted("made-room")) <= 7_200
    assert store.client.ttl(store.keys.deleted("deleted")) > 6 * 86_400


def test_expired_runs_leave_no_trace_in_the_indexes(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix)
    now = 1000.0
    reaper = Reaper(store, publish, clock=lambda: now)
    writers = [open_run(store) for _ in range(5)]
    for writer in writers:
        write_lines(writer, 1, 3)
        finish(writer)
    long_ago = store.now_ms() - store.settings.log_ttl_seconds * 1000 - 1
    for writer in writers[:3]:
        # What the time to live does.
        store.client.delete(store.keys.run(writer.claim.run_id), store.keys.log(writer.claim.run_id))
        store.client.zadd(store.keys.finished(), {writer.claim.run_id: long_ago})
    reaper.step()
    now += 1
    reaper.step()
    left = {writer.claim.run_id for writer in writers[3:]}
    indexes = members(store)
    assert indexes["runs"] == indexes["finished"] == indexes["sizes"] == left
    total = booked(store, left)
    assert total_bytes(store) == total


def test_a_run_that_nobody_claims_ends(redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix)
    now = 1000.0
    reaper = Reaper(store, publish, clock=lambda: now)
    runs = [
        start(store, publish, task={"name": "tests.task", "exclusive": n == 0}, kwargs={"n": n})[0] for n in range(3)
    ]
    old, later, young = (run.id for run in runs)
    long_ago = store.now_ms() - store.settings.log_ttl_seconds * 1000 - 1
    for run_id in (old, later):
        store.client.hset(store.keys.run(run_id), "since_ms", long_ago)
        store.client.zadd(store.keys.queued(), {run_id: long_ago})
    # It is to run in an hour: it has waited for nobody yet.
    store.client.hset(store.keys.run(later), "eta_ms", store.now_ms() + 3_600_000)
    for _ in range(2):
        now += 1
        reaper.step()
    ended = read_run(store, old)
    assert (ended.state, ended.text("why")) == (RunState.LOST, "nobody claimed it for 7 days")
    assert 0 < int(store.client.ttl(store.keys.run(old))) <= store.settings.log_ttl_seconds
    assert not store.client.exists(store.keys.exclusive("tests.task"))
    assert members(store)["queued"] == {later, young}
    # Its message may come all the same, and is refused.
    delivery = Delivery(old, "tests.task", "worker@test", headers={"v": 1, "run": old, "attempt": 1})
    assert isinstance(claim(store, delivery, owner="o", token="t"), Refused)
