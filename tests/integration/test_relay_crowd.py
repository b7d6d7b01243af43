"""Another relay has died, and all its viewers come at once."""

import time
from collections.abc import Callable
from typing import Any

import orjson

from runtail.store import Store
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Producer, Relay, make_store

StartRelay = Callable[..., Relay]


def subscribe_at_once(clients: list[Client], run_id: str, **same: Any) -> list[dict[str, Any]]:
    """Subscribe all before any answer is read, each at a line of its own or all at the *same*; return the answers."""
    for number, client in enumerate(clients, 1):
        request = {"v": 1, "run": run_id, **(same or {"from": -number})}
        client.send(f"42/tail,1{orjson.dumps(['subscribe', request]).decode()}")
    answers = []
    for client in clients:
        while not (packet := client.receive()).startswith("43/tail,1"):
            assert packet.startswith("42/tail,"), packet
        answers.append(orjson.loads(packet[len("43/tail,1") :])[0])
    return answers


def test_a_hundred_and_fifty_viewers_that_subscribe_at_once_are_all_let_in(
    start_relay: StartRelay, relay_store: Store
) -> None:
    # Another relay has died. The store's client refuses more than 100 connections at once.
    relay = start_relay()
    producer = Producer(relay_store)
    producer.write(1)
    clients = [Client(relay.url).join() for _ in range(150)]
    answers = subscribe_at_once(clients, producer.run_id)
    assert [answer for answer in answers if not answer["ok"]] == []


def test_many_that_come_back_at_once_cost_the_store_little(
    start_relay: StartRelay, own_redis_server: RedisServer, key_prefix: str
) -> None:
    """Each asked for itself, in some 14 commands, what all the others asked as well."""
    relay = start_relay(url=own_redis_server.url)
    producer = Producer(make_store(own_redis_server.url, key_prefix))
    producer.write(1)
    clients = [Client(relay.url).join() for _ in range(100)]
    with own_redis_server.client() as client:

        def commands() -> int:
            return int(client.info("stats")["total_commands_processed"])

        (stood,) = subscribe_at_once([Client(relay.url).join()], producer.run_id)
        position = {name: stood[name] for name in ("epoch", "from", "chain")}
        producer.write(1)
        before = commands()
        answers = subscribe_at_once(clients, producer.run_id, **position)
        # Also for the first entries, which come behind the answers.
        for viewer in clients:
            viewer.next_event()
        assert all(answer["ok"] for answer in answers)
        assert commands() - before < 4 * len(clients)


def test_many_that_subscribe_while_the_store_is_silent_are_answered_in_time(
    start_relay: StartRelay,
    own_redis_server: RedisServer,
    key_prefix: str,
    make_proxy: Callable[[str, int], TcpProxy],
) -> None:
    proxy = make_proxy(own_redis_server.host, own_redis_server.port)
    relay = start_relay(url=proxy.url)
    producer = Producer(make_store(own_redis_server.url, key_prefix))
    # Three times as many as may ask at once; one after the other they would wait for 15 s.
    clients = [Client(relay.url).join() for _ in range(48)]
    proxy.stall()
    began = time.monotonic()
    answers = subscribe_at_once(clients, producer.run_id)
    assert {answer["code"] for answer in answers} == {"unavailable"}
    assert time.monotonic() - began < 14
    proxy.resume()
    assert all(answer["ok"] for answer in subscribe_at_once(clients, producer.run_id))
