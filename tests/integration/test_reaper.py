"""The reaper on a real Redis, with its own clock under the test's control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runtail.errors import Fenced
from runtail.log import reader
from runtail.log.writer import LogWriter
from runtail.protocol import Entry, RunState
from runtail.protocol import event as events
from runtail.reaper import Reaper
from runtail.runs.cancel import cancel
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.runs.listing import waiting_reason
from runtail.runs.queues import RedisQueues
from runtail.runs.record import read_run
from runtail.runs.start import start
from runtail.store import Store
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.runs import make_store, open_run, write_lines
from tests.support.waiting import wait_for


class Rig:
    """A reaper whose clock the test moves, and a broker that remembers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 1000.0
        self.published: list[tuple[str, Mapping[str, Any]]] = []
        self.reaper = Reaper(store, self.publish, RedisQueues(store.client), clock=lambda: self.now)

    def publish(
        self, run_id: str, _task: str, _kwargs: Mapping[str, Any], queue: str, headers: Mapping[str, Any]
    ) -> None:
        """Put a message on the queue as kombu does: text in a list."""
        self.published.append((run_id, headers))
        self.store.client.lpush(queue, f'{{"headers": {{"id": "{run_id}"}}}}')

    def pass_seconds(self, seconds: float, beat: Any = None) -> None:
        """Let time pass in small steps, as the real thread would see it."""
        for _ in range(round(seconds)):
            self.now += 1
            if beat is not None:
                beat()
            self.reaper.step()


@pytest.fixture
def rig(redis_url: str, key_prefix: str) -> Iterator[Rig]:
    """A reaper on the shared server; queued runs are looked at after one second."""
    store = make_store(redis_url, key_prefix, unpublished_seconds=0.0, vanished_seconds=0.0)
    yield Rig(store)
    store.client.close()


def last_kinds(store: Store, run_id: str) -> list[str]:
    """The kinds of a run's events."""
    return [events.decode(i)["kind"] for i in reader.entries(store, run_id) if isinstance(i, Entry) and i.type == "e"]


def task(key_prefix: str, **more: Any) -> dict[str, Any]:
    """A catalogue entry with a queue of the test's own."""
    return {"name": "tests.task", "queue": key_prefix + "queue", **more}


def started(rig: Rig, key_prefix: str, **more: Any) -> Any:
    """Start a run and claim it."""
    run, _ = start(rig.store, rig.publish, task=task(key_prefix, **more), kwargs={})
    delivery = Delivery(run.id, "tests.task", "worker@test", headers=rig.published[-1][1]["runtail"])
    rig.store.client.delete(key_prefix + "queue")
    claimed = claim(rig.store, delivery, owner="o", token="t")
    assert isinstance(claimed, Claimed)
    return run.id, claimed.claim


def test_a_silent_writer_is_lost_and_a_beating_one_is_not(rig: Rig) -> None:
    silent, alive = open_run(rig.store, "silent"), open_run(rig.store, "alive")
    write_lines(silent, 1, 3)
    rig.pass_seconds(7, alive.flush)
    assert read_run(rig.store, "silent").text("why") == "worker silent"
    rig.pass_seconds(5, alive.flush)
    run = read_run(rig.store, "silent")
    assert run.state is RunState.LOST
    assert "silent for 10 s" in run.text("why")
    assert last_kinds(rig.store, "silent") == ["worker-lost", "end"]
    assert read_run(rig.store, "alive").state is RunState.RUNNING
    with pytest.raises(Fenced):
        silent.flush()


def test_a_writer_that_returns_in_time_goes_on(rig: Rig) -> None:
    writer = open_run(rig.store, "r")
    rig.pass_seconds(9)
    writer.flush()
    rig.pass_seconds(9)
    assert read_run(rig.store, "r").state is RunState.RUNNING
    assert read_run(rig.store, "r").text("why") == "worker silent"
    writer.flush()
    rig.pass_seconds(1)
    assert read_run(rig.store, "r").text("why") == ""


def test_a_pause_of_the_reaper_itself_proves_nothing(rig: Rig) -> None:
    open_run(rig.store, "r")
    rig.pass_seconds(4)
    rig.now += 3600
    rig.pass_seconds(9)
    assert read_run(rig.store, "r").state is RunState.RUNNING


def test_another_master_starts_the_count_anew(own_redis_server: RedisServer, tmp_path: Path, key_prefix: str) -> None:
    (tmp_path / "replica").mkdir()
    with RedisServer(tmp_path / "replica") as replica:
        replica.replica_of(own_redis_server)
        store = make_store(own_redis_server.url, key_prefix)
        rig = Rig(store)
        open_run(store, "r")
        rig.pass_seconds(9)
        wait_for(lambda: replica.client().exists(store.keys.run("r")) == 1, 10)
        replica.promote()
        promoted = make_store(replica.url, key_prefix)
        # What a Sentinel client does after a failover.
        store.client, store.scripts = promoted.client, promoted.scripts
        rig.pass_seconds(9)
        assert read_run(promoted, "r").state is RunState.RUNNING
        rig.pass_seconds(3)
        assert read_run(promoted, "r").state is RunState.LOST
        promoted.client.close()


def test_a_failed_read_starts_the_count_anew(redis_server: RedisServer, key_prefix: str) -> None:
    with TcpProxy("127.0.0.1", redis_server.port) as proxy:
        store = make_store(f"redis://127.0.0.1:{proxy.port}/0", key_prefix)
        rig = Rig(store)
        open_run(store, "r")
        rig.pass_seconds(9)
        rig.reaper.forget()  # what run() does after StoreUnavailable
        rig.pass_seconds(9)
        assert read_run(store, "r").state is RunState.RUNNING
        store.client.close()


