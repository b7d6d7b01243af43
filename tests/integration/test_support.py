"""The tests' own servers, processes and faults do what they say."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.processes import StartProcess
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import DeadlineExceeded, stays, wait_for

MakeProxy = Callable[[str, int], TcpProxy]


def client_through(proxy: TcpProxy, *, timeout_seconds: float = 5.0) -> "redis.Redis":
    """A client that does not retry, so that every fault shows."""
    return redis.Redis(
        host=proxy.host,
        port=proxy.port,
        socket_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )


def test_shared_server_keeps_keys_apart(redis_client: "redis.Redis", key_prefix: str) -> None:
    redis_client.set(f"{key_prefix}a", b"1")
    assert redis_client.get(f"{key_prefix}a") == b"1"
    assert redis_client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_server_forgets_or_keeps_as_told(own_redis_server: RedisServer) -> None:
    client = own_redis_server.client()
    client.set("kept", b"no")
    own_redis_server.restart(append_only="always")
    assert client.get("kept") is None
    client.set("kept", b"yes")
    own_redis_server.restart()
    assert client.get("kept") == b"yes"
    own_redis_server.restart(keep_data=False)
    assert client.get("kept") is None


def test_replica_takes_over(own_redis_server: RedisServer, tmp_path: Path) -> None:
    primary = own_redis_server
    primary.client().set("key", b"value")
    with RedisServer(tmp_path) as replica:
        replica.replica_of(primary)
        wait_for(lambda: replica.client().get("key") == b"value", 10)
        primary.kill()
        replica.promote()
        replica.client().set("key", b"newer")


def test_paused_server_does_not_answer(own_redis_server: RedisServer) -> None:
    client = own_redis_server.client(socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    own_redis_server.pause()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    own_redis_server.resume()
    assert client.ping()


def test_proxy_loses_the_reply_but_not_the_request(
    redis_server: RedisServer, redis_client: "redis.Redis", key_prefix: str, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(redis_server.host, redis_server.port)
    client = client_through(proxy)
    assert client.incr(f"{key_prefix}n") == 1
    proxy.drop_reply(b"INCR")
    with pytest.raises(redis.ConnectionError):
        client.incr(f"{key_prefix}n")
    assert proxy.dropped_replies == 1
    assert redis_client.get(f"{key_prefix}n") == b"2"
    assert client.incr(f"{key_prefix}n") == 3


def test_proxy_stalls_only_what_matches(
    redis_server: RedisServer, redis_client: "redis.Redis", key_prefix: str, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(redis_server.host, redis_server.port)
    client = client_through(proxy)
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(key_prefix)
    wait_for(lambda: redis_client.pubsub_numsub(key_prefix)[0][1] == 1, 5)

    assert proxy.stall(b"SUBSCRIBE") == 1
    redis_client.publish(key_prefix, b"late")
    assert client.ping()
    stays(lambda: listener.get_message() is None, 0.2)
    proxy.resume()
    message = wait_for(listener.get_message, 5)
    assert message is not None
    assert message["data"] == b"late"


def test_proxy_cuts_refuses_and_delays(redis_server: RedisServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(redis_server.host, redis_server.port)
    client = client_through(proxy, timeout_seconds=0.5)
    assert client.ping()
    assert proxy.cut(reset=True) == 1
    proxy.refuses = True
    with pytest.raises(redis.ConnectionError):
        client.ping()
    proxy.refuses = False
    assert client.ping()
    proxy.delay_seconds = 5.0
    with pytest.raises(redis.TimeoutError):
        client.ping()


def test_proxy_leaves_a_client_with_a_half_open_connection(redis_server: RedisServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(redis_server.host, redis_server.port)
    client = client_through(proxy, timeout_seconds=0.5)
    client_id = client.client_id()
    assert proxy.half_open() == 1
    with redis_server.client() as direct:
        wait_for(lambda: direct.client_list(client_id=[client_id]) == [], 5)
    with pytest.raises(redis.TimeoutError):
        client.ping()
    assert client.ping()


def test_proxy_splits_at_every_byte(
    redis_server: RedisServer, redis_client: "redis.Redis", key_prefix: str, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(redis_server.host, redis_server.port)
    with socket.create_connection((proxy.host, proxy.port), 5) as raw:
        proxy.piece_bytes = (1,)
        raw.sendall(f"SET {key_prefix}split whole\r\n".encode())
        received = [raw.recv(64)]
        while sum(map(len, received)) < len(b"+OK\r\n"):
            received.append(raw.recv(64))
        assert b"".join(received) == b"+OK\r\n"
        assert len(received) > 1
    assert redis_client.get(f"{key_prefix}split") == b"whole"


def test_process_shows_its_output_when_it_ends_early(start_process: StartProcess) -> None:
    process = start_process(sys.executable, "-c", "print('the reason'); raise SystemExit(3)")
    with pytest.raises(AssertionError, match="the reason"):
        process.wait_for_log("ready", 10)
    assert process.wait(10) == 3


def test_process_is_killed_with_its_children(start_process: StartProcess) -> None:
    process = start_process("sh", "-c", "sleep 60 & echo started; wait", name="parent")
    process.wait_for_log("started", 10)
    assert len(process.session_pids()) == 2
    process.kill()
    wait_for(lambda: process.session_pids() == [], 10, process.session_pids)


def test_waiting_ends_with_evidence() -> None:
    with pytest.raises(DeadlineExceeded, match="all is red"):
        wait_for(lambda: False, 0.05, lambda: "all is red")
