"""Viewers that are many, slow, or come and go: each gets its lines, and nobody pays for another."""

import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import psutil
import pytest
import websocket

from runtail.store import Store
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Follower, Producer, Relay, make_store
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]

MIB = 1024 * 1024


def test_a_viewer_that_does_not_acknowledge_gets_a_window_and_goes_on_when_it_does(
    start_relay: StartRelay, relay_store: Store
) -> None:
    relay = start_relay(window_bytes=50_000)
    producer = Producer(relay_store)
    client = Client(relay.url).join()
    assert client.emit("subscribe", {"v": 1, "run": producer.run_id})["ok"]
    assert client.emit("ack", {"run": producer.run_id, "bytes": 0}) == {"ok": True}
    for _ in range(100):
        producer.write(100)
    received = 0

    def take() -> int:
        nonlocal received
        name, data = client.next_event()
        if name == "tail-message":
            received += sum(len(entry["text"]) for entry in data["entries"])
        return received

    wait_for(lambda: take() >= 50_000, 10)
    client.ws.settimeout(2)
    with pytest.raises(websocket.WebSocketTimeoutException):
        wait_for(lambda: take() > 10_000_000, 10)
    # What was under way when the window closed, and no more.
    assert received < 50_000 + 2 * 65_536
    client.ws.settimeout(20)
    total = sum(len(line) + 1 for line in producer.expected())
    while received < total:
        client.send(f'42/tail,["ack",{{"run":"{producer.run_id}","bytes":{received}}}]')
        take()
    assert received == total


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
    # Six times as many as may ask at once; one after the other they would wait for 30 s.
    clients = [Client(relay.url).join() for _ in range(96)]
    proxy.stall()
    began = time.monotonic()
    answers = subscribe_at_once(clients, producer.run_id)
    assert {answer["code"] for answer in answers} == {"unavailable"}
    assert time.monotonic() - began < 24
    proxy.resume()
    assert all(answer["ok"] for answer in subscribe_at_once(clients, producer.run_id))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_viewer_that_stops_reading_costs_little_and_nobody_else_anything(
    start_relay: StartRelay, relay_store: Store
) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    others = [Follower(producer.run_id) for _ in range(3)]
    for follower in others:
        follower.connect(relay.url)
    stalled = [Client(relay.url, receive_buffer=4096).join() for _ in range(4)]
    for client in stalled:
        assert client.emit("subscribe", {"v": 1, "run": producer.run_id})["ok"]
    producer.start(5000)
    threads = [threading.Thread(target=follower.until_end, args=[120]) for follower in others]
    for thread in threads:
        thread.start()
    process = psutil.Process(relay.process.pid)
    # All have left the edge: what they cost from now on is theirs.
    wait_for(lambda: len(others[0].lines) > 12_000, 30)
    before = process.memory_info().rss
    wait_for(lambda: len(others[0].lines) > 30_000, 60)
    grown = process.memory_info().rss - before
    producer.stop()
    for thread in threads:
        thread.join(60)
    for follower in others:
        assert follower.lines == producer.expected()
    assert grown < len(stalled) * MIB
    # They resume where they stopped, as if nothing had been.
    lines = 0
    while lines < producer.count:
        name, data = stalled[0].next_event()
        if name == "tail-message":
            lines += sum(entry["n"] for entry in data["entries"])
    assert lines == producer.count


def test_a_thousand_comings_and_goings_leave_nothing_behind(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producers = [Producer(relay_store) for _ in range(5)]
    for producer in producers:
        producer.write(1)

    def cycle(number: int) -> None:
        client = Client(relay.url).join()
        run_id = producers[number % len(producers)].run_id
        client.send(f"42/tail,1{orjson.dumps(['subscribe', {'v': 1, 'run': run_id}]).decode()}")
        if number % 3:
            client.receive()
        if number % 2:
            client.close()
        else:
            client.drop()

    for number in range(200):
        cycle(number)

    def nothing_left() -> bool:
        metrics = relay.get("/metrics")[1].splitlines()
        tables = [line for line in metrics if line.startswith("runtail_socket_table_entries{")]
        assert len(tables) == 8
        return all(line.endswith(" 0.0") for line in tables)

    wait_for(nothing_left, 20, lambda: relay.get("/metrics")[1])
    process = psutil.Process(relay.process.pid)
    before, files = process.memory_info().rss, process.num_fds()
    for number in range(1000):
        cycle(number)
    wait_for(nothing_left, 20, lambda: relay.get("/metrics")[1])
    wait_for(lambda: process.num_fds() <= files + 2, 20)
    # Engine.IO keeps each client's next ping, and what hangs on it, for 25 s.
    assert process.memory_info().rss - before < 30 * MIB
