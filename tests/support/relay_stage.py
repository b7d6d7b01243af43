"""Relays on a server of their own, for a while."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.memory_limit import MemoryLimit, may_limit
from tests.support.processes import Process, StartProcess
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, Relay, make_store

PREFIX = "figures:"
PRODUCER = "producer"


@dataclass
class Stage:
    """A server with relays on it."""

    server: RedisServer
    relays: list[Relay]
    #: Between the relays and the server, if it was asked for.
    proxy: TcpProxy | None = None
    #: What each relay runs in, if it was asked for and this machine can.
    limits: list[MemoryLimit] = field(default_factory=list)

    def producer(self) -> Producer:
        """A run to watch. Its connections carry its name."""
        store = make_store(self.server.url, PREFIX)
        store.client.connection_pool.connection_kwargs["client_name"] = PRODUCER
        return Producer(store)


@contextmanager
def stage(relays: int, *, proxied: bool = False, memory_bytes: int | None = None, **settings: Any) -> Iterator[Stage]:
    """Start a server and relays; kill them at the end.

    :param proxied: the relays, and nobody else, reach the server through a proxy.
    :param memory_bytes: what each relay may use, restarts included; above it the kernel ends it.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(RedisServer(folder / "redis"))

        limited = memory_bytes is not None and may_limit()
        limits = [stack.enter_context(MemoryLimit(memory_bytes or 0)) for _ in range(relays if limited else 0)]

        def starter(number: int) -> StartProcess:
            def start(*command: str | Path, name: str | None = None,
                      environment: dict[str, str | None] | None = None) -> Process:  # fmt: skip
                inside = limits[number].command(command) if limited else command
                return stack.enter_context(Process(inside, folder, name=name, environment=environment))

            return start

        proxy = stack.enter_context(TcpProxy(server.host, server.port)) if proxied else None
        url = proxy.url if proxy else server.url
        # An audience comes from one address.
        settings = {"limit_sockets": 0, **settings}
        made = [Relay(starter(number), url, PREFIX, **settings) for number in range(relays)]
        yield Stage(server, [relay.wait_until_ready() for relay in made], proxy, limits)
