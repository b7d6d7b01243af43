"""Whatever fails around the relay, viewers get every line once, or are told."""

from collections.abc import Callable
from typing import Any

import pytest

from runtail.store import Store
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Follow, Follower, Producer, Relay, following, make_store
from tests.support.runs import roll_back, snapshot
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]


def test_a_lost_bell_is_healed_by_the_sweep(follow: Follow) -> None:
    with follow() as (_relay, producer, follower, client):
        # The relay may not subscribe again: it gets nothing from now on.
        client.acl_setuser("default", enabled=True, commands=["-subscribe"])
        assert client.client_kill_filter(_type="pubsub")
        producer.write(5)
        follower.until(lambda: len(follower.lines) == 6)
        client.acl_setuser("default", enabled=True, commands=["+subscribe"])
        producer.end()
        follower.until_end()
    assert follower.lines == producer.expected()


def test_notifications_come_again_after_their_connection_was_killed(follow: Follow, key_prefix: str) -> None:
    # No sweep to help.
    with follow(sweep_seconds=3600) as (_relay, producer, follower, client):
        assert client.client_kill_filter(_type="pubsub")
        wait_for(lambda: client.pubsub_numsub(f"{key_prefix}bell:{producer.run_id}")[0][1], 10)
        producer.write(1)
        follower.until(lambda: len(follower.lines) == 2)


def test_a_log_that_cannot_be_read_is_said_and_stops_no_other(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    strange, ordinary = Producer(relay_store), Producer(relay_store)
    followers = [Follower(strange.run_id), Follower(ordinary.run_id)]
    for follower in followers:
        follower.connect(relay.url)
    client: Any = relay_store.client
    client.xadd(relay_store.keys.log(strange.run_id), {"h": "2 o 1 1 1 -", "d": "new", "c": bytes(32)}, id="1-1")
    followers[0].until(lambda: followers[0].resets)
    assert "format 2" in followers[0].resets[0]["why"]
    ordinary.write(3)
    ordinary.end()
    followers[1].until_end()
    assert followers[1].lines == ordinary.expected()


def told_of_the_store(client: Client) -> bool:
    """Return what the relay says next of the store."""
    while True:
        name, data = client.next_event()
        if name == "store":
            answers: bool = data["answers"]
            return answers


def test_while_the_store_is_away_viewers_are_told_so_and_go_on_after(
    start_relay: StartRelay, own_redis_server: RedisServer, key_prefix: str
) -> None:
    own_redis_server.restart(append_only="always")
    relay = start_relay(url=own_redis_server.url)
    producer = Producer(make_store(own_redis_server.url, key_prefix))
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        producer.write(10)
        follower.until(lambda: len(follower.lines) == 10)
        own_redis_server.stop()
        wait_for(lambda: relay.metric("runtail_socket_store_up") == 0, 10, relay.process.evidence)
        assert relay.get("/readyz")[0] == 200
        follower.until(lambda: follower.store_answers is False, 15)
        late, listing = Client(relay.url).join(), Client(relay.url).join()
        answer = late.emit("subscribe", {"v": 1, "run": producer.run_id})
        assert answer["code"] == "unavailable"
        assert listing.emit("subscribe", {"v": 1, "runs": True})["ok"]
        # Who comes now has missed what the others were told.
        assert told_of_the_store(late) is told_of_the_store(listing) is False
        own_redis_server.start()
        assert told_of_the_store(late) is told_of_the_store(listing) is True
        follower.until(lambda: follower.store_answers, 15)
        producer.write(10)
        producer.end()
        follower.until_end()
        assert late.emit("subscribe", {"v": 1, "run": producer.run_id})["ok"]
    assert follower.lines == producer.expected()
    assert not follower.resets


def test_an_emptied_store_resets_every_view_and_the_new_history_is_whole(
    start_relay: StartRelay, own_redis_server: RedisServer, key_prefix: str
) -> None:
    relay = start_relay(url=own_redis_server.url)
    producer = Producer(make_store(own_redis_server.url, key_prefix))
    follower = Follower(producer.run_id)
    with following(follower, relay.url), own_redis_server.client() as client:
        producer.write(10)
        follower.until(lambda: len(follower.lines) == 10)
        client.flushall()
        producer.write(5)
        follower.until(lambda: follower.resets)
        assert follower.resets[0]["reason"] == "store-lost"
        anew = Follower(producer.run_id)
        with following(anew, relay.url):
            producer.end()
            anew.until_end()
    assert anew.view.verdict is not None
    assert anew.view.verdict.verified
    assert anew.view.cursor is not None
    assert anew.view.cursor.epoch > follower.resets[0]["epoch"] - 1


def test_a_deleted_run_ends_its_views(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(1)
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: follower.lines)
        keys = relay_store.keys
        relay_store.client.delete(keys.run(producer.run_id), keys.log(producer.run_id))
        follower.until(lambda: follower.resets)
        assert "no longer in the store" in follower.resets[0]["why"]
        assert follower.subscribe()["code"] == "unknown-run"


def test_a_reader_that_is_ahead_of_the_store_raises_the_epoch_after_the_lease(
    start_relay: StartRelay, relay_store: Store
) -> None:
    relay = start_relay(lease_seconds=2, beat_seconds=1)
    producer = Producer(relay_store)
    producer.write(5)
    keys = relay_store.keys
    client: Any = relay_store.client
    before = client.hgetall(keys.run(producer.run_id))
    producer.write(5)
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 10)
        # A failover to a replica that had the first entry only; the writer is gone.
        client.xtrim(keys.log(producer.run_id), maxlen=1, approximate=False)
        newest = client.xrange(keys.log(producer.run_id))
        client.xdel(keys.log(producer.run_id), newest[-1][0])
        client.hset(keys.run(producer.run_id), mapping=before)
        follower.until(lambda: follower.resets)
    assert follower.resets[0]["reason"] == "ahead"
    assert follower.view.cursor is not None
    assert follower.resets[0]["epoch"] > follower.view.cursor.epoch


