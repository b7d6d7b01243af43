"""Every event of the relay for everybody: of another team's runs nobody gets a byte."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import websocket

from runtail.store import Store
from tests.integration.conftest import StartRelay
from tests.support.grants import GRANTS
from tests.support.relay import Client, Relay
from tests.support.runs import finish, open_run, write_lines

CANARY = "canary-of-the-others"


@pytest.fixture
def relay(start_relay: StartRelay) -> Relay:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return start_relay(program="tests.support.guarded_relay", environment=environment)


@pytest.fixture
def runs(relay_store: Store) -> dict[str, str]:
    """A run of each team, by team; they are over."""
    ids = {}
    for team, word in (("own", "ours"), ("others", CANARY)):
        ids[team] = f"run-of-{team}"
        writer = open_run(relay_store, ids[team], task=f"{team}.{word}")
        writer.add("o", f"{word} in the log\n".encode(), 1)
        write_lines(writer, 2, 3)
        relay_store.client.hset(relay_store.keys.run(ids[team]), "kwargs", orjson.dumps({"of": word}))
        finish(writer, why=f"{word} is why")
    return ids


def connect(relay: Relay, who: str) -> Client:
    return Client(relay.url, headers=[f"X-Test-Principal: {who}"]).join()


def test_nobody_is_refused_before_the_websocket(relay: Relay) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(relay, "nobody")
    assert refused.value.status_code == 401
    assert b"You are not logged in" in (refused.value.resp_body or b"")


@pytest.mark.parametrize("who", GRANTS)
def test_everybody_follows_what_they_may_read(relay: Relay, runs: dict[str, str], who: str) -> None:
    client = connect(relay, who)
    answers = {team: client.emit("subscribe", {"v": 1, "run": run_id}) for team, run_id in runs.items()}
    if who == "guest":
        assert {answer["code"] for answer in answers.values()} == {"forbidden"}
        return
    assert answers["own"]["ok"]
    assert answers["own"]["record"]["kwargs"] == (None if who == "no-parameters" else {"of": "ours"})
    if who in ("everything", "no-parameters"):
        assert answers["others"]["ok"]
        return
    # As one that is not there, whatever position is asked for.
    missing = client.emit("subscribe", {"v": 1, "run": "none"})
    assert answers["others"] == {**missing, "message": missing["message"].replace("none", runs["others"])}
    for position in ({"epoch": 7}, {"from": 2, "chain": "00" * 32}, {"from": -1}):
        assert client.emit("subscribe", {"v": 1, "run": runs["others"], **position}) == answers["others"]
    # All that comes is of the own run.
    seen: list[tuple[str, Any]] = []
    while not seen or seen[-1][0] != "tail-end":
        seen.append(client.next_event())
    assert CANARY not in orjson.dumps(seen).decode()
    assert {data["run"] for _, data in seen} == {runs["own"]}


def test_the_list_tells_of_runs_that_one_may_see(relay: Relay, relay_store: Store) -> None:
    clients = {who: connect(relay, who) for who in ("viewer", "no-parameters", "everything")}
    for client in clients.values():
        assert client.emit("subscribe", {"v": 1, "runs": True})["ok"]
    for team, word in (("others", CANARY), ("own", "ours")):
        writer = open_run(relay_store, f"new-of-{team}", task=f"{team}.{word}")
        relay_store.client.hset(relay_store.keys.run(f"new-of-{team}"), "kwargs", orjson.dumps({"of": word}))
        finish(writer)
    told: dict[str, list[dict[str, object]]] = {}
    for who, client in clients.items():
        events: list[dict[str, object]] = []
        while not any(one["id"] == "new-of-own" and one["state"] == "succeeded" for one in events):
            name, data = client.next_event()
            assert name == "run"
            events.append(data["run"])
        told[who] = events
    assert {one["id"] for one in told["viewer"]} == {"new-of-own"}
    assert {one["id"] for one in told["everything"]} == {"new-of-own", "new-of-others"}
    assert {one["kwargs"] is None for one in told["no-parameters"]} == {True}
