"""Bad input gets a clear answer, loses nothing and disturbs nobody else."""

import struct
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket

from runtail.store import Store
from tests.support.goodbye import read_goodbye
from tests.support.http_get import http_get
from tests.support.relay import Client, Follower, Producer, Relay, following
from tests.support.waiting import wait_for

StartRelay = Callable[..., Relay]


@pytest.fixture
def relay(start_relay: StartRelay) -> Relay:
    return start_relay()


@pytest.fixture
def producer(relay_store: Store) -> Producer:
    producer = Producer(relay_store)
    producer.write(10)
    return producer


@pytest.fixture
def bystander(relay: Relay, producer: Producer) -> Iterator[Follower]:
    """A viewer that must not notice anything; checked at the end."""
    follower = Follower(producer.run_id)
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 10)
        yield follower
        producer.write(1)
        producer.end()
        follower.until_end()
        assert follower.lines == producer.expected()


WRONG_SUBSCRIPTIONS: list[tuple[object, str]] = [
    ({"v": 1, "run": "no-such-run"}, "unknown-run"),
    ("no-such-run", "unknown-run"),
    ({"v": 2, "run": "x"}, "version"),
    ({"v": 1}, "bad-request"),
    ({"v": 1, "run": 7}, "bad-request"),
    ({"v": 1, "run": "x" * 300}, "bad-request"),
    ({"v": 1, "run": "a/b"}, "bad-request"),
    ({"v": 1, "run": "x", "from": "1"}, "bad-request"),
    ({"v": 1, "run": "x", "from": 0}, "bad-request"),
    ({"v": 1, "run": "x", "epoch": -1}, "bad-request"),
    ({"v": 1, "run": "x", "chain": "zz"}, "bad-request"),
    ([1, 2], "bad-request"),
    (None, "bad-request"),
    (True, "bad-request"),
]


def test_a_wrong_subscription_is_answered_and_the_socket_stays_usable(relay: Relay, producer: Producer) -> None:
    follower = Follower(producer.run_id)
    follower.client = Client(relay.url).join()
    for data, code in WRONG_SUBSCRIPTIONS:
        answer = follower.client.emit("subscribe", data)
        assert (answer["ok"], answer["code"]) == (False, code), data
        assert answer["message"].endswith(".")
    assert follower.subscribe()["ok"]
    follower.until(lambda: len(follower.lines) == 10)
    follower.close()


def test_a_log_that_cannot_be_read_is_answered_with_a_code_of_the_document(
    relay: Relay, relay_store: Store, producer: Producer
) -> None:
    producer.end()
    client = Client(relay.url).join()
    beside = Producer(relay_store)
    beside.write(1)
    log = relay_store.keys.log(producer.run_id)
    newest: Any = relay_store.client.xrevrange(log, count=1)
    [(last, fields)] = newest
    attempt, seq = last.decode().split("-")
    cases: list[tuple[dict[bytes, bytes], str]] = [
        ({b"d": b"no JSON"}, "entry"),
        ({b"d": b"{}"}, "entry"),
        ({b"h": b"1 e"}, "entry"),
        ({b"h": b"2" + fields[b"h"][1:]}, "version"),
    ]
    for number, (broken, code) in enumerate(cases, int(seq) + 1):
        entry: dict[Any, Any] = {**fields, **broken}
        relay_store.client.xadd(log, entry, f"{attempt}-{number}")
        answer = client.emit("subscribe", {"v": 1, "run": producer.run_id})
        assert (answer["ok"], answer["code"]) == (False, code), broken
    assert client.emit("subscribe", {"v": 1, "run": beside.run_id})["ok"]
    client.close()


def test_another_epoch_or_chain_is_reset(relay: Relay, producer: Producer) -> None:
    client = Client(relay.url).join()
    good = client.emit("subscribe", {"v": 1, "run": producer.run_id})
    epoch = good["epoch"]
    for wrong, reason in (
        ({"epoch": epoch - 1}, "epoch"),
        ({"epoch": epoch, "from": 5, "chain": "ab" * 32}, "chain"),
        ({"epoch": epoch, "from": 11, "chain": "ab" * 32}, "chain"),
    ):
        client.waiting.clear()
        answer = client.emit("subscribe", {"v": 1, "run": producer.run_id, **wrong})
        assert answer == {"ok": True, "v": 1, "reset": True, "run": producer.run_id, "epoch": epoch}
        events = [client.next_event()]
        while events[-1][0] != "tail-reset":
            events.append(client.next_event())
        data = events[-1][1]
        assert (data["run"], data["epoch"], data["reason"]) == (producer.run_id, epoch, reason)
        assert data["why"].endswith(".")
    client.close()


def test_unsubscribing_stops_the_stream(relay: Relay, producer: Producer) -> None:
    client = Client(relay.url).join()
    client.emit("subscribe", {"v": 1, "run": producer.run_id})
    assert client.emit("unsubscribe", {"run": producer.run_id}) == {"ok": True}
    wait_for(lambda: relay.metric("runtail_socket_watched_runs") == 0, 10)
    assert client.emit("unsubscribe", "another") == {"ok": True}
    client.close()


def test_too_many_subscriptions_are_refused(relay: Relay, relay_store: Store) -> None:
    client = Client(relay.url).join()
    for _ in range(64):
        assert client.emit("subscribe", {"v": 1, "run": Producer(relay_store).run_id})["ok"]
    answer = client.emit("subscribe", {"v": 1, "run": Producer(relay_store).run_id})
    assert answer["code"] == "too-many"
    client.close()


