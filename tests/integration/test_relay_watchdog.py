"""The relay's loops: one that was killed begins anew, one that is stalled gets the relay started anew."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtail.store import Store
from tests.support.processes import StartProcess
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Follow, Follower, Producer, Relay, following
from tests.support.waiting import stays, wait_for

StartRelay = Callable[..., Relay]


def breakable(folder: Path) -> dict[str, Any]:
    """Settings of a relay that takes faults from a folder."""
    environment = {"TEST_FAULTS": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    return {"program": "tests.support.breakable_relay", "environment": environment}


def test_a_reader_that_was_killed_begins_anew(follow: Follow, tmp_path: Path) -> None:
    """Only errors were caught: a greenlet that was killed, or hit by somebody's time-out, was gone for good."""
    with follow(**breakable(tmp_path)) as (relay, producer, follower, client):
        # No notifications from now on: only the reader's own greenlet finds what comes.
        client.acl_setuser("default", enabled=True, commands=["-subscribe"])
        assert client.client_kill_filter(_type="pubsub")
        (tmp_path / f"kill-reader-{relay.port}").touch()
        relay.process.wait_for_log("is restarted", 10)
        producer.write(5)
        producer.end()
        follower.until_end()
    assert follower.lines == producer.expected()


def test_a_listener_whose_greenlet_was_killed_begins_anew(follow: Follow, key_prefix: str, tmp_path: Path) -> None:
    with follow(sweep_seconds=3600, **breakable(tmp_path)) as (relay, producer, follower, client):
        (tmp_path / f"kill-listener-{relay.port}").touch()
        relay.process.wait_for_log("is restarted", 10)
        wait_for(lambda: client.pubsub_numsub(f"{key_prefix}bell:{producer.run_id}")[0][1], 10)
        producer.write(1)
        follower.until(lambda: len(follower.lines) == 2)


@pytest.mark.parametrize(
    ("fault", "whose"), [("stall-listener", "The pub/sub listener"), ("stall-reader", "The reader")]
)
def test_a_relay_with_a_greenlet_that_stands_still_is_not_alive(
    start_relay: StartRelay, relay_store: Store, tmp_path: Path, fault: str, whose: str
) -> None:
    """It said that it was for a minute, and for ever with a listener that was stalled."""
    relay = start_relay(**breakable(tmp_path))
    producer = Producer(relay_store)
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        producer.write(1)
        follower.until(lambda: follower.lines)
        assert relay.get("/healthz")[0] == 200
        (tmp_path / f"{fault}-{relay.port}").touch()
        wait_for(lambda: relay.get("/healthz")[0] == 503, 20, lambda: relay.get("/healthz"))
        assert f"{whose} is stalled" in relay.get("/healthz")[1]


def test_a_relay_is_alive_while_the_store_is_silent(
    start_relay: StartRelay,
    own_redis_server: RedisServer,
    make_proxy: Callable[[str, int], TcpProxy],
) -> None:
    """Its loops wait for the store then, each for longer than one that is stalled may."""
    proxy = make_proxy(own_redis_server.host, own_redis_server.port)
    relay = start_relay(url=proxy.url)
    assert proxy.stall() > 0
    stays(lambda: relay.get("/healthz")[0] == 200, 15, lambda: relay.get("/healthz"), interval_seconds=0.5)


def test_a_relay_is_alive_that_the_store_never_let_in(
    start_process: StartProcess, own_redis_server: RedisServer, key_prefix: str, tmp_path: Path
) -> None:
    """It is not ready, and its log says why; it was started anew after a minute, again and again."""
    faults = breakable(tmp_path)
    faults["environment"]["TEST_STUCK_SECONDS"] = "2"
    url = own_redis_server.url.replace("redis://", "redis://nobody:wrong@")
    relay = Relay(start_process, url, key_prefix, **faults)
    relay.process.wait_for_log("the store rejects the user or the password", 20)
    stays(lambda: relay.get("/healthz")[0] == 200, 6, lambda: relay.get("/healthz"), interval_seconds=0.2)
    assert relay.get("/readyz")[0] == 503
