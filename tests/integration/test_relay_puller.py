"""The reader's own connection to the store: it answers what redis-py would, and gets over what breaks."""

from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ResponseError

from runtail.errors import StoreUnavailable
from runtail.log import reader as store_reader
from runtail.protocol import BEGINNING, EntryId
from runtail.store import Store
from runtail_socket.reading.puller import KEEP_SECONDS, Puller
from runtail_socket.reading.resp import Resp, pack
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, make_store


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix)


def test_it_answers_what_the_library_answers(store: Store) -> None:
    written, silent = Producer(store), Producer(store)
    for _ in range(3):
        # Each entry is larger than what one recv takes.
        written.write(2000)
    wanted = [(written.run_id, BEGINNING), (silent.run_id, BEGINNING), ("unknown", BEGINNING),
              (written.run_id, EntryId(1, 2))]  # fmt: skip
    found = Puller(store).pull(wanted, 16)
    assert found == store_reader.pull(store, wanted, count=16)
    assert [len(entries) for _, entries in found] == [3, 0, 0, 1]
    assert Puller(store).pull(wanted[:1], 2)[0][1] == found[0][1][:2]


def test_a_connection_that_ended_costs_one_pull(own_redis_server: RedisServer, key_prefix: str) -> None:
    store = make_store(own_redis_server.url, key_prefix)
    wanted = [(Producer(store).run_id, BEGINNING)]
    puller = Puller(store)
    before = puller.pull(wanted, 16)
    with own_redis_server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(StoreUnavailable):
        puller.pull(wanted, 16)
    assert puller.pull(wanted, 16) == before


def test_a_late_answer_is_not_taken_for_the_next_questions(
    own_redis_server: RedisServer, key_prefix: str, make_proxy: Callable[[str, int], TcpProxy]
) -> None:
    proxy = make_proxy(own_redis_server.host, own_redis_server.port)
    one, other = (Producer(make_store(own_redis_server.url, key_prefix)) for _ in range(2))
    store = make_store(proxy.url, key_prefix)
    puller = Puller(store)
    puller.pull([(one.run_id, BEGINNING)], 16)
    assert proxy.stall(b"HMGET") == 1
    with pytest.raises(StoreUnavailable) as raised:
        puller.pull([(one.run_id, BEGINNING)], 16)
    assert isinstance(raised.value.__cause__, TimeoutError)
    ((head, _),) = puller.pull([(other.run_id, BEGINNING)], 16)
    assert head is not None
    assert head.run_id == other.run_id


def test_an_error_of_the_server_is_raised_and_the_connection_stays(store: Store) -> None:
    client: Any = store.client
    client.set(store.keys.log("strange"), "no stream")
    puller = Puller(store)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        puller.pull([("strange", BEGINNING)], 16)
    assert puller.pull([("unknown", BEGINNING)], 16) == [(None, [])]


def test_the_connection_goes_back_into_the_pool_now_and_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("runtail_socket.reading.puller.time.monotonic", lambda: now)
    puller = Puller(store)
    pool = store.client.connection_pool
    taken: list[object] = []
    get_connection = pool.get_connection

    def counted(*args: Any, **kwargs: Any) -> Any:
        taken.append(None)
        return get_connection(*args, **kwargs)

    monkeypatch.setattr(pool, "get_connection", counted)
    for later in (0, KEEP_SECONDS / 2, KEEP_SECONDS):
        now += later
        puller.pull([("unknown", BEGINNING)], 16)
    assert len(taken) == 2


def test_replies_come_as_they_are_complete(store: Store) -> None:
    connection = Resp(store.client)
    connection.send(pack("ECHO", b"a" * 200_000) + pack("PING"))
    replies: list[Any] = []
    calls = 0
    while len(replies) < 2:
        replies += connection.receive()
        calls += 1
    assert replies == [b"a" * 200_000, b"PONG"]
    assert calls > 2
    connection.close()
