"""A failover takes entries back that viewers have seen, and the one that wrote them is gone."""

from __future__ import annotations

import pytest

from runtail.errors import StoreUnavailable
from runtail.log import reader
from runtail.log.ending import Ending
from runtail.log.reader import Head
from runtail.log.writer import LogWriter
from runtail.protocol import RunState
from runtail.protocol import event as events
from runtail.runs.claim import Claimed, Delivery, Held, claim
from runtail.runs.ending import unflushed_ms, write_events
from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.runs import change_master, make_store, open_run, roll_back, snapshot, write_lines
from tests.support.waiting import wait_for


def lose_entries(store: Store, *, failover: bool = True) -> tuple[str, int]:
    """Write a run whose last entries a failover takes back; return its id and its epoch."""
    writer = open_run(store)
    write_lines(writer, 1, 20)
    remembered = snapshot(store)
    write_lines(writer, 21, 40)
    roll_back(store, remembered)
    if failover:
        change_master(store)
    return writer.claim.run_id, writer.epoch


@pytest.fixture
def store(own_redis_server: RedisServer, key_prefix: str) -> Store:
    return make_store(own_redis_server.url, key_prefix)


def end_as_reaper(store: Store, run_id: str) -> None:
    lost = events.encode(events.WORKER_LOST, worker="w", silent_ms=10_000)
    write_events(store, read_run(store, run_id), "reaper", [lost], ending=Ending(RunState.LOST, "silent"))


def lose_an_end(store: Store, run_id: str) -> Head:
    """The reaper ends a run, viewers see it, and a failover takes the end back; return what they saw."""
    remembered = snapshot(store)
    end_as_reaper(store, run_id)
    seen = reader.head(store, run_id)
    roll_back(store, remembered)
    change_master(store)
    return seen


def test_the_reaper_does_not_reuse_ids_of_entries_that_a_failover_took_back(store: Store) -> None:
    run_id, epoch = lose_entries(store)
    end_as_reaper(store, run_id)
    assert reader.head(store, run_id).epoch > epoch
    assert read_run(store, run_id).state is RunState.LOST


def test_an_end_that_a_failover_took_back_is_not_written_differently_in_the_same_epoch(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 10)
    seen = lose_an_end(store, writer.claim.run_id)
    end_as_reaper(store, writer.claim.run_id)
    assert reader.head(store, writer.claim.run_id).epoch > seen.epoch


def test_the_next_attempt_does_not_reuse_lines_that_a_failover_took_back(store: Store) -> None:
    run_id, epoch = lose_entries(store)
    delivery = Delivery(run_id, "tests.task", "other@test")
    held = claim(store, delivery, owner="owner-2", token="token-2")
    assert isinstance(held, Held)
    claimed = claim(store, delivery, owner="owner-2", token="token-2", takeover=held)
    assert isinstance(claimed, Claimed)
    assert claimed.claim.epoch > epoch
    assert claimed.claim.attempt == 2


def test_a_new_shipper_does_not_reuse_lines_that_a_failover_took_back(store: Store) -> None:
    run_id, epoch = lose_entries(store)
    claimed = claim(store, Delivery(run_id, "tests.task", "w@test"), owner="owner-1", token="token-1")
    assert isinstance(claimed, Claimed)
    assert claimed.claim.epoch > epoch


def test_a_writer_that_lives_through_a_failover_goes_on_in_its_epoch(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 20)
    remembered = snapshot(store)
    write_lines(writer, 21, 40)
    roll_back(store, remembered)
    change_master(store)
    epoch = writer.epoch
    write_lines(writer, 41, 50)
    head = reader.head(store, writer.claim.run_id)
    assert (head.epoch, head.line) == (epoch, 51)
    # It vouched for everything: what comes after it is no new history either.
    end_as_reaper(store, writer.claim.run_id)
    assert reader.head(store, writer.claim.run_id).epoch == epoch


def test_a_writer_that_was_silent_for_a_lease_does_not_reuse_ids_of_an_end_that_a_failover_took_back(
    store: Store,
) -> None:
    now = 100.0
    writer = LogWriter(store, open_run(store).claim, clock=lambda: now)
    write_lines(writer, 1, 20)
    lose_an_end(store, writer.claim.run_id)
    epoch = writer.epoch
    now += store.settings.lease_seconds
    write_lines(writer, 21, 30)
    head = reader.head(store, writer.claim.run_id)
    assert head.epoch > epoch
    assert head.line == 31
    # From here on it is heard: nothing begins anew without need.
    write_lines(writer, 31, 40)
    assert reader.head(store, writer.claim.run_id).epoch == head.epoch == writer.epoch


def test_neither_does_a_silent_writer_whose_last_entry_was_stored_and_its_answer_lost(
    store: Store, own_redis_server: RedisServer
) -> None:
    now = 100.0
    with TcpProxy(own_redis_server.host, own_redis_server.port) as proxy:
        behind = make_store(proxy.url, store.settings.key_prefix)
        writer = LogWriter(behind, open_run(behind).claim, clock=lambda: now)
        write_lines(writer, 1, 20)
        proxy.drop_reply(b"EVALSHA")
        with pytest.raises(StoreUnavailable):
            write_lines(writer, 21, 30)
        lose_an_end(store, writer.claim.run_id)
        epoch = writer.epoch
        now += store.settings.lease_seconds
        writer.flush()
        write_lines(writer, 31, 40)
        assert reader.head(store, writer.claim.run_id).epoch == writer.epoch > epoch
        behind.client.close()


def test_a_writer_that_was_silent_for_a_lease_goes_on_in_its_epoch_without_a_failover(store: Store) -> None:
    now = 100.0
    writer = LogWriter(store, open_run(store).claim, clock=lambda: now)
    write_lines(writer, 1, 20)
    now += store.settings.lease_seconds
    write_lines(writer, 21, 30)
    assert reader.head(store, writer.claim.run_id).epoch == writer.claim.epoch


def test_the_bound_of_what_is_missing_reaches_back_to_what_the_failover_left(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 5)
    left_ms = read_run(store, writer.claim.run_id).number("beat_ms")
    remembered = snapshot(store)
    wait_for(lambda: store.now_ms() > left_ms + 20, 5)
    write_lines(writer, 6, 10)
    roll_back(store, remembered)
    assert read_run(store, writer.claim.run_id).number("beat_ms") == left_ms
    bound_ms = unflushed_ms(store.settings, left_ms, store.now_ms())
    assert bound_ms is not None
    assert bound_ms >= store.now_ms() - left_ms


def test_without_a_failover_a_lost_worker_changes_no_epoch(store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 20)
    end_as_reaper(store, writer.claim.run_id)
    assert reader.head(store, writer.claim.run_id).epoch == writer.epoch
