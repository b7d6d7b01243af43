"""The relay delivers every line once and in order, wherever a viewer begins."""

from collections.abc import Callable
from typing import Any

import pytest

from runtail.store import Store
from tests.support.processes import StartProcess
from tests.support.relay import Follower, Producer, Relay, make_store

StartRelay = Callable[..., Relay]


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix)


@pytest.fixture
def start_relay(start_process: StartProcess, redis_url: str, key_prefix: str) -> StartRelay:
    def start(**settings: Any) -> Relay:
        return Relay(start_process, redis_url, key_prefix, **settings).wait_until_ready()

    return start


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
@pytest.mark.parametrize("direct", ["on", "off"])
def test_backlog_and_live_lines_join_without_a_seam(
    start_relay: StartRelay, store: Store, mode: str, direct: str
) -> None:
    relay = start_relay(socket_async_mode=mode, direct_send=direct)
    producer = Producer(store)
    producer.write(1000)
    producer.start(2000)
    followers = [Follower(producer.run_id) for _ in range(3)]
    for follower in followers:
        follower.connect(relay.url)
        follower.until(lambda f=follower: len(f.lines) > 2000)
    producer.stop()
    for follower in followers:
        follower.until_end()
        assert follower.lines == producer.expected()
        assert follower.view.verdict is not None
        assert follower.view.verdict.text == f"complete: {producer.count:,} lines, verified"
        follower.close()
