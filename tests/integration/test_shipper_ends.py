"""What ended lately is looked after together: a failover that takes an end back is noticed for each run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail.errors import Fenced, RunDeleted, StoreUnavailable
from runtail.log.writer import LogWriter
from runtail.protocol import RunState
from runtail.protocol import event as events
from runtail.runs.record import read_run
from runtail.runs.retention import delete
from runtail.store import Store
from runtail.worker.shipper.after import Ends
from tests.support.redis_server import RedisServer
from tests.support.runs import finish, make_store, open_run, roll_back, snapshot, write_lines
from tests.support.waiting import wait_for
from tests.support.worker import Worker

T_MS = 1_764_000_999_000


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Iterator[Store]:
    made = make_store(redis_url, key_prefix)
    yield made
    made.client.close()


def ended(store: Store, count: int) -> tuple[Ends, list[LogWriter]]:
    """Runs that ended at the second 0, looked after under the keys ``0``, ``1``, ..."""
    ends, writers = Ends(store), [open_run(store, f"run-{number}") for number in range(count)]
    for number, writer in enumerate(writers):
        finish(writer)
        ends.add(str(number), writer, 0.0)
    return ends, writers


def calls(server: RedisServer) -> dict[str, int]:
    """How often the server has executed each command."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(found["calls"]) for name, found in stats.items()}


def test_many_ends_that_stand_cost_one_look_and_no_script(own_redis_server: RedisServer, key_prefix: str) -> None:
    store = make_store(own_redis_server.url, key_prefix)
    ends, writers = ended(store, 300)
    before = calls(own_redis_server)
    assert ends.keep("0", 1.9) == 2.0
    assert calls(own_redis_server).get("hmget", 0) == before.get("hmget", 0)
    # Whose turn comes next need not ask.
    assert {ends.keep(str(number), 2.0 + number / 1000) for number in range(300)} == {4.0}
    after = calls(own_redis_server)
    assert after["hmget"] - before.get("hmget", 0) == 300
    assert after["evalsha"] == before["evalsha"]
    assert all(read_run(store, writer.claim.run_id).state is RunState.SUCCEEDED for writer in writers)
    store.client.close()


@pytest.mark.parametrize("first", [0, 2])
def test_an_end_that_was_taken_back_is_written_again_whoever_noticed_it(store: Store, first: int) -> None:
    ends, writers = ended(store, 2)
    lost = open_run(store, "run-lost")
    write_lines(lost, 1, 3)
    before = snapshot(store)
    finish(lost)
    ends.add("2", lost, 0.0)
    roll_back(store, before)
    assert read_run(store, "run-lost").state is RunState.RUNNING
    for number in (first, 0, 1, 2):
        ends.keep(str(number), 2.0)
    assert read_run(store, "run-lost").state is RunState.SUCCEEDED
    assert (lost.repairs, [writer.repairs for writer in writers]) == (1, [0, 0])
    # And it is looked after like the others from then on.
    roll_back(store, before)
    ends.keep("2", 3.9)
    assert read_run(store, "run-lost").state is RunState.RUNNING
    ends.keep("2", 4.0)
    assert read_run(store, "run-lost").state is RunState.SUCCEEDED


def test_a_run_that_somebody_else_took_or_deleted_is_told(store: Store) -> None:
    ends, writers = ended(store, 2)
    released = open_run(store, "run-released", token="first")
    retry = events.encode(events.RETRY, retries=1, max=3, eta_ms=None, reason="x")
    released.release("again", retry, t_ms=T_MS, awaits="retry")
    ends.add("released", released, 0.0)
    assert ends.keep("released", 2.0) == 4.0
    open_run(store, "run-released", token="second")
    delete(store, "run-0")
    with pytest.raises(Fenced):
        ends.keep("released", 4.0)
    with pytest.raises(RunDeleted):
        ends.keep("0", 4.0)
    for key in ("released", "0"):
        ends.remove(key)
    assert ends.keep("1", 6.0) == 8.0
    assert read_run(store, writers[1].claim.run_id).state is RunState.SUCCEEDED


def test_a_store_that_is_away_is_asked_again(own_redis_server: RedisServer, key_prefix: str) -> None:
    store = make_store(own_redis_server.url, key_prefix)
    ends, _writers = ended(store, 1)
    own_redis_server.kill()
    with pytest.raises(StoreUnavailable):
        ends.keep("0", 2.0)
    own_redis_server.start()
    # It came back empty: what is retained is written again.
    ends.keep("0", 2.1)
    assert read_run(store, "run-0").state is RunState.SUCCEEDED
    store.client.close()


def test_a_worker_notices_that_ends_of_its_tasks_were_taken_back(tmp_path: Path, redis_url: str) -> None:
    with Worker(tmp_path, redis_url) as worker:
        worker.wait_ready()
        earlier = [worker.do("t.printing")[0].id for _ in range(3)]
        before = snapshot(worker.store)
        later = [worker.do("t.printing")[0].id for _ in range(3)]
        outputs = [worker.output(run_id) for run_id in later]
        roll_back(worker.store, before)
        for run_id, output in zip(later, outputs, strict=True):
            found = worker.wait_ended(run_id)
            assert (found.state, worker.output(run_id)) == ("succeeded", output)
        assert [str(worker.wait_ended(run_id).state) for run_id in earlier] == ["succeeded"] * 3
        wait_for(lambda: worker.store.client.smembers(worker.store.keys.running()) == set(), 10)
