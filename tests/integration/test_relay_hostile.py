"""One client that sends as fast as it can costs the others nothing."""

from __future__ import annotations

import contextlib
import json
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import websocket

from runtail.store import Store
from tests.support.answer_times import percentile
from tests.support.goodbye import read_goodbye
from tests.support.processes import Process, StartProcess
from tests.support.relay import Client, Relay
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]

FRAMES = 100_000
#: At a time: what a client's kernel takes in one call.
BATCH = 1_000
#: As long as others are asked how they fare.
SECONDS = 5.0
QUIET_SECONDS = 2.0


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A client's frame; its mask changes nothing."""
    return struct.pack("!BBI", (0x80 if final else 0) | opcode, 0x80 | len(payload), 0) + payload


HOSTILE = {
    "pings": frame(9, b"x" * 100),
    "pongs": frame(10),
    "empty fragments": frame(0, final=False),
    "tiny messages": frame(1, b"3"),
    "subscriptions": frame(1, b'42/tail,["subscribe","none"]'),
}


#: Between being sent away and coming back: impatient, but no flood of connections, which is another attack.
BACK_SECONDS = 0.1


class Attacker:
    """Sends frames as fast as they are taken, and comes back when it is sent away."""

    def __init__(self, url: str, hostile: bytes) -> None:
        self._url, self._batch = url, hostile * BATCH
        self._stop = threading.Event()
        self.sent = self.connections = 0
        self.thread = threading.Thread(target=self._attack, daemon=True)

    @property
    def _done(self) -> bool:
        return self.sent >= FRAMES and self._stop.is_set()

    def _attack(self) -> None:
        while not self._done:
            with contextlib.suppress(OSError, ConnectionError, websocket.WebSocketException):
                client = Client(self._url)
                self.connections += 1
                try:
                    self._flood(client)
                finally:
                    client.drop()
            self._stop.wait(BACK_SECONDS)

    def _flood(self, client: Client) -> None:
        client.send("40/tail,")
        # Begins a message, for those that go on with it.
        client.ws.sock.sendall(frame(1, b"4", final=False) if self._batch[0] == 0 else b"")  # type: ignore[union-attr]
        while not self._done:
            client.ws.sock.sendall(self._batch)  # type: ignore[union-attr]
            self.sent += BATCH

    def stop(self) -> None:
        """Stop when everything was sent."""
        self._stop.set()
        self.thread.join(60)


