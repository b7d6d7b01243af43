"""The executions of one id, as API, relay and command line show them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from runtail.store import Store
from tests.support.command import Command
from tests.support.relay import Client, Follower, Producer, Relay, following
from tests.support.services import Service

StartRelay = Callable[..., Relay]


@pytest.fixture
def web(redis_url: str, key_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A running web service."""
    with Service("web", tmp_path, {"broker_url": redis_url, "key_prefix": key_prefix}) as made:
        yield made


def executed(store: Store, run_id: str, *counts: int) -> None:
    """Execute the id again and again, to the end, with so many lines each."""
    for count in counts:
        producer = Producer(store, run_id)
        producer.write(count)
        producer.end()
        # The list is by the millisecond of the start, and no id is used twice in one.
        time.sleep(0.002)


def test_the_api_takes_both_forms_of_an_id(web: Service, relay_store: Store) -> None:
    executed(relay_store, "sync 42", 3, 8, 5)
    names = ["sync%2042~1", "sync%2042~2", "sync%2042"]
    with httpx.Client(base_url=f"{web.url}/api/v1", timeout=20) as api:
        runs = [api.get(f"/runs/{name}").json() for name in names]
        assert [(run["id"], run["execution"], run["lines"]) for run in runs] == [
            ("sync 42~1", 1, 3), ("sync 42~2", 2, 8), ("sync 42", 3, 5)
        ]  # fmt: skip
        assert [(run["earlier_execution"], run["newer_execution"]) for run in runs] == [
            (None, "sync 42~2"), ("sync 42~1", "sync 42"), ("sync 42~2", None)
        ]  # fmt: skip
        assert [api.get(f"/runs/{name}/log.txt").text.count("\n") for name in names] == [3, 8, 5]
        window = api.get(f"/runs/{names[2]}/log").json()
        assert api.get(f"/runs/{names[1]}/log").json()["epoch"] < window["epoch"]
        # A window of the log that the id named before is not answered with lines of another.
        old = {"epoch": api.get(f"/runs/{names[0]}/log").json()["epoch"], "from": 1}
        assert api.get(f"/runs/{names[2]}/log", params=old).status_code == 409
        assert {run["id"] for run in api.get("/runs").json()["runs"]} == {run["id"] for run in runs}
        assert api.delete(f"/runs/{names[1]}").status_code == 204
        assert api.get(f"/runs/{names[0]}").json()["newer_execution"] == "sync 42"
        assert api.get(f"/runs/{names[2]}").json()["earlier_execution"] == "sync 42~1"
        assert api.get(f"/runs/{names[1]}").status_code == 404


@pytest.mark.parametrize("run_id", ["mine~1", "x~0123", "~5"])
def test_the_api_lets_nobody_choose_the_id_of_an_earlier_execution(web: Service, run_id: str) -> None:
    answer = httpx.post(f"{web.url}/api/v1/runs", json={"task": "t", "run_id": run_id}, timeout=20)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "run_id"


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_a_viewer_of_the_id_is_told_and_sees_no_mixed_log(
    start_relay: StartRelay, relay_store: Store, mode: str
) -> None:
    relay = start_relay(socket_async_mode=mode)
    first = Producer(relay_store, "shared")
    first.write(10)
    follower = Follower("shared")
    with following(follower, relay.url):
        follower.until(lambda: len(follower.lines) == 10)
        first.write(5)
        first.end()
        follower.until_end()
        assert follower.lines == first.expected()
        second = Producer(relay_store, "shared")
        second.write(3)
        follower.until(lambda: follower.resets)
        (reset,) = follower.resets
        assert (reset["reason"], reset["epoch"]) == ("execution", second.writer.epoch)
        assert "run shared~1" in reset["why"]
        # Its position in the earlier log is not one in the newer.
        assert follower.subscribe()["reset"]
        assert follower.lines == first.expected()
    fresh, earlier = Follower("shared"), Follower("shared~1")
    with following(fresh, relay.url), following(earlier, relay.url):
        second.end()
        fresh.until_end()
        earlier.until_end()
    assert (fresh.lines, earlier.lines) == (second.expected(), first.expected())
    assert fresh.record["execution"] == 2
    for each in (fresh, earlier):
        assert each.view.verdict is not None
        assert each.view.verdict.verified


def test_the_tutorials_subscribe_takes_both_forms(start_relay: StartRelay, relay_store: Store) -> None:
    relay = start_relay()
    executed(relay_store, "plain", 2, 4)
    for run_id, lines in (("plain~1", 2), ("plain", 4)):
        client = Client(relay.url).join()
        assert client.emit("subscribe", run_id)["record"]["lines"] == lines
        name, text = client.next_event()
        assert (name, text.count("\n") + 1) == ("tail-message", lines)
        client.close()


def test_the_command_line_follows_an_earlier_execution_and_names_its_neighbours(
    web: Service, relay_store: Store, tmp_path: Path
) -> None:
    executed(relay_store, "Cli.Run", 2, 4, 6)
    for run_id, count, row in (
        ("Cli.Run~1", 2, "── Newer execution: Cli.Run~2"),
        ("Cli.Run~2", 4, "── Earlier execution: Cli.Run~1, newer execution: Cli.Run"),
        ("Cli.Run", 6, "── Earlier execution: Cli.Run~2"),
    ):
        command = Command(tmp_path, web.url, "follow", run_id)
        assert command.wait() == 0, command.err
        assert command.out.count(b"\n") == count
        assert command.err.splitlines()[0] == row
    listed = Command(tmp_path, web.url, "runs")
    assert listed.wait() == 0
    assert [line.split(b"\t")[0] for line in listed.out.splitlines()] == [b"Cli.Run", b"Cli.Run~2", b"Cli.Run~1"]
