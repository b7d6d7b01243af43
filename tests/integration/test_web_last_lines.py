"""What running runs wrote last, over HTTP: which line, for whom, how much, and how often it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from runtail.log.writer import LogWriter
from runtail.protocol import event
from runtail.store import Store
from runtail_web.last_lines import MAX_CHARS, LastLines
from tests.support.runs import finish, make_store, open_run
from tests.support.two_teams import CANARY, application


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    return make_store(redis_url, key_prefix, audit_reads=True)


@pytest.fixture
def app(store: Store) -> Iterator[Flask]:
    yield from application(store)


def wrote(writer: LogWriter, *outputs: bytes, live: dict[str, Any] | None = None) -> None:
    for output in outputs:
        writer.add("o", output, 1)
    writer.flush(live=live)


def last_lines(app: Flask, *run_ids: str, who: str = "everything") -> dict[str, tuple[str, float | None]]:
    answer = app.test_client().get(
        "/api/v1/run-lines", query_string=[("id", one) for one in run_ids], headers={"X-Test-Principal": who}
    )
    assert answer.status_code == 200, answer.data
    return {line["id"]: (line["text"], line["progress"]) for line in answer.get_json()["lines"]}


def test_the_last_line_is_the_one_that_is_seen(app: Flask, store: Store) -> None:
    runs = {name: open_run(store, name) for name in ("plain", "styled", "blank", "event", "silent", "over", "pieces")}
    wrote(runs["plain"], b"first\n", b"second\nthird\n")
    wrote(runs["styled"], b"\x1b[1;31mred\x1b[0m and 10%\r100%\n\x1b[0m\n")
    wrote(runs["blank"], b"said\n", b"\n \n\r\n", b"\n")
    runs["event"].add("o", b"before\n", 1)
    runs["event"].add("e", event.encode(event.GROUP, title="Build"), 1)
    runs["event"].flush()
    wrote(runs["pieces"], b"x" * 9_000)
    wrote(runs["over"], b"done\n")
    finish(runs["over"])
    # What is over, and what nobody knows, is left out.
    found = last_lines(app, *runs, "none")
    assert found == {
        "plain": ("third", None),
        "styled": ("100%and 10%", None),
        "blank": ("said", None),
        "event": ("before", None),
        "silent": ("", None),
        "pieces": ("x" * (MAX_CHARS - 1) + "…", None),
    }


def test_the_unfinished_output_comes_first_until_it_is_stored(app: Flask, store: Store) -> None:
    writer = open_run(store, "live")
    wrote(writer, b"stored\n", live={"rev": 1, "line": 2, "text": "\x1b[32mhalf", "progress": None})
    bars = open_run(store, "bars")
    progress = {"value": 0.25, "text": "a quarter"}
    wrote(bars, live={"rev": 1, "line": 1, "text": " ", "rows": ["top", "bar 40%", " "], "progress": progress})
    old = open_run(store, "old")
    wrote(old, b"whole\n", live={"rev": 1, "line": 1, "text": "who", "progress": progress})
    said = open_run(store, "said")
    wrote(said, live={"rev": 1, "line": 1, "text": "", "progress": progress})
    assert last_lines(app, "live", "bars", "old", "said") == {
        "live": ("half", None),
        "bars": ("bar 40%", 0.25),
        "old": ("whole", 0.25),
        "said": ("a quarter", 0.25),
    }


def test_only_those_who_may_read_a_log_get_its_line(app: Flask, store: Store) -> None:
    own, others = open_run(store, "own-1", task="own.ours"), open_run(store, "others-1", task="others.task")
    for writer, team in ((own, "own"), (others, "others")):
        store.client.hset(store.keys.run(writer.claim.run_id), mapping={"queue": team})
        wrote(writer, f"{CANARY if team == 'others' else 'ours'} was written\n".encode())
    assert set(last_lines(app, "own-1", "others-1", who="everything")) == {"own-1", "others-1"}
    assert set(last_lines(app, "own-1", "others-1", who="viewer")) == {"own-1"}


def test_what_is_no_list_of_runs_is_refused(app: Flask) -> None:
    client = app.test_client()
    for query in ([], [("id", "")], [("id", "x" * 600)], [("id", f"run-{n}") for n in range(51)], [("ids", "a")]):
        answer = client.get("/api/v1/run-lines", query_string=query, headers={"X-Test-Principal": "everything"})
        assert answer.status_code == 422, query


def test_who_read_which_lines_is_in_the_audit_log(app: Flask, store: Store) -> None:
    wrote(open_run(store, "read"), b"line\n")
    finish(open_run(store, "over"))
    last_lines(app, "read", "over")
    entries = app.test_client().get("/api/v1/audit", headers={"X-Test-Principal": "everything"}).get_json()["entries"]
    assert [entry["run"] for entry in entries if entry["event"] == "log-read"] == ["read"]


def test_each_run_is_read_once_a_second(store: Store) -> None:
    now = 100.0
    lines = LastLines(store, lambda: now)
    writer = open_run(store, "often")
    wrote(writer, b"one\n")
    asked = store.client.info("commandstats").get("cmdstat_evalsha_ro", {"calls": 0})["calls"]
    assert lines.read(["often"])["often"].text == "one"
    wrote(writer, b"two\n")
    now += 0.9
    assert {lines.read(["often", "often"])["often"].text for _ in range(20)} == {"one"}
    now += 0.2
    assert lines.read(["often"])["often"].text == "two"
    assert store.client.info("commandstats")["cmdstat_evalsha_ro"]["calls"] - asked <= 3


def test_a_store_with_anything_in_it_is_read(app: Flask, store: Store) -> None:
    client = store.client
    for run_id, live in (("a", b"{"), ("b", b"[]"), ("c", b'{"line": 9}'), ("d", b'{"line":9,"text":"","progress":4}')):
        wrote(open_run(store, run_id), b"stored\n")
        client.hset(store.keys.run(run_id), "live", live)
    wrote(open_run(store, "e"), b"\xff\xfe\x00\n")
    client.set(store.keys.run("no-record"), "x")
    open_run(store, "no-log")
    client.delete(store.keys.log("no-log"))
    client.set(store.keys.log("no-log"), "x")
    found = last_lines(app, "a", "b", "c", "d", "e", "no-record", "no-log")
    assert {text for run_id, (text, _) in found.items() if run_id in "abcd"} == {"stored"}
    assert found["e"] == ("\ufffd\ufffd␀", None)
    assert found["no-log"] == ("", None)
    assert "no-record" not in found