def ask(start_process: StartProcess, relay: Relay, seconds: float) -> Process:
    """Begin to ask the relay, from a process of its own, for as long as this."""
    asking = start_process(
        sys.executable, "-m", "tests.support.answer_times",
        relay.url, f"http://127.0.0.1:{relay.admin_port}/healthz", str(seconds),
        name="asking", environment={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    asking.wait_for_log("asking", 20)
    return asking


def answer_times(asking: Process) -> dict[str, list[float]]:
    """What it measured, by what it asked."""
    assert asking.wait(60) == 0, asking.evidence()
    found: dict[str, list[float]] = json.loads(asking.output().splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
@pytest.mark.parametrize("kind", ["pings", "empty fragments", "subscriptions"])
def test_frames_at_full_speed_hold_up_nobody(
    start_relay: StartRelay, start_process: StartProcess, relay_store: Store, mode: str, kind: str
) -> None:
    relay = start_relay(socket_async_mode=mode)
    Client(relay.url).join().close()
    process = psutil.Process(relay.process.pid)
    before = process.memory_info().rss
    # What the machine itself, busy with other tests, makes others wait.
    undisturbed = answer_times(ask(start_process, relay, QUIET_SECONDS))
    asking = ask(start_process, relay, SECONDS)
    attacker = Attacker(relay.url, HOSTILE[kind])
    attacker.thread.start()
    times = answer_times(asking)
    attacker.stop()
    grown = process.memory_info().rss - before
    figures = {name: round(percentile(values, 0.99), 4) for name, values in times.items()}
    noise = max(percentile(values, 0.99) for values in undisturbed.values())
    print(f"{mode}, {kind}: p99 {figures} s, {attacker.sent} frames, {attacker.connections} connections, {grown} bytes")
    assert attacker.sent >= FRAMES
    assert len(times["viewer"]) > SECONDS * 10
    assert max(figures.values()) <= 0.1 + noise
    assert grown <= 20 * 1024 * 1024
    assert "Traceback" not in relay.process.output()


def send(client: Client, data: bytes) -> None:
    """Send bytes as they are."""
    assert client.ws.sock is not None
    client.ws.sock.sendall(data)


def test_every_kind_of_frame_is_counted_and_the_goodbye_says_why(start_relay: StartRelay) -> None:
    relay = start_relay()
    for kind in ("pings", "pongs", "tiny messages"):
        client = Client(relay.url).join()
        send(client, HOSTILE[kind] * 190)
        assert client.emit("unsubscribe", "x") == {"ok": True}
        send(client, HOSTILE[kind] * 200)
        code, reason = read_goodbye(client.ws)
        assert (code, reason) == (1008, "More than 50 frames a second, or 200 at once.")
    client = Client(relay.url).join()
    send(client, frame(1, b"4", final=False) + frame(0, final=False) * 62 + frame(0, b'2/tail,1["unsubscribe","x"]'))
    wait_for(lambda: client.receive() == '43/tail,1[{"ok":true}]', 10)
    send(client, frame(1, b"4", final=False) + frame(0, final=False) * 64)
    assert read_goodbye(client.ws) == (1008, "A message has at most 64 fragments.")


def test_an_unknown_namespace_is_answered_as_the_protocol_says(start_relay: StartRelay) -> None:
    relay = start_relay()
    client = Client(relay.url)
    for asked, prefix in (("40/nowhere,", "44/nowhere,"), ("40", "44"), ('40/é,{"token":1}', "44/é,")):
        client.send(asked)
        answer = client.receive()
        assert answer.startswith(prefix)
        assert json.loads(answer[len(prefix) :]) == {"message": "There is no such namespace. The one here is /tail."}
    # The connection is still good.
    client.join()
    assert client.emit("unsubscribe", "x") == {"ok": True}
    client.close()
    wait_for(lambda: relay.metric('runtail_socket_table_entries{table="socketio-rooms"}') == 0, 10)


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def handshake(relay: Relay, **changed: str | None) -> tuple[int, dict[str, str], str]:
    """Ask for a WebSocket, and return status, headers and body of the refusal."""
    import http.client

    headers = UPGRADE | {name.replace("_", "-"): value for name, value in changed.items()}
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(
            "GET", "/socket.io/?EIO=4&transport=websocket",
            headers={name: value for name, value in headers.items() if value is not None},
        )  # fmt: skip
        answer = connection.getresponse()
        body = "" if answer.status == 101 else answer.read().decode()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_wrong_handshakes_are_told_what_is_wrong(start_relay: StartRelay, mode: str) -> None:
    relay = start_relay(socket_async_mode=mode)
    assert handshake(relay)[0] == 101
    for changed, word in (
        ({"Connection": None}, "Connection"),
        ({"Connection": "keep-alive"}, "Connection"),
        ({"Upgrade": None}, ""),
        ({"Upgrade": "h2c"}, ""),
        ({"Sec_WebSocket_Key": None}, "Sec-WebSocket-Key"),
        ({"Sec_WebSocket_Version": None}, "Sec-WebSocket-Version"),
    ):
        status, _, body = handshake(relay, **changed)
        assert status == 400, changed
        assert word in body
    for version in ("12", "8", "0", "x"):
        status, headers, body = handshake(relay, Sec_WebSocket_Version=version)
        assert status == 426
        assert headers["sec-websocket-version"] == "13"
        assert headers["upgrade"] == "websocket"
        assert body == "Only version 13 of WebSocket is supported here.\n"
    assert "Traceback" not in relay.process.output()
