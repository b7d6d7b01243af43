"""The relay: nothing lost while viewers and relays come and go; what a stalled viewer costs; a frame's price."""

from __future__ import annotations

import itertools
import random
import selectors
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from runtail.errors import ProtocolError
from runtail.protocol import OUTPUT, View
from tests.support.memory_limit import MemoryLimit, may_limit
from tests.support.processes import Process, StartProcess
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Client, Producer, Relay, make_store, now_ms
from tests.support.waiting import wait_for

LINES_PER_SECOND = 5000
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
        (folder / "redis").mkdir()
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
        made = [Relay(starter(number), url, PREFIX, **settings) for number in range(relays)]
        yield Stage(server, [relay.wait_until_ready() for relay in made], proxy, limits)


# Coming and going


@dataclass
class Tally:
    """What one viewer saw of a run, line by line."""

    view: View = field(default_factory=View)
    #: How often each line came, by number.
    seen: bytearray = field(default_factory=bytearray)
    joins: int = 0
    reordered: int = 0
    ended: bool = False
    failure: str = ""

    def take(self, data: dict[str, Any]) -> None:
        """Check one message with the pure view, and count its lines besides."""
        for entry in self.view.feed(data["entries"], epoch=data["epoch"]):
            if entry.type != OUTPUT:
                continue
            self.reordered += entry.from_line < len(self.seen)
            if len(self.seen) < entry.next_line:
                self.seen.extend(bytes(entry.next_line - len(self.seen)))
            for number, text in enumerate(entry.payload.splitlines(), entry.from_line):
                self.seen[number] += text == b"line %d of the log" % number

    def counts(self, lines: int) -> tuple[int, int, int]:
        """Lost, doubled and reordered lines of a run with that many."""
        self.seen.extend(bytes(max(0, lines + 1 - len(self.seen))))
        lost = sum(count == 0 for count in self.seen[1:])
        return lost, sum(count > 1 for count in self.seen), self.reordered


def watch(tally: Tally, run_id: str, relays: list[Relay], stay_seconds: float, chance: random.Random) -> None:
    """Follow a run to its end, leaving again and again for another relay."""
    while not tally.ended and not tally.failure:
        try:
            _visit(tally, run_id, chance.choice(relays), stay_seconds * chance.uniform(0.3, 1.0), chance)
        except ProtocolError as error:
            tally.failure = str(error)
        except Exception:  # noqa: BLE001  # A killed relay shows itself in many ways; the counts decide.
            time.sleep(0.05)


def _visit(tally: Tally, run_id: str, relay: Relay, seconds: float, chance: random.Random) -> None:
    client = Client(relay.url).join()
    try:
        request: dict[str, Any] = {"v": 1, "run": run_id}
        if (cursor := tally.view.cursor) is not None:
            request |= {"epoch": cursor.epoch, "from": cursor.line, "chain": cursor.chain.hex()}
        answer = client.emit("subscribe", request)
        if answer.get("reset"):
            raise ProtocolError("reset", f"unexpected reset: {answer}")
        tally.view.begin(answer["epoch"], answer["from"], bytes.fromhex(answer["chain"]))
        tally.joins += 1
        leave_at = time.monotonic() + seconds
        while time.monotonic() < leave_at and not tally.ended:
            name, data = client.next_event()
            if name == "tail-message":
                tally.take(data)
            tally.ended = name == "tail-end"
    finally:
        if chance.random() < 0.5:
            client.close()
        client.drop()


def comings_and_goings(
    seconds: float = 60, viewers: int = 20, relays: int = 3, kill_every_seconds: float = 10, joins: int = 12
) -> tuple[int, int, int]:
    """Print and return lost, doubled and reordered lines over all viewers."""
    with stage(relays) as here:
        producer = here.producer()
        tallies = [Tally() for _ in range(viewers)]
        threads = [
            threading.Thread(
                target=watch,
                args=[tally, producer.run_id, here.relays, seconds / joins, random.Random(number)],
            )
            for number, tally in enumerate(tallies)
        ]
        for thread in threads:
            thread.start()
        producer.start(LINES_PER_SECOND)
        kills = 0
        end = time.monotonic() + seconds
        for relay in itertools.cycle(here.relays):
            pause = min(kill_every_seconds, end - time.monotonic())
            if pause <= 0:
                break
            time.sleep(pause)
            if time.monotonic() < end:
                relay.process.kill()
                kills += 1
                relay.restart()
        producer.stop()
        for thread in threads:
            thread.join(seconds + 120)
        lost, doubled, reordered = (
            sum(column) for column in zip(*(tally.counts(producer.count) for tally in tallies), strict=True)
        )
    verified = sum(bool(tally.view.verdict and tally.view.verdict.verified) for tally in tallies)
    for tally in tallies:
        if tally.failure:
            print(f"   FAILED: {tally.failure}")
    print(
        f"   {producer.count:,} lines in {seconds:.0f} s, {viewers} viewers on {relays} relays,"
        f" {kills} SIGKILLs of a relay,"
        f" {min(t.joins for t in tallies)}-{max(t.joins for t in tallies)} subscriptions each:"
        f" {lost} lost, {doubled} doubled, {reordered} reordered; {verified} of {viewers} verified"
    )
    return lost, doubled, reordered


