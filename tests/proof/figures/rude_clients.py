"""Clients that mean no good: what the relay does with them, and whether its viewers notice."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson
import websocket

from tests.proof.figures import Figure
from tests.proof.figures._relays import LIMIT_BYTES, limited
from tests.proof.figures._windows import delays, ratio
from tests.support.audience import Audience, Balancer
from tests.support.goodbye import read_goodbye
from tests.support.memory_use import Growth, resident_bytes
from tests.support.relay import Client, Relay
from tests.support.relay_stage import stage
from tests.support.waiting import wait_for
from tests.support.wire import SOCKET_IO_PATH, client_frame, upgrade

VIEWERS, LINES_PER_SECOND = 100, 1000
#: Windows without and with rude clients in turn; each rude client comes again after a pause.
PAIRS, WINDOW_SECONDS, PAUSE_SECONDS = 5, 3.0, 0.5
GOAL_RATIO = 1.2
LARGE_BYTES, FLOOD = 10 * 2**20, 1000
SLOW_CONNECTIONS, SLOW_GOAL_SECONDS = 100, 15.0
MIB = 2**20


@dataclass
class Deeds:
    """What one kind of rude client did and what came of it."""

    done: int = 0
    #: Ended with the close code that says why; answered as they should be.
    dealt_with: int = 0


def measure() -> list[Figure]:
    """Be rude, beside viewers that are not."""
    with stage(1, memory_bytes=LIMIT_BYTES) as here:
        (relay,) = here.relays
        producer = here.producer().start(LINES_PER_SECOND)
        run_id = producer.run_id
        subscribe = f"42/tail,{orjson.dumps(['subscribe', {'v': 1, 'run': run_id}]).decode()}"
        kinds: dict[str, Callable[[Relay], bool]] = {
            f"frames of {LARGE_BYTES // MIB} MB": _send_a_large_frame,
            f"{FLOOD:,} subscribe a second from one socket": lambda to: _flood(to, subscribe),
            f"{FLOOD:,} unknown events a second from one socket": lambda to: _flood(to, '42/tail,["nonsense",1]'),
            "40 unknown events, then a subscription": lambda to: _ask_nonsense(to, run_id),
        }
        deeds = {kind: Deeds() for kind in kinds}
        alone: list[float] = []
        beside: list[float] = []
        memory = Growth(lambda: resident_bytes([relay.process.pid]))
        with Audience(Balancer(here.relays), [run_id], VIEWERS) as seen:
            wait_for(lambda: seen.following == VIEWERS, 60)
            memory.start()
            for _ in range(PAIRS):
                alone.append(delays(seen, WINDOW_SECONDS))
                with _rude(relay, kinds, deeds):
                    beside.append(delays(seen, WINDOW_SECONDS))
            ended, slowest, slow = _slow_requests(relay, seen)
            memory.close()
            grown = memory.grown_bytes
            producer.stop()
            wait_for(lambda: seen.ended == VIEWERS, 60)
        within = limited("rude clients", here)
    faults = [seen.total(name) for name in ("lost", "doubled", "wrong", "resets")]
    rows = [
        Figure(f"rude clients, {kind}: closed or answered with the reason", f"{deed.dealt_with} of {deed.done}",
               f"{deed.done} of {deed.done}", deed.dealt_with == deed.done > 0)
        for kind, deed in deeds.items()
    ]  # fmt: skip
    ratios = ratio(beside, alone), ratio(slow, alone)
    return [
        *rows,
        Figure(f"rude clients, {SLOW_CONNECTIONS} requests of a byte a second: closed",
               f"{ended} of {SLOW_CONNECTIONS}, the last after {slowest:.0f} s",
               f"all within {SLOW_GOAL_SECONDS:.0f} s", ended == SLOW_CONNECTIONS),
        Figure(f"rude clients, the {VIEWERS} others: from written to read, 99 %, in the quietest of {PAIRS} windows",
               f"x {ratios[0]:.2f} and x {ratios[1]:.2f} (slow requests) of {min(alone) * 1000:.0f} ms",
               f"<= x {GOAL_RATIO}", max(ratios) <= GOAL_RATIO),
        Figure(f"rude clients, the {VIEWERS} others: lost, doubled, wrong, reset", ", ".join(map(str, faults)),
               "0, 0, 0, 0", not any(faults) and seen.total("connections") == VIEWERS),
        Figure("rude clients: the relay's memory grows by", f"{grown / MIB:.0f} MiB", "<= 32 MiB", grown <= 32 * MIB),
        *within,
    ]  # fmt: skip


@contextlib.contextmanager
def _rude(relay: Relay, kinds: dict[str, Callable[[Relay], bool]], deeds: dict[str, Deeds]) -> Iterator[None]:
    """One thread for each kind, which comes again and again."""
    over = threading.Event()

    def work(kind: str) -> None:
        while not over.wait(PAUSE_SECONDS):
            deeds[kind].done += 1
            deeds[kind].dealt_with += kinds[kind](relay)

    threads = [threading.Thread(target=work, args=[kind], daemon=True) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def _send_a_large_frame(relay: Relay) -> bool:
    """Whether the connection is ended as too large, before all of it was sent."""
    client = Client(relay.url).join()
    assert client.ws.sock is not None
    try:
        client.ws.sock.sendall(struct.pack("!BBQI", 0x81, 0xFF, LARGE_BYTES, 0))
        client.ws.sock.sendall(b"4" + bytes(LARGE_BYTES - 1))
    except OSError:
        client.drop()
        return True
    code = _close_code(client)
    client.drop()
    return code == 1009


def _flood(relay: Relay, packet: str) -> bool:
    """Whether the connection is ended because of how much comes."""
    client = Client(relay.url).join()
    assert client.ws.sock is not None
    with contextlib.suppress(OSError):
        client.ws.sock.sendall(client_frame(packet) * FLOOD)
    code = _close_code(client)
    client.drop()
    return code in (1008, 0)


def _ask_nonsense(relay: Relay, run_id: str) -> bool:
    """Whether unknown events are answered, and the socket stays usable."""
    client = Client(relay.url).join()
    try:
        answers = [client.emit("nonsense", {"number": number}) for number in range(40)]
        subscribed = client.emit("subscribe", {"v": 1, "run": run_id, "from": -1})
    finally:
        client.close()
    return subscribed["ok"] is True and {answer["code"] for answer in answers} == {"bad-request"}


def _close_code(client: Client) -> int:
    """The code with which the server closed; 0 if it was gone before we could read it."""
    try:
        return read_goodbye(client.ws)[0]
    except (OSError, websocket.WebSocketException):
        return 0


def _slow_requests(relay: Relay, seen: Audience) -> tuple[int, float, list[float]]:
    """Begin requests that never end, a byte a second.

    :returns: how many were closed, after how many seconds the last one was, and the viewers' delays meanwhile,
        window by window.
    """
    request = upgrade(SOCKET_IO_PATH, f"127.0.0.1:{relay.port}")
    began = time.monotonic()
    opened = [socket.create_connection(("127.0.0.1", relay.port)) for _ in range(SLOW_CONNECTIONS)]
    closed: dict[socket.socket, float] = {}
    over = threading.Event()

    def trickle() -> None:
        for byte in request[:-4]:
            for connection in opened:
                # Spread over the second: all at once they would keep the viewers, who live in this process, waiting.
                if over.wait(1.0 / len(opened)):
                    return
                if connection not in closed and not _goes_on(connection, byte):
                    closed[connection] = time.monotonic() - began

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    slow = [delays(seen, SLOW_GOAL_SECONDS / PAIRS) for _ in range(PAIRS)]
    over.set()
    thread.join(30)
    for connection in opened:
        connection.close()
    return len(closed), max(closed.values(), default=0.0), slow


def _goes_on(connection: socket.socket, byte: int) -> bool:
    """Send one byte more; False if the other side has closed."""
    connection.setblocking(False)
    try:
        connection.send(bytes([byte]))
        return bool(connection.recv(1000))
    except BlockingIOError:
        return True
    except OSError:
        return False
