"""The relay's scene: a connection that hears something, and yet not what it should, is given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtail.errors import StoreUnavailable
from runtail_socket.reading import listener as module
from runtail_socket.reading.listener import Listener
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Follow, Relay, make_store
from tests.support.waiting import stays, wait_for

StartRelay = Callable[..., Relay]

RUN = "watched"


class Scene:
    """A listener, and what it received."""

    def __init__(self, url: str, key_prefix: str) -> None:
        self.store = make_store(url, key_prefix)
        self.received = self.connected = 0
        self.listener = Listener(
            self.store,
            on_runs=self._on_runs,
            on_list=lambda _run_id: None,
            on_login_change=lambda: None,
            on_connected=self._on_connected,
            delay=lambda: 0.0,
            batches=lambda: False,
        )
        self._thread = threading.Thread(target=self.listener.run, daemon=True)

    def _on_runs(self, _run_ids: set[str]) -> None:
        self.received += 1

    def _on_connected(self) -> None:
        self.connected += 1

    def start(self) -> None:
        """Listen from now on."""
        self.listener.watch(RUN)
        self._thread.start()
        wait_for(lambda: self.connected, 10)

    def nonce(self) -> bool:
        """Publish the nonce; False if the store did not answer."""
        try:
            self.listener.notify_nonce()
        except StoreUnavailable:
            return False
        return True

    def close(self) -> None:
        """Listen no more."""
        self.listener.stop()
        self.nonce()
        self._thread.join(10)
        self.store.client.close()


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[RedisServer]:
    """The server that takes over."""
    (tmp_path / "other").mkdir()
    with RedisServer(tmp_path / "other") as server:
        yield server


def test_who_still_listens_to_the_server_before_a_failover_goes_over_to_the_new_one(
    own_redis_server: RedisServer,
    other_server: RedisServer,
    key_prefix: str,
    make_proxy: Callable[[str, int], TcpProxy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old one still notifies (a worker is as late as we are), so the connection is never silent, only wrong."""
    monkeypatch.setattr(module, "STALLED_SECONDS", 1.5)
    proxy = make_proxy(own_redis_server.host, own_redis_server.port)
    scene = Scene(proxy.url, key_prefix)
    bell = f"{key_prefix}bell:{RUN}"
    with own_redis_server.client() as old, other_server.client() as new:

        def ring() -> bool:
            old.publish(bell, b"")
            return scene.nonce()

        try:
            scene.start()
            wait_for(lambda: ring() and scene.received, 10)
            # What is heard and answered is no reason to change anything.
            stays(ring, 3, lambda: scene.listener.stalls, interval_seconds=0.2)
            assert (scene.connected, scene.listener.stalls) == (1, 0)
            proxy.target = (other_server.host, other_server.port)
            assert proxy.cut(b"PUBLISH") == 1
            wait_for(lambda: ring() and new.pubsub_numsub(bell)[0][1], 20, lambda: scene.listener.stalls,
                     interval_seconds=0.2)  # fmt: skip
            assert scene.listener.stalls >= 1
            before = scene.received
            wait_for(lambda: new.publish(bell, b"") and scene.received > before, 10)
        finally:
            scene.close()


def test_a_stalled_connection_is_found_by_the_nonce(
    follow: Follow,
    own_redis_server: RedisServer,
    make_proxy: Callable[[str, int], TcpProxy],
) -> None:
    proxy = make_proxy(own_redis_server.host, own_redis_server.port)
    with follow(url=proxy.url, sweep_seconds=2) as (relay, producer, follower, _client):
        # Open, and silent for ever: nothing tells the relay.
        # (Not that of who carries out the relay's requests for epochs, which is another process's in production.)
        listening = b"-auth:bell\r\n"
        assert proxy.stall(listening) == 1
        wait_for(lambda: relay.metric("runtail_socket_listener_stalls_total") == 1, 30)
        wait_for(lambda: proxy.connection_count(listening) == 1, 10)
        producer.end()
        follower.until_end()