# A stalled viewer


@dataclass
class Stall:
    """What a relay and its healthy viewers felt."""

    grown_bytes: int
    delays_ms: list[float]


def _delays(client: Client, delays: list[float], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            name, data = client.next_event()
        except (ConnectionError, OSError):
            return
        if name == "tail-message":
            delays.append(now_ms() - data["entries"][-1]["t"])


def _stall(seconds: float, stalled: int, healthy: int) -> Stall:
    with stage(1) as here:
        (relay,) = here.relays
        producer = here.producer()
        stop = threading.Event()
        delays: list[float] = []
        watching = [Client(relay.url).join() for _ in range(healthy)]
        for client in watching:
            client.emit("subscribe", {"v": 1, "run": producer.run_id})
            threading.Thread(target=_delays, args=[client, delays, stop], daemon=True).start()
        process = psutil.Process(relay.process.pid)
        producer.start(LINES_PER_SECOND)
        wait_for(lambda: producer.count > 2 * LINES_PER_SECOND, 30)
        before = process.memory_info().rss
        delays.clear()
        # They subscribe, and then do not read: not one byte.
        silent = [Client(relay.url, receive_buffer=4096).join() for _ in range(stalled)]
        for client in silent:
            client.emit("subscribe", {"v": 1, "run": producer.run_id})
        time.sleep(seconds)
        grown = process.memory_info().rss - before
        producer.stop()
        stop.set()
        for client in [*watching, *silent]:
            client.close()
        return Stall(grown, sorted(delays))


def stalled_viewers(seconds: float = 30, stalled: int = 10, healthy: int = 3) -> float:
    """Print what stalled viewers cost; return bytes per stalled viewer."""
    alone, beside = _stall(seconds, 0, healthy), _stall(seconds, stalled, healthy)
    each = (beside.grown_bytes - alone.grown_bytes) / stalled
    print(
        f"   {stalled} viewers that read nothing for {seconds:.0f} s at {LINES_PER_SECOND:,} lines/s:"
        f" {each / 1024:,.0f} KiB each in the relay; written to read, the {healthy} others:"
        f" median {statistics.median(beside.delays_ms):.0f} ms, 99 % {percentile(beside.delays_ms, 99):.0f} ms"
        f" (without them {statistics.median(alone.delays_ms):.0f} ms, {percentile(alone.delays_ms, 99):.0f} ms)"
    )
    return each


def percentile(ordered: list[float], percent: float) -> float:
    """A percentile of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


# The price of a frame


def fan_out(seconds: float = 10, viewers: int = 200) -> None:
    """Print the relay's processor time per delivered frame, sent directly and through Engine.IO's queue."""
    for mode, direct in (("eventlet", "on"), ("eventlet", "off"), ("gevent", "on")):
        with stage(1, direct_send=direct, socket_async_mode=mode, coalesce_seconds=0) as here:
            (relay,) = here.relays
            producer = here.producer()
            clients = [Client(relay.url).join() for _ in range(viewers)]
            for client in clients:
                client.emit("subscribe", {"v": 1, "run": producer.run_id})
            stop = threading.Event()
            drain = threading.Thread(target=_drain, args=[clients, stop])
            drain.start()
            process = psutil.Process(relay.process.pid)
            producer.start(1000)
            wait_for(lambda producer=producer: producer.count > 1000, 30)  # type: ignore[misc]
            frames, used = relay.metric("runtail_socket_frames_total"), sum(process.cpu_times()[:2])
            time.sleep(seconds)
            frames = relay.metric("runtail_socket_frames_total") - frames
            used = sum(process.cpu_times()[:2]) - used
            producer.stop()
            stop.set()
            drain.join()
            for client in clients:
                client.close()
        how = "directly" if direct == "on" else "through Engine.IO's queue"
        print(f"   {viewers} viewers on {mode}, frames sent {how}: {used / frames * 1e6:.0f} µs of processor time each")


def _drain(clients: list[Client], stop: threading.Event) -> None:
    """Read and forget, with one thread for all."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            assert client.ws.sock is not None
            selector.register(client.ws.sock, selectors.EVENT_READ)
        while not stop.is_set():
            for key, _ in selector.select(0.1):
                assert not isinstance(key.fileobj, int)
                key.fileobj.recv(1 << 20)  # type: ignore[attr-defined]


def main() -> None:
    """Measure everything."""
    comings_and_goings()
    stalled_viewers()
    fan_out()
