"""Who may come in, and how they are sent away."""

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable

import pytest
import websocket

from runtail.store import Store
from tests.support.http_get import http_get
from tests.support.processes import StartProcess
from tests.support.relay import Client, Follower, Producer, Relay, following
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]
HANDSHAKE = "/socket.io/?EIO=4&transport=websocket"


def test_above_the_cap_the_answer_is_503_and_probes_are_answered(start_relay: StartRelay) -> None:
    relay = start_relay(max_connections=3)
    clients = [Client(relay.url).join() for _ in range(3)]
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(relay.url)
    assert refused.value.status_code == 503
    assert refused.value.resp_headers is not None
    assert int(refused.value.resp_headers["retry-after"]) > 0
    assert relay.get("/healthz")[0] == relay.get("/readyz")[0] == 200
    assert relay.metric('runtail_socket_refused_total{reason="full"}') == 1
    clients[0].close()

    def comes_in() -> bool:
        try:
            Client(relay.url).join().close()
        except websocket.WebSocketBadStatusException:
            return False
        return True

    wait_for(comes_in, 10)


def test_a_client_that_never_joins_is_sent_away(start_relay: StartRelay) -> None:
    relay = start_relay()
    client = Client(relay.url)
    with pytest.raises(ConnectionError):
        client.receive()
    assert client.closed_by_engine
    wait_for(lambda: relay.metric('runtail_socket_sent_away_total{reason="not-joined"}') == 1, 10)


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_a_request_that_comes_a_byte_at_a_time_is_not_waited_for(start_relay: StartRelay, mode: str) -> None:
    relay = start_relay(socket_async_mode=mode)
    began = time.monotonic()
    # No pause is as long as the relay waits for a byte: all together are.
    with contextlib.ExitStack() as stack:
        waiting = {stack.enter_context(socket.create_connection(("127.0.0.1", relay.port))) for _ in range(3)}
        # In the first line, and behind it.
        waiting.copy().pop().sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        for connection in waiting:
            connection.setblocking(False)

        def all_are_closed() -> bool:
            for connection in waiting.copy():
                try:
                    connection.send(b"x")
                    ended = not connection.recv(1000)
                except BlockingIOError:
                    continue
                except OSError:
                    ended = True
                if ended:
                    waiting.discard(connection)
            return not waiting

        wait_for(all_are_closed, 20, interval_seconds=0.5)
    assert time.monotonic() - began > 9
    assert "Traceback" not in relay.process.output()
    Client(relay.url).join().close()


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_draining_spreads_the_clients_and_loses_nothing(start_relay: StartRelay, relay_store: Store, mode: str) -> None:
    relay, other = start_relay(drain_seconds=3, socket_async_mode=mode), start_relay()
    producer = Producer(relay_store).start(1000)
    followers = [Follower(producer.run_id) for _ in range(6)]
    for follower in followers:
        follower.connect(relay.url)
    began = time.monotonic()
    relay.process.signal(signal.SIGTERM)
    wait_for(lambda: relay.get("/readyz")[0] == 503, 15)
    assert http_get(relay.url + HANDSHAKE)[0] == 503
    ends = []
    for follower in followers:
        with pytest.raises(ConnectionError):
            follower.until(lambda: False)
        ends.append(time.monotonic() - began)
        assert follower.client is not None
        assert follower.client.closed_by_engine
        follower.close()
    assert relay.process.wait(20) == 0
    # One after the other over three seconds. When the first one went cannot be told: this process may have been busy.
    assert ends[-1] > 2
    producer.stop()
    for follower in followers:
        with following(follower, other.url):
            follower.until_end()
        assert follower.lines == producer.expected()


def test_draining_takes_at_least_ten_seconds_unless_told_otherwise(start_relay: StartRelay) -> None:
    relay = start_relay()
    clients = [Client(relay.url).join() for _ in range(2)]
    began = time.monotonic()
    relay.process.signal(signal.SIGTERM)
    assert relay.process.wait(30) == 0
    assert time.monotonic() - began > 9.5
    for client in clients:
        client.close()


def test_without_clients_it_stops_at_once_and_a_second_signal_hurries(
    start_relay: StartRelay,
) -> None:
    relay = start_relay()
    began = time.monotonic()
    assert relay.process.terminate() == 0
    assert time.monotonic() - began < 9

    hurried = start_relay()
    client = Client(hurried.url).join()
    hurried.process.signal(signal.SIGTERM)
    hurried.process.wait_for_log("draining", 5)
    hurried.process.signal(signal.SIGINT)
    assert hurried.process.wait(5) == 0
    client.close()


def test_a_taken_port_is_named_in_one_sentence(
    start_relay: StartRelay, start_process: StartProcess, redis_url: str
) -> None:
    relay = start_relay()
    second = start_process(
        sys.executable,
        "-m",
        "runtail_socket",
        environment={
            "RUNTAIL_BROKER_URL": redis_url,
            "RUNTAIL_SOCKET_PORT": str(relay.port),
            "RUNTAIL_SOCKET_ADMIN_PORT": "0",
        },
    )
    assert second.wait(20) == 1
    assert f"cannot listen on 127.0.0.1:{relay.port}: Address already in use" in second.output()
    assert "Errno" not in second.output()
    assert "Traceback" not in second.output()
