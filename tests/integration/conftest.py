"""Fixtures of the integration tests: the relay."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runtail.store import Store
from tests.support.processes import StartProcess
from tests.support.relay import Relay, make_store, open_clients

StartRelay = Callable[..., Relay]


@pytest.fixture
def relay_store(redis_url: str, key_prefix: str) -> Store:
    """A store with this test's key prefix."""
    return make_store(redis_url, key_prefix)


@pytest.fixture
def start_relay(start_process: StartProcess, redis_url: str, key_prefix: str) -> Iterator[StartRelay]:
    """Starts relays on that store; settings by lower-case name without the prefix."""

    def start(*, url: str = redis_url, **settings: Any) -> Relay:
        return Relay(start_process, url, key_prefix, **settings).wait_until_ready()

    yield start
    for client in list(open_clients):
        client.close()
