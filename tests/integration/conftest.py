"""Fixtures of the integration tests: the relay, and the API of a web service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail.store import Store
from tests.support.epochs import EpochRaiser
from tests.support.processes import StartProcess
from tests.support.redis_server import RedisServer
from tests.support.relay import Follow, Followed, Follower, Producer, Relay, following, make_store, open_clients
from tests.support.services import Service

StartRelay = Callable[..., Relay]


@pytest.fixture
def relay_store(redis_url: str, key_prefix: str) -> Store:
    """A store with this test's key prefix."""
    return make_store(redis_url, key_prefix)


@pytest.fixture
def start_relay(start_process: StartProcess, redis_url: str, key_prefix: str) -> Iterator[StartRelay]:
    """Starts relays on that store; settings by lower-case name without the prefix."""
    raisers: dict[str, EpochRaiser] = {}

    def start(*, url: str = redis_url, **settings: Any) -> Relay:
        # What web does for relays, which only read.
        if url not in raisers:
            raisers[url] = EpochRaiser(make_store(url, key_prefix)).start()
        return Relay(start_process, url, key_prefix, **settings).wait_until_ready()

    yield start
    for raiser in raisers.values():
        raiser.stop()
    for client in list(open_clients):
        client.close()


@pytest.fixture
def follow(start_relay: StartRelay, own_redis_server: RedisServer, key_prefix: str) -> Follow:
    """Starts a relay on a server of its own, with a run there whose first line a viewer has seen.

    Settings are the relay's; ``url`` names a proxy to the server.
    """

    @contextmanager
    def follow(**settings: Any) -> Iterator[Followed]:
        relay = start_relay(**{"url": own_redis_server.url, **settings})
        producer = Producer(make_store(own_redis_server.url, key_prefix))
        follower = Follower(producer.run_id)
        with following(follower, relay.url), own_redis_server.client() as client:
            producer.write(1)
            follower.until(lambda: len(follower.lines) == 1)
            yield relay, producer, follower, client

    return follow


@pytest.fixture
def api(redis_url: str, key_prefix: str, tmp_path: Path, store: Store) -> Iterator[httpx.Client]:
    """A client of a running web service, on the store that a file's own fixture prepares."""
    with (
        Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}) as web,
        httpx.Client(base_url=f"{web.url}/api/v1", timeout=20) as client,
    ):
        yield client
