"""Each limit of a relay, reached as a user would, with the usual settings. Its frames: test_relay_hostile.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket

from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Producer, Relay, make_store
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]
#: Runs on a list, more than are read at once.
RUNS = 150


def refusal(relay: Relay, **options: Any) -> str:
    """Check that a connection is refused before it is a WebSocket, and when to come again; return the sentence."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(relay.url, **options)
    assert refused.value.status_code == 429
    assert refused.value.resp_headers is not None
    assert int(refused.value.resp_headers["retry-after"]) > 0
    return (refused.value.resp_body or b"").decode().strip()


def comes_in(relay: Relay, **options: Any) -> bool:
    """Whether there is room."""
    try:
        Client(relay.url, **options).join().close()
    except websocket.WebSocketBadStatusException:
        return False
    return True


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_twenty_connections_of_a_user(start_relay: StartRelay, mode: str) -> None:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    relay = start_relay(program="tests.support.guarded_relay", environment=environment, socket_async_mode=mode)
    viewer = {"headers": ["X-Test-Principal: viewer"]}
    clients = [Client(relay.url, **viewer).join() for _ in range(20)]  # type: ignore[arg-type]
    assert refusal(relay, **viewer) == "You have 20 connections to this relay already. Close some first."
    assert relay.metric('runtail_socket_refused_total{reason="client"}') == 1
    assert comes_in(relay, headers=["X-Test-Principal: everything"]), "others are not concerned"
    # However it ends, it is not counted any more.
    clients[0].close()
    wait_for(lambda: comes_in(relay, **viewer), 10)
    clients[1].drop()
    clients[2].drop()
    wait_for(lambda: relay.metric("runtail_socket_connections") == 17, 10)
    clients += [Client(relay.url, **viewer).join() for _ in range(3)]  # type: ignore[arg-type]
    refusal(relay, **viewer)


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_a_connection_that_the_client_has_left_does_not_count(
    start_relay: StartRelay, own_redis_server: RedisServer, key_prefix: str,
    make_proxy: Callable[[str, int], TcpProxy], mode: str,
) -> None:  # fmt: skip
    """While the relay waits for the store to answer a client, it does not read that the client has hung up."""
    proxy = make_proxy(own_redis_server.host, own_redis_server.port)
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    relay = start_relay(
        url=proxy.url, program="tests.support.guarded_relay", environment=environment, socket_async_mode=mode
    )
    viewer = {"headers": ["X-Test-Principal: viewer"]}
    run_id = Producer(make_store(own_redis_server.url, key_prefix)).run_id
    proxy.stall()
    clients = [Client(relay.url, **viewer).join() for _ in range(20)]  # type: ignore[arg-type]
    for client in clients:
        client.send(f'42/tail,1["subscribe",{{"v":1,"run":"{run_id}"}}]')
    assert not comes_in(relay, **viewer)
    for client in clients:
        client.drop()
    # All come back before the store answers, and no more than that.
    again = [Client(relay.url, **viewer).join() for _ in range(20)]  # type: ignore[arg-type]
    assert not comes_in(relay, **viewer)
    proxy.resume()
    wait_for(lambda: relay.metric("runtail_socket_connections") == len(again), 30)


def test_two_hundred_connections_of_an_address(start_relay: StartRelay) -> None:
    relay = start_relay()
    clients = [Client(relay.url).join() for _ in range(200)]
    told = "Your address has RUNTAIL_LIMIT_SOCKETS (200) connections to this relay already. Close some first."
    assert refusal(relay) == told
    # Behind a proxy that nobody told of, all viewers have its address.
    proxied = {"headers": ["X-Forwarded-For: 198.51.100.7"]}
    assert comes_in(relay, **proxied)
    clients[0].close()
    wait_for(lambda: comes_in(relay), 10)
    assert relay.get("/readyz")[0] == 200


def test_a_limit_of_0_connections_is_none(start_relay: StartRelay) -> None:
    relay = start_relay(limit_sockets=0)
    for _ in range(210):
        Client(relay.url).join()
    assert relay.metric('runtail_socket_refused_total{reason="client"}') == 0


def test_a_list_hears_twice_a_second_and_a_viewer_at_once(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    producer = Producer(relay_store)
    listing, viewer = Client(relay.url).join(), Client(relay.url).join()
    assert listing.emit("subscribe", {"v": 1, "runs": True})["ok"]
    assert viewer.emit("subscribe", {"v": 1, "run": producer.run_id})["ok"]
    keys = relay_store.keys
    began = time.monotonic()
    changes = 0
    while time.monotonic() - began < 3:
        changes += 1
        relay_store.client.hset(keys.run(producer.run_id), "note", str(changes))
        relay_store.client.publish(keys.list_notifications(), producer.run_id)
        time.sleep(0.02)
    producer.end()
    heard = dict.fromkeys(("listing", "viewer"), 0)
    for name, client in (("listing", listing), ("viewer", viewer)):
        state = ""
        while state != "succeeded":
            event, data = client.next_event()
            if event == "run":
                heard[name] += 1
                state = data["run"]["state"]
    seconds = time.monotonic() - began
    print(f"{changes} changes in 3 s: {heard}")
    assert 2 <= heard["listing"] <= 2 * seconds + 1
    assert heard["viewer"] > heard["listing"]


def test_a_list_hears_of_all_runs_in_one_piece(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    listing = Client(relay.url).join()
    assert listing.emit("subscribe", {"v": 1, "runs": True})["ok"]
    producers = [Producer(relay_store) for _ in range(RUNS)]
    for producer in producers:
        producer.end()
    states: dict[str, str] = {}
    wanted = {producer.run_id for producer in producers}
    while {run_id for run_id, state in states.items() if state == "succeeded"} != wanted:
        name, data = listing.next_event()
        assert name == "run"
        states[data["run"]["id"]] = data["run"]["state"]
        assert data["run"]["task"] == "tests.write"
    # The last one that was heard of each run is the one that holds.
    assert {str(read_run(relay_store, run_id).state) for run_id in wanted} == {"succeeded"}
    assert listing.emit("unsubscribe", "x") == {"ok": True}
