"""The audit log of the relay: on its standard output, and nothing in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import websocket

from runtail.store import Store
from tests.integration.conftest import StartRelay
from tests.support.audit_lines import audit_entries
from tests.support.relay import Client, Relay
from tests.support.runs import finish, open_run
from tests.support.waiting import wait_for


def written(relay: Relay) -> list[dict[str, Any]]:
    """The audit lines of the relay, without that of its start."""
    first, *others = audit_entries(relay.process)
    assert (first["event"], first["why"].split()[0]) == ("service-start", "relay")
    return others


def told(entry: dict[str, Any]) -> list[Any]:
    names = ("event", "outcome", "who_id", "address", "run", "task", "right", "why", "request", "count")
    return [entry[name] for name in names]


@pytest.fixture
def runs(relay_store: Store) -> None:
    for run, task in (("ours", "own.echo"), ("theirs", "others.echo")):
        finish(open_run(relay_store, run, task=task))


def start(start_relay: StartRelay, **settings: Any) -> Relay:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return start_relay(program="tests.support.guarded_relay", environment=environment, **settings)


def connect(relay: Relay, who: str) -> Client:
    return Client(relay.url, headers=[f"X-Test-Principal: {who}", "User-Agent: test/1"]).join()


@pytest.mark.usefixtures("runs")
def test_denials(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start(start_relay)
    for _ in range(20):
        with pytest.raises(websocket.WebSocketBadStatusException):
            connect(relay, "nobody")
    assert connect(relay, "guest").emit("subscribe", {"v": 1, "run": "ours"})["code"] == "forbidden"
    viewer = connect(relay, "viewer")
    for _ in range(20):
        assert viewer.emit("subscribe", {"v": 1, "run": "theirs"})["code"] == "unknown-run"
    # What is not there is no denial, and what is allowed is not written.
    assert viewer.emit("subscribe", {"v": 1, "run": "none"})["code"] == "unknown-run"
    assert viewer.emit("subscribe", {"v": 1, "run": "ours"})["ok"]
    here = "127.0.0.1"
    expected = [
        ["denied", "failed", "", here, "", "", "login", "login", "GET /socket.io/", 1],
        ["denied", "failed", "user:guest", here, "", "", "log:read", "", "subscribe", 1],
        ["denied", "failed", "user:viewer", here, "theirs", "others.echo", "log:read", "", "subscribe", 1],
    ]
    assert [told(entry) for entry in written(relay)] == expected
    assert {entry["agent"] for entry in written(relay)} == {"test/1"}
    assert relay.metric("runtail_socket_audit_lost_total") == 0
    # Those that were held back are told at the end.
    relay.process.terminate(20)
    more = [told(entry) for entry in written(relay)][3:]
    assert more == [[*expected[0][:-1], 19], [*expected[2][:-1], 19]]
    assert not relay_store.client.exists(relay_store.keys.audit())


@pytest.mark.usefixtures("runs")
def test_reading_is_written_only_if_that_is_wanted(start_relay: StartRelay) -> None:
    silent, relay = start(start_relay), start(start_relay, audit_reads=True)
    for one in (silent, relay):
        for _ in range(3):
            assert connect(one, "viewer").emit("subscribe", {"v": 1, "run": "ours"})["ok"]
    (entry,) = wait_for(lambda: written(relay), 20)
    assert told(entry) == [
        "log-read", "ok", "user:viewer", "127.0.0.1", "ours", "own.echo", "log:read", "", "subscribe", 1,
    ]  # fmt: skip
    assert written(silent) == []