def test_unknown_events_and_wrong_arguments_are_answered(relay: Relay, producer: Producer, bystander: Follower) -> None:
    client = Client(relay.url).join()
    assert client.emit("drop-tables", {})["code"] == "bad-request"
    assert client.emit("__init__", {})["code"] == "bad-request"
    assert client.emit("subscribe")["code"] == "bad-request"
    assert client.emit("subscribe", 1, 2, 3)["code"] == "bad-request"
    names: list[Any] = ["connect", "disconnect", 7, ["subscribe"], None, {}]
    for name in names:
        assert client.emit(name, {})["code"] == "bad-request"
    assert client.emit("ack", {"run": producer.run_id, "bytes": -1})["code"] == "bad-request"
    assert client.emit("ack", {"run": producer.run_id, "bytes": 2**60})["code"] == "bad-request"
    assert client.emit("ack", {"run": producer.run_id, "bytes": 5, "t": 1}) == {"ok": True}
    client.close()


MALFORMED = [
    "",
    "x",
    "9",
    "4",
    "42",
    "42/tail,",
    "42/tail,{",
    "42/tail,{}",
    "42/tail,[]",
    "42/tail,[1]",
    "42/tail,[null,1]",
    '42/nowhere,["subscribe"]',
    "40/nowhere,",
    "4" + "9" * 500,
    "42/tail," + "[" * 5000,
    "43/tail,7[1]",
    "44/tail,",
    "45/tail,",
    "451-/tail,[1]",
    '42/tail,"subscribe"',
    "b4",
    "0{}",
    "3",
    "5",
]


def test_malformed_packets_disturb_nobody_and_leave_nothing_behind(
    relay: Relay, relay_store: Store, bystander: Follower
) -> None:
    watched = [Producer(relay_store) for _ in MALFORMED]
    for packet, producer in zip(MALFORMED, watched, strict=True):
        client = Client(relay.url).join()
        assert client.emit("subscribe", {"v": 1, "run": producer.run_id})["ok"]
        client.send(packet)
        client.close()
    assert relay.process.is_running()
    # Only what the bystander has.
    wait_for(lambda: relay.metric("runtail_socket_watched_runs") == 1, 30)


def test_messages_that_are_too_large_too_many_or_binary_end_the_connection(relay: Relay, bystander: Follower) -> None:
    large = Client(relay.url).join()
    large.send("4" + "x" * 20_000)
    assert read_goodbye(large.ws)[0] == 1009

    fragmented = Client(relay.url).join()
    fragmented.ws.send_frame(_fragment("4" + "x" * 9_000, first=True))
    fragmented.ws.send_frame(_fragment("x" * 9_000, first=False))
    assert read_goodbye(fragmented.ws)[0] == 1009

    binary = Client(relay.url).join()
    binary.ws.send_binary(b"\x00\x01")
    assert read_goodbye(binary.ws)[0] == 1003

    # Socket.IO takes the texts that follow for attachments, and keeps them. It reads more digits than 0 to 9.
    for announced in (
        '451-/tail,["ack",{"_placeholder":true,"num":0}]', "4699999999-/tail,1[1]", "\uff14699999999-/tail,[1]",
        "4\uff1699999999-/tail,[1]", "4\u0665\u0669-/tail,[1]", '4"599-/tail,[1]"', '4 "599-/tail,[1]"',
        f"b{b64encode(b'599-/tail,[1]').decode()}",
    ):  # fmt: skip
        attached = Client(relay.url).join()
        attached.send(announced)
        assert read_goodbye(attached.ws)[0] == 1003, announced

    flooding = Client(relay.url).join()
    assert flooding.ws.sock is not None
    flooding.ws.sock.sendall(b"".join(_masked(b"3") for _ in range(1000)))
    assert read_goodbye(flooding.ws)[0] == 1008


def _fragment(text: str, *, first: bool) -> websocket.ABNF:
    return websocket.ABNF(0, 0, 0, 0, 1 if first else 0, 1, text.encode())


def _masked(payload: bytes) -> bytes:
    return struct.pack("!BBI", 0x81, 0x80 | len(payload), 0) + payload


def test_hosts_and_origins_that_are_not_named_are_refused(start_relay: StartRelay) -> None:
    relay = start_relay(allowed_origins="http://page.example:8000")
    url = f"{relay.url}/socket.io/?EIO=4&transport=websocket"
    assert http_get(url, {"Host": "evil.example"})[0] == 421
    assert http_get(url, {"Origin": "http://evil.example"})[0] == 403
    assert http_get(f"{relay.url}/")[0] == 404
    for origin in (relay.url, "http://page.example:8000"):
        Client(relay.url, headers=[f"Origin: {origin}"], origin=False).join().close()


def test_polling_is_not_offered(relay: Relay) -> None:
    assert http_get(f"{relay.url}/socket.io/?EIO=4&transport=polling")[0] == 400
    # No handshake either: a websocket request without its headers.
    assert http_get(f"{relay.url}/socket.io/?EIO=4&transport=websocket")[0] == 400


def test_no_frame_is_compressed(relay: Relay, producer: Producer) -> None:
    client = Client(relay.url, headers=["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"])
    assert "sec-websocket-extensions" not in {name.lower() for name in client.ws.getheaders() or ()}
    client.close()
