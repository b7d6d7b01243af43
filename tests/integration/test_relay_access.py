"""Every event of the relay for everybody: of another team's runs nobody gets a byte."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import websocket

from runtail.store import Store
from tests.integration.conftest import StartRelay
from tests.support.grants import GRANTS, LIMITED, SHARE, SHARED
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
        relay_store.client.hset(relay_store.keys.run(ids[team]), mapping=facts(team, word))
        finish(writer, why=f"{word} is why")
    return ids


def facts(team: str, word: str) -> dict[Any, Any]:
    """Return what else a record says of a run of a team."""
    return {
        "kwargs": orjson.dumps({"of": word}),
        "result": orjson.dumps({"value": word, "cut": False}),
        "queue": team,
        "who": f"{word} started it",
        "who_id": "user:by-self" if team == "own" else "user:somebody",
        "labels": orjson.dumps({"team": team, "of": word}),
        "label:note": f"{word} is noted",
        "retry_of": f"{CANARY}-first",
        "retry_of_thing": orjson.dumps([f"others.{CANARY}", "others", {"team": "others"}, "user:somebody"]),
    }


def connect(relay: Relay, who: str) -> Client:
    return Client(relay.url, headers=[f"X-Test-Principal: {who}"]).join()


def test_nobody_is_refused_before_the_websocket(relay: Relay) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(relay, "nobody")
    assert refused.value.status_code == 401
    assert b"You are not logged in" in (refused.value.resp_body or b"")


def refused_as_missing(client: Client, answer: dict[str, Any], run_id: str) -> None:
    """Check that a run is refused like one that is not there, whatever position is asked for."""
    missing = client.emit("subscribe", {"v": 1, "run": "none"})
    assert answer == {**missing, "message": missing["message"].replace("none", run_id)}
    for position in ({"epoch": 7}, {"from": 2, "chain": "00" * 32}, {"from": -1}):
        assert client.emit("subscribe", {"v": 1, "run": run_id, **position}) == answer


@pytest.mark.parametrize("who", GRANTS)
def test_everybody_follows_what_they_may_read(relay: Relay, runs: dict[str, str], who: str) -> None:
    client = connect(relay, who)
    answers = {team: client.emit("subscribe", {"v": 1, "run": run_id}) for team, run_id in runs.items()}
    if who == "guest":
        assert {answer["code"] for answer in answers.values()} == {"forbidden"}
        return
    if who == "only-record":
        assert answers["own"]["code"] == "forbidden"
        assert "log:read" in answers["own"]["message"]
        refused_as_missing(client, answers["others"], runs["others"])
        return
    assert answers["own"]["ok"]
    if who == "only-log":
        assert "record" not in answers["own"]
        assert (answers["own"]["state"], answers["own"]["lines"]) == ("succeeded", 3)
    else:
        record = answers["own"]["record"]
        assert record["kwargs"] == (None if who == "no-parameters" else {"of": "ours"})
        assert (record["result"] is None) == (who == "no-parameters")
    if who in ("everything", "no-parameters"):
        assert answers["others"]["ok"]
        assert answers["own"]["record"]["retry_of"] == f"{CANARY}-first"
        return
    if who != "only-log":
        assert answers["own"]["record"]["labels"] == {"team": "own", "of": "ours"}
        assert answers["own"]["record"]["retry_of"] is None
    refused_as_missing(client, answers["others"], runs["others"])
    # The other events tell nothing either.
    assert client.emit("unsubscribe", {"v": 1, "run": runs["others"]}) == {"ok": True}
    assert client.emit("ack", {"v": 1, "run": runs["others"], "bytes": 1}) == {"ok": True}
    # All that comes is of the own run.
    seen: list[tuple[str, Any]] = []
    while not seen or seen[-1][0] != "tail-end":
        seen.append(client.next_event())
    assert CANARY not in orjson.dumps(seen).decode()
    assert {data["run"] for _, data in seen} == {runs["own"]}


def test_a_guest_follows_the_shared_lines_and_nothing_else(relay: Relay, runs: dict[str, str]) -> None:
    client = connect(relay, SHARE)
    seen: list[Any] = [client.emit("subscribe", {"v": 1, "run": runs["own"]})]
    assert seen[0]["ok"]
    assert seen[0]["from"] == SHARED.first
    while "tail-end" not in seen[-1]:
        seen.append(client.next_event())
    (entries,) = (data["entries"] for name, data in seen[1:-1] if name == "tail-message")
    assert [entry["text"] for entry in entries] == ["line 2\nline 3\n"]
    missing = client.emit("subscribe", {"v": 1, "run": "none"})
    others = client.emit("subscribe", {"v": 1, "run": runs["others"]})
    assert others == {**missing, "message": missing["message"].replace("none", runs["others"])}
    assert client.emit("subscribe", {"v": 1, "runs": True})["code"] == "forbidden"
    assert client.emit("ack", {"v": 1, "run": runs["own"], "bytes": 1}) == {"ok": True}
    assert client.emit("unsubscribe", {"v": 1, "run": runs["own"]}) == {"ok": True}
    assert not any(word in orjson.dumps([*seen, others]).decode() for word in (CANARY, "ours"))


@pytest.mark.parametrize("who", LIMITED)
def test_a_broken_run_of_others_looks_like_one_that_is_not_there(
    relay: Relay, relay_store: Store, runs: dict[str, str], who: str
) -> None:
    if who == "guest":
        return  # has no right to subscribe to anything
    client = connect(relay, who)
    missing = client.emit("subscribe", {"v": 1, "run": "none"})
    expected = {**missing, "message": missing["message"].replace("none", runs["others"])}
    # Its log ends with an entry that is none.
    relay_store.client.xadd(relay_store.keys.log(runs["others"]), {"h": "broken", "d": CANARY, "c": "x"}, id="99-1")
    assert client.emit("subscribe", {"v": 1, "run": runs["others"]}) == expected
    relay_store.client.hset(relay_store.keys.run(runs["others"]), "bytes", "no number")
    assert client.emit("subscribe", {"v": 1, "run": runs["others"]}) == expected
    assert client.emit("subscribe", {"v": 1, "run": runs["own"]})["ok"] is (who != "only-record")


def test_the_list_tells_of_runs_that_one_may_see(relay: Relay, relay_store: Store) -> None:
    limited = ("viewer", "by-queue", "by-label", "by-self", "only-record")
    clients = {who: connect(relay, who) for who in (*limited, "no-parameters", "everything")}
    for client in clients.values():
        assert client.emit("subscribe", {"v": 1, "runs": True})["ok"]
    for team, word in (("others", CANARY), ("own", "ours")):
        writer = open_run(relay_store, f"new-of-{team}", task=f"{team}.{word}")
        relay_store.client.hset(relay_store.keys.run(f"new-of-{team}"), mapping=facts(team, word))
        finish(writer)
    told: dict[str, list[dict[str, object]]] = {}
    for who, client in clients.items():
        events: list[dict[str, object]] = []
        while not any(one["id"] == "new-of-own" and one["state"] == "succeeded" for one in events):
            name, data = client.next_event()
            assert name == "run"
            events.append(data["run"])
        told[who] = events
    for who in limited:
        assert {one["id"] for one in told[who]} == {"new-of-own"}
        assert CANARY not in orjson.dumps(told[who]).decode()
    assert {one["id"] for one in told["everything"]} == {"new-of-own", "new-of-others"}
    assert {one["kwargs"] is None for one in told["no-parameters"]} == {True}
    # Who may read only logs is told of no run.
    refused = connect(relay, "only-log").emit("subscribe", {"v": 1, "runs": True})
    assert (refused["code"], "run:read" in refused["message"]) == ("forbidden", True)