def test_another_history_of_the_same_length_is_noticed(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    before = snapshot(relay_store)
    producer = Producer(relay_store)
    producer.write(5)
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 5)
        epoch = producer.writer.epoch
        other = make_store(relay_store.settings.broker_url, relay_store.settings.key_prefix + "other:")
        twin = Producer(other, producer.run_id)
        twin.writer.add("o", b"something else\n" * 5, 1)
        twin.writer.flush()
        # The store went back, and another execution has written as many entries since.
        filled = {key.replace(b"other:", b""): value for key, value in snapshot(other).items()}
        roll_back(relay_store, {**before, **filled})
        client: Any = relay_store.client
        client.hset(relay_store.keys.run(producer.run_id), "epoch", epoch)
        follower.until(lambda: follower.resets)
    assert follower.resets[0]["reason"] == "chain"
    other.client.close()


def test_a_rollback_that_the_writer_repairs_is_not_seen(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(5)
    keys = relay_store.keys
    client: Any = relay_store.client
    before = client.hgetall(keys.run(producer.run_id))
    first = client.xrange(keys.log(producer.run_id))
    producer.write(5)
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 10)
        pipeline = client.pipeline()
        pipeline.delete(keys.log(producer.run_id), keys.run(producer.run_id))
        for id_, fields in first:
            pipeline.xadd(keys.log(producer.run_id), fields, id=id_)
        pipeline.hset(keys.run(producer.run_id), mapping=before)
        pipeline.execute()
        producer.write(5)
        producer.end()
        follower.until_end()
    assert follower.lines == producer.expected()
    assert not follower.resets


def test_a_killed_relay_loses_nothing(start_relay: StartRelay, relay_store: Store) -> None:
    one, other = start_relay(), start_relay()
    producer = Producer(relay_store).start(3000)
    follower = Follower(producer.run_id)
    follower.connect(one.url)
    follower.until(lambda: len(follower.lines) > 500)
    one.process.kill()
    with pytest.raises(ConnectionError):
        follower.until(lambda: False)
    follower.close()
    producer.stop()
    with following(follower, other.url):
        follower.until_end()
    assert follower.lines == producer.expected()
