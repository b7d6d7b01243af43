"""A relay's user may only read: what it leaves to web, and what it says when even that is forbidden."""

from __future__ import annotations

import logging
import re
from typing import Any

import orjson
import pytest
from redis.exceptions import NoPermissionError, ResponseError

from runtail.errors import StoreForbids
from runtail.log import epoch_requests, reader
from runtail.log.epoch_requests import EpochRequests
from runtail.protocol import Cursor
from runtail.store import Store
from tests.integration.conftest import StartRelay
from tests.support import store_users
from tests.support.processes import StartProcess
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower, Producer, Relay, following, make_store
from tests.support.waiting import wait_for


@pytest.fixture
def listening(relay_store: Store) -> Any:
    """Requests of this test's relays, heard from now on."""
    requests = EpochRequests(relay_store)
    requests.handle()
    wait_for(lambda: _listeners(relay_store) == 1, 10)
    yield requests
    requests.close()


def _listeners(store: Store) -> int:
    ((_, count),) = store.client.pubsub_numsub(store.keys.epoch_requests())
    return int(count)


def ahead(store: Store) -> tuple[str, Cursor]:
    """A run, and the cursor of somebody who has read more than the store has."""
    producer = Producer(store)
    producer.write(3)
    cursor = reader.locate(store, producer.run_id, 1).cursor
    cursor.last, cursor.chain = cursor.last._replace(attempt=1, seq=99), b"\x01" * 32
    return producer.run_id, cursor


def test_a_request_raises_the_epoch_once(relay_store: Store, listening: EpochRequests) -> None:
    run_id, cursor = ahead(relay_store)
    before = reader.head(relay_store, run_id).epoch
    assert epoch_requests.publish(relay_store, run_id, cursor, certain=False)
    wait_for(listening.handle, 10)
    raised = reader.head(relay_store, run_id).epoch
    assert raised > before
    epoch_requests.publish(relay_store, run_id, cursor, certain=False)
    wait_for(listening.handle, 10)
    assert reader.head(relay_store, run_id).epoch == raised


def test_nobody_who_listens_is_told(relay_store: Store) -> None:
    run_id, cursor = ahead(relay_store)
    assert not epoch_requests.publish(relay_store, run_id, cursor, certain=False)


@pytest.mark.parametrize(
    "change",
    [
        "not JSON", "[]", "null", "x" * 10_000, {"run": 7}, {"epoch": "1"}, {"epoch": -1}, {"epoch": True}, {"last": 1},
        {"last": "x"}, {"chain": "zz"}, {"chain": None}, {"run": "no such run"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_request_that_means_nothing_changes_nothing(
    relay_store: Store, listening: EpochRequests, change: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run_id, cursor = ahead(relay_store)
    before = reader.head(relay_store, run_id).epoch
    good = {"v": 1, "run": run_id, "epoch": cursor.epoch, "last": "1-99", "chain": "01" * 32, "certain": True}
    request = orjson.dumps({**good, **change}) if isinstance(change, dict) else change
    with caplog.at_level(logging.WARNING):
        relay_store.client.publish(relay_store.keys.epoch_requests(), request)
        relay_store.client.publish(relay_store.keys.epoch_requests(), orjson.dumps({**good, "last": "1-98"}))
        wait_for(listening.handle, 10)
    assert reader.head(relay_store, run_id).epoch > before
    if change != {"run": "no such run"}:
        assert "a request for a new epoch cannot be read" in caplog.text


def test_a_relay_that_nobody_hears_says_so_and_goes_on_when_somebody_listens(
    start_process: StartProcess, own_redis_server: RedisServer, key_prefix: str
) -> None:
    relay = Relay(start_process, own_redis_server.url, key_prefix, lease_seconds=1, beat_seconds=0.2)
    relay.wait_until_ready()
    store = make_store(own_redis_server.url, key_prefix)
    producer = Producer(store)
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        producer.write(3)
        follower.until(lambda: len(follower.lines) == 3)
        # The store loses the log's end.
        store.client.hset(store.keys.run(producer.run_id), mapping={"last": "0-0", "line": "1", "chain": b"\0" * 32})
        store.client.delete(store.keys.log(producer.run_id))
        relay.process.wait_for_log(f"run {producer.run_id} needs a new epoch, and no web service listens", 30)
        requests = EpochRequests(store)
        wait_for(lambda: requests.handle() or follower.resets, 30)
        follower.until(lambda: follower.resets)
        requests.close()
    assert follower.resets[0]["reason"] == "ahead"


def test_an_empty_store_gets_its_uuid_from_others(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    assert relay.get("/readyz")[0] == 200
    assert relay_store.known_uuid() is None
    made = relay_store.uuid()
    assert made == relay_store.uuid() == relay_store.known_uuid()


def test_a_missing_right_is_one_sentence_that_names_user_command_and_key(
    start_process: StartProcess, own_redis_server: RedisServer, key_prefix: str
) -> None:
    with own_redis_server.client() as admin:
        store_users.make(admin, "nosy", ["on", ">secret", "~other:*", "&*", "+@all"])
    url = own_redis_server.url.replace("//", "//nosy:secret@")
    store = make_store(url, key_prefix)
    with pytest.raises(StoreForbids) as refused:
        store.uuid()
    said = str(refused.value)
    assert "user nosy may not GET" in said
    assert store.keys.store() in said
    assert "runtail acl" in said
    assert "RUNTAIL_STORE_URL" in said
    with pytest.raises(StoreForbids, match="user nosy may not HMGET"):
        reader.locate(store, "r", 1)
    store.client.close()
    # As production has it: a relay whose user lacks a right waits, and its log stays short.
    relay = Relay(start_process, url, key_prefix)
    relay.process.wait_for_log("user nosy may not ", 30)
    assert relay.process.is_running()
    text = relay.process.log_path.read_text()
    assert "Traceback" not in text
    assert len(text.splitlines()) < 20
    assert not re.search(r"secret", text)


@pytest.mark.parametrize(
    "forbidden",
    ["'SET', KEYS[1], 'x'", "'DEL', KEYS[1]", "'GET', 'celery'", "'HSET', KEYS[1], 'epoch', 1", "'FLUSHALL'"],
)
def test_a_script_of_a_relay_does_no_more_than_the_relay_may(relay_store: Store, forbidden: str) -> None:
    """EVALSHA is there for relays of 0.1.0 (users.acl)."""
    store = make_store(relay_url(relay_store), relay_store.keys.prefix)
    key = store.keys.store()
    reads, does = (store.client.script_load(f"return redis.call({what})") for what in ("'GET', KEYS[1]", forbidden))
    with pytest.raises(ResponseError, match="user executing the script can't"):
        store.client.evalsha(does, 1, key)
    with pytest.raises(ResponseError):
        store.client.evalsha_ro(does, 1, key)
    with pytest.raises(NoPermissionError):
        store.client.evalsha(reads, 1, "celery")
    assert store.known_uuid() is None
    uuid = relay_store.uuid()
    assert store.client.evalsha(reads, 1, key) == store.client.evalsha_ro(reads, 1, key) == uuid.encode()
    store.client.close()


def relay_url(store: Store) -> str:
    """Return the URL with which a relay comes to a store."""
    port = store.client.connection_pool.connection_kwargs["port"]
    return store_users.urls(f"redis://127.0.0.1:{port}/0", store.keys.prefix)["relay"]