def test_a_task_that_may_restart_gets_a_new_attempt(rig: Rig, key_prefix: str) -> None:
    run_id, _ = started(rig, key_prefix, restart=True, max_attempts=2)
    rig.pass_seconds(12)
    run = read_run(rig.store, run_id)
    assert run.state is RunState.QUEUED
    assert "restarting" in run.text("why")
    assert rig.published[-1][1]["runtail"]["attempt"] == 2
    delivery = Delivery(run_id, "tests.task", "w", headers=rig.published[-1][1]["runtail"])
    claimed = claim(rig.store, delivery, owner="o2", token="t2")
    assert isinstance(claimed, Claimed)
    assert claimed.claim.attempt == 2
    rig.store.client.delete(key_prefix + "queue")
    rig.pass_seconds(12)
    assert read_run(rig.store, run_id).state is RunState.LOST


def test_a_cancelled_run_whose_worker_is_gone_ends_as_cancelled(rig: Rig) -> None:
    open_run(rig.store, "r")
    cancel(rig.store, "r", who="ana")
    rig.pass_seconds(12)
    run = read_run(rig.store, "r")
    assert run.state is RunState.CANCELLED
    assert run.text("why").startswith("cancelled by ana; ")


def test_a_message_that_the_broker_will_deliver_again_is_waited_for(rig: Rig) -> None:
    claim(rig.store, Delivery("r", "tests.task", "w", redelivers=True, queue="q"), owner="o", token="t")
    rig.pass_seconds(12)
    run = read_run(rig.store, "r")
    assert run.state is RunState.QUEUED
    assert "delivers it again" in run.text("why")


def test_an_unpublished_run_is_closed_and_never_published(rig: Rig, key_prefix: str) -> None:
    run, _ = start(rig.store, rig.publish, task=task(key_prefix, exclusive=True), kwargs={})
    rig.store.client.hset(rig.store.keys.run(run.id), "published", "0")  # web died between the two steps
    rig.published.clear()
    rig.pass_seconds(1)
    ended = read_run(rig.store, run.id)
    assert (ended.state, ended.text("why")) == (RunState.FAILED, "not started: its message was never published")
    assert rig.published == []
    assert rig.store.client.get(rig.store.keys.exclusive("tests.task")) is None


def test_a_vanished_message_is_published_again_and_a_waiting_one_is_not(rig: Rig, key_prefix: str) -> None:
    vanished, _ = start(rig.store, rig.publish, task=task(key_prefix), kwargs={})
    rig.store.client.delete(key_prefix + "queue")
    waiting, _ = start(rig.store, rig.publish, task=task(key_prefix), kwargs={})
    rig.published.clear()
    rig.pass_seconds(8)
    assert [run_id for run_id, _ in rig.published] == [vanished.id]
    assert read_run(rig.store, waiting.id).number("republished") == 0
    for _ in range(4):
        rig.store.client.delete(key_prefix + "queue")
        rig.pass_seconds(8)
    assert read_run(rig.store, vanished.id).state is RunState.LOST


def test_nothing_is_published_from_a_record_without_its_secrets(rig: Rig, key_prefix: str) -> None:
    secretive = task(key_prefix, secrets=["token"], restart=True, max_attempts=3)
    vanished, _ = start(rig.store, rig.publish, task=secretive, kwargs={"token": "opensesame", "n": 1})
    rig.store.client.delete(key_prefix + "queue")
    crashed, _ = start(rig.store, rig.publish, task=secretive, kwargs={"token": "opensesame", "n": 2})
    rig.store.client.delete(key_prefix + "queue")
    delivery = Delivery(crashed.id, "tests.task", "worker@test", headers=rig.published[-1][1]["runtail"])
    assert isinstance(claim(rig.store, delivery, owner="o", token="t"), Claimed)
    unharmed, _ = start(rig.store, rig.publish, task=secretive, kwargs={"n": 3})
    rig.store.client.delete(key_prefix + "queue")
    rig.published.clear()
    rig.pass_seconds(20)
    assert {run_id for run_id, _ in rig.published} == {unharmed.id}
    for run_id, words in ((vanished.id, "its message is gone from the broker"), (crashed.id, "was silent for 10 s")):
        run = read_run(rig.store, run_id)
        assert run.state is RunState.LOST
        assert words in run.text("why")
        assert run.text("why").endswith("the values of its secret parameters are not kept")
        assert run.json("kwargs")["token"] == "***"


def test_one_of_two_reapers_works(rig: Rig) -> None:
    other = Rig(rig.store)
    rig.reaper.step()
    open_run(rig.store, "r")
    other.pass_seconds(30)
    assert read_run(rig.store, "r").state is RunState.RUNNING
    assert other.reaper.actions.total() == 0


def test_the_message_of_a_replacement_is_not_looked_for(rig: Rig, key_prefix: str) -> None:
    """It may be the end of a chain, or a chord's body, and be published in an hour."""
    run_id, found = started(rig, key_prefix)
    writer = LogWriter(rig.store, found)
    event = events.encode(events.REPLACED, task="etl.load")
    writer.release("replaced by etl.load, which has not begun", event, t_ms=1, awaits="replacement")
    rig.published.clear()
    rig.pass_seconds(60)
    run = read_run(rig.store, run_id)
    assert (run.state, rig.published) == (RunState.QUEUED, [])
    assert waiting_reason(run, []) == "replaced by etl.load, which has not begun"
