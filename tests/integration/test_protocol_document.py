"""A client that was written from docs/protocol.md alone can do what the document says."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtail.runs.record import read_run
from runtail.store import Store
from tests.support.document_client import DocumentClient
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, Relay, make_store
from tests.support.runs import change_master, finish, open_run, roll_back, snapshot, write_lines
from tests.support.services import Service

DOCUMENT = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
Connect = Callable[[], DocumentClient]


@pytest.fixture
def connect(redis_url: str, key_prefix: str, start_relay: Callable[..., Relay], tmp_path: Path) -> Iterator[Connect]:
    """Connects clients that know nothing but the address of the web service."""
    relay = start_relay()
    settings = {"broker_url": redis_url, "key_prefix": key_prefix, "socket_url": relay.url}
    clients: list[DocumentClient] = []
    with Service("web", tmp_path, settings) as web:

        def make() -> DocumentClient:
            clients.append(DocumentClient(web.url))
            return clients[-1]

        yield make
        for client in clients:
            client.close()
    assert "Traceback" not in relay.process.output()


def test_a_run_is_followed_resumed_and_verified(connect: Connect, relay_store: Store) -> None:
    producer = Producer(relay_store)
    producer.write(25)
    client = connect()
    assert (client.opened["pingInterval"], client.opened["pingTimeout"]) == (25_000, 20_000)
    answer = client.subscribe(producer.run_id)
    assert answer["record"]["state"] == "running"
    client.until(lambda: len(client.lines) == 25)
    # The acknowledgement came first.
    assert [name for name, _ in client.heard][:2] == ["ack", "tail-message"]
    assert client.emit("ack", {"run": producer.run_id, "bytes": client.bytes, "t": client.items[-1]["t"]}) == {
        "ok": True
    }
    for form in (producer.run_id, {"run": producer.run_id}, "another"):
        assert client.emit("unsubscribe", form) == {"ok": True}
    producer.write(5)
    heard = len(client.heard)
    assert client.emit("unsubscribe", producer.run_id) == {"ok": True}
    assert len(client.heard) == heard + 1, "nothing came any more"
    other = connect()
    other.begin(client.position)
    other.subscribe(producer.run_id)
    producer.mark("a section")
    producer.write(3)
    producer.end()
    other.until(lambda: other.over)
    assert client.lines + other.lines == [line.decode() for line in producer.expected()]
    assert other.claim() == "verified from line 26"
    whole = connect()
    whole.subscribe(producer.run_id)
    whole.until(lambda: whole.over)
    assert (whole.claim(), whole.bytes) == ("complete, verified", (whole.end or {})["bytes"])
    last = connect()
    last.subscribe(producer.run_id, **{"from": -2})
    last.until(lambda: last.over)
    assert last.lines[-2:] == whole.lines[-2:]


def test_a_position_that_is_not_in_the_log_is_told_before_the_answer(connect: Connect, relay_store: Store) -> None:
    producer = Producer(relay_store)
    producer.write(10)
    client = connect()
    client.begin((1, 5, bytes(32)))
    answer = client.subscribe(producer.run_id)
    assert answer["reset"] is True
    assert [name for name, _ in client.heard] == ["tail-reset", "ack"]
    reset = client.heard[0][1]
    assert (reset["reason"], reset["epoch"]) == ("epoch", answer["epoch"])
    client.begin((answer["epoch"], 5, bytes(32)))
    assert client.subscribe(producer.run_id)["reset"] is True
    assert client.heard[-2][1]["reason"] == "chain"
    # There is no subscription now, and a new one begins anew.
    client.begin(None)
    producer.write(1)
    client.subscribe(producer.run_id)
    client.until(lambda: len(client.lines) == 11)


def test_a_cut_that_grows_is_crossed(connect: Connect, redis_url: str, key_prefix: str) -> None:
    store = make_store(redis_url, key_prefix, quota_bytes=60_000, head_bytes=10_000)
    writer = open_run(store)

    def write(first: int, last: int) -> None:
        for number in range(first, last + 1):
            writer.add("o", f"{number:04} {'x' * 994}\n".encode(), 1)
            writer.flush()

    write(1, 30)
    client = connect()
    client.subscribe(writer.claim.run_id)
    client.until(lambda: len(client.lines) == 30)
    position = client.position
    # What it has read goes, and what it has not as well.
    write(31, 200)
    client.until(lambda: client.position is not None and client.position[1] == 201)
    late = connect()
    late.begin(position)
    late.subscribe(writer.claim.run_id)
    late.until(lambda: late.position is not None and late.position[1] == 201)
    (cut,) = [item["cut"] for item in late.items if "cut" in item]
    record = read_run(store, writer.claim.run_id).cut or {}
    assert cut["from"] == 31 > record["from"]
    assert {name: cut[name] for name in ("to", "bytes", "entries")} == {
        name: record[name] for name in ("to", "bytes", "entries")
    }
    finish(writer)
    whole = connect()
    whole.subscribe(writer.claim.run_id)
    whole.until(lambda: whole.over)
    assert whole.claim() == "complete, verified"
    (seen,) = [item["cut"] for item in whole.items if "cut" in item]
    end = whole.end or {}
    if seen["from"] == end["cut"]["from"]:
        # It had read none of what was cut (a relay may still know some of it).
        assert whole.bytes + seen["bytes"] == end["bytes"]


def test_the_chain_goes_over_what_a_store_lost(
    own_redis_server: RedisServer, start_relay: Callable[..., Relay], key_prefix: str, tmp_path: Path
) -> None:
    # A writer that keeps too little of what it wrote to write it again.
    store = make_store(own_redis_server.url, key_prefix, retained_seconds=0, retained_bytes=0)
    relay = start_relay(url=own_redis_server.url)
    settings = {"broker_url": own_redis_server.url, "key_prefix": key_prefix, "socket_url": relay.url}
    with Service("web", tmp_path, settings) as web:
        writer = open_run(store)
        write_lines(writer, 1, 20)
        remembered = snapshot(store)
        write_lines(writer, 21, 40)
        client = DocumentClient(web.url)
        client.subscribe(writer.claim.run_id)
        client.until(lambda: len(client.lines) == 40)
        epoch = (client.position or (0,))[0]
        roll_back(store, remembered)
        change_master(store)
        write_lines(writer, 41, 45)
        finish(writer)
        client.until(lambda: client.heard[-1][0] == "tail-reset")
        client.begin(None)
        answer = client.subscribe(writer.claim.run_id)
        assert answer["epoch"] > epoch
        client.until(lambda: client.over)
        told = [json.loads(item["text"]) for item in client.items if item["type"] == "e"]
        (lost,) = [event for event in told if event["kind"] == "store-lost"]
        assert (lost["from"], lost["to"]) == (21, 40)
        assert client.lines == [f"line {n}" for n in (*range(1, 21), *range(41, 46))]
        assert client.claim() == "complete, verified"
        client.close()


ERRORS: list[tuple[str, Any, str]] = [
    ("subscribe", {"v": 1, "run": "nobody"}, "unknown-run"),
    ("subscribe", {"v": 2, "run": "nobody"}, "version"),
    ("subscribe", {"v": 1}, "bad-request"),
    ("sing", {"v": 1}, "bad-request"),
    ("ack", {"bytes": 5}, "bad-request"),
]


def test_errors_and_limits_are_the_documents(connect: Connect, relay_store: Store) -> None:
    client = connect()
    for event, argument, code in ERRORS:
        answer = client.emit(event, argument)
        assert (answer["ok"], answer["v"], answer["code"]) == (False, 1, code)
        assert f"| `{code}` |" in DOCUMENT
    for _ in range(64):
        assert client.emit("subscribe", {"v": 1, "run": Producer(relay_store).run_id})["ok"]
    assert client.emit("subscribe", {"v": 1, "run": Producer(relay_store).run_id})["code"] == "too-many"
    large = connect()
    large.send_raw("x" * 17_000)
    assert large.goodbye() == (1009, "A message has at most 16384 bytes.")
    flooding = connect()
    with contextlib.suppress(OSError):
        for _ in range(300):
            flooding.send_raw("3")
    assert flooding.goodbye() == (1008, "More than 50 frames a second, or 200 at once.")
    assert re.search(r"\| 50 a second, 200 at once \|", DOCUMENT)
