"""What a frame costs the relay, sent to the socket directly and through Engine.IO's queue."""

from __future__ import annotations

import selectors
import threading
import time

import psutil

from tests.proof.figures import Figure
from tests.support.relay import Client
from tests.support.relay_stage import stage
from tests.support.waiting import wait_for

SECONDS, VIEWERS = 10.0, 200
WAYS = {"eventlet": ("eventlet", "on"), "eventlet through Engine.IO's queue": ("eventlet", "off"),
        "gevent": ("gevent", "on")}  # fmt: skip


def measure() -> list[Figure]:
    """The relay's processor time for each delivered frame, in three ways."""
    each_us = {way: price(mode, direct) for way, (mode, direct) in WAYS.items()}
    direct, queued, _gevent = each_us.values()
    return [
        Figure(f"a frame to {VIEWERS} viewers: processor time of the relay, {', '.join(each_us)}",
               ", ".join(f"{value:.0f} µs" for value in each_us.values()), "directly no more than through the queue",
               direct <= queued),
    ]  # fmt: skip


def price(mode: str, direct: str) -> float:
    """Return the microseconds of one frame."""
    with stage(1, direct_send=direct, socket_async_mode=mode, coalesce_seconds=0) as here:
        (relay,) = here.relays
        producer = here.producer()
        clients = [Client(relay.url).join() for _ in range(VIEWERS)]
        for client in clients:
            client.emit("subscribe", {"v": 1, "run": producer.run_id})
        stop = threading.Event()
        drain = threading.Thread(target=_drain, args=[clients, stop])
        drain.start()
        process = psutil.Process(relay.process.pid)
        producer.start(1000)
        wait_for(lambda: producer.count > 1000, 30)
        frames, used = relay.metric("runtail_socket_frames_total"), sum(process.cpu_times()[:2])
        time.sleep(SECONDS)
        frames = relay.metric("runtail_socket_frames_total") - frames
        used = sum(process.cpu_times()[:2]) - used
        producer.stop()
        stop.set()
        drain.join()
        for client in clients:
            client.close()
    return used / frames * 1e6


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
