"""Logs over HTTP: text byte for byte, followed text, windows of entries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from runtail.protocol import View, event
from runtail.protocol.chain import GENESIS
from runtail.store import Store
from tests.support.beating import beating
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.services import Service
from tests.support.waiting import wait_for

THREADS = 6


@pytest.fixture
def store(redis_url: str, key_prefix: str) -> Store:
    """A store with a small quota, so that a test can pass it."""
    return make_store(redis_url, key_prefix, quota_bytes=200_000, head_bytes=20_000)


@pytest.fixture
def web(redis_url: str, key_prefix: str, store: Store, tmp_path: Path) -> Iterator[Service]:
    """A running web service with few threads."""
    settings = {"broker_url": redis_url, "key_prefix": key_prefix, "web_threads": THREADS}
    with beating(store), Service("web", tmp_path, settings) as service:
        yield service


@pytest.fixture
def api(web: Service) -> Iterator[httpx.Client]:
    """A client of its API."""
    with httpx.Client(base_url=f"{web.url}/api/v1", timeout=20) as client:
        yield client


def test_a_download_equals_what_was_written(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    written = [
        b"plain\n",
        "ünïcode ☃\n".encode(),
        b"\x00\xff\xfe NUL and no UTF-8\n",
        b"<script>alert(1)</script>\n",
        b"no newline",
    ]
    for payload in written:
        writer.add("o", payload, 1)
        writer.flush()
    finish(writer)
    answer = api.get(f"/runs/{writer.claim.run_id}/log.txt")
    assert answer.content == b"".join(written)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["runtail-lines"] == "5"
    assert answer.headers["runtail-bytes"] == str(len(answer.content))
    assert answer.headers["runtail-state"] == "succeeded"
    assert "runtail-cut" not in answer.headers


def test_a_cut_download_says_what_is_missing(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    for n in range(60):
        writer.add("o", f"{n:05} {'x' * 9_993}\n".encode(), 1)
        writer.flush()
    finish(writer)
    answer = api.get(f"/runs/{writer.claim.run_id}/log.txt")
    cut = dict(part.split("=") for part in answer.headers["runtail-cut"].split(", "))
    kept = [int(line.split()[0]) for line in answer.text.splitlines()]
    missing = list(range(int(cut["from"]) - 1, int(cut["to"])))
    assert sorted(kept + missing) == list(range(60))
    assert len(answer.content) + int(cut["bytes"]) == int(answer.headers["runtail-bytes"])


def view_of(run: dict[str, object]) -> View:
    """Return a view that stands where a window begins."""
    view = View()
    view.begin(int(str(run["epoch"])), int(str(run["from"])), bytes.fromhex(str(run["chain"])))
    return view


def test_windows_join_into_a_verified_log(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 200, per_entry=7)
    finish(writer)
    path = f"/runs/{writer.claim.run_id}/log"
    window = api.get(path, params={"limit": 50}).json()
    assert (window["from"], window["chain"]) == (1, GENESIS.hex())
    view = view_of(window)
    while window["entries"]:
        view.feed(window["entries"], epoch=window["epoch"])
        following = window["next"]
        window = api.get(path, params={"from": following["line"], "limit": 50, "chain": following["chain"]}).json()
        assert (window["from"], window["chain"]) == (following["line"], following["chain"])
    assert view.verdict is not None
    assert view.verdict.text == "complete: 200 lines, verified"


def test_a_window_holds_whole_entries_and_the_chain_before_them(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    made = write_lines(writer, 1, 100, per_entry=10)
    path = f"/runs/{writer.claim.run_id}/log"
    window = api.get(path, params={"from": 35, "limit": 10}).json()
    assert (window["from"], window["chain"]) == (31, made[2].chain.hex())
    assert [entry["from"] for entry in window["entries"]] == [31, 41]
    assert window["lines"] == 100
    last = api.get(path, params={"from": -5}).json()
    assert [entry["from"] for entry in last["entries"]] == [91]
    beyond = api.get(path, params={"from": 500}).json()
    assert (beyond["entries"], beyond["from"]) == ([], 101)


def test_a_window_of_another_history_is_refused(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 30)
    answer = api.get(f"/runs/{writer.claim.run_id}/log", params={"from": 11, "chain": "ab" * 32})
    assert (answer.status_code, answer.json()["code"]) == (409, "position")
    assert api.get(f"/runs/{writer.claim.run_id}/log", params={"chain": "xyz"}).status_code == 422


def test_a_follower_gets_the_backlog_what_comes_and_the_end(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 20)
    got = bytearray()

    def follow() -> None:
        with api.stream("GET", f"/runs/{writer.claim.run_id}/log.txt", params={"follow": 1}) as answer:
            for chunk in answer.iter_raw():
                got.extend(chunk)

    reader = threading.Thread(target=follow)
    reader.start()
    wait_for(lambda: b"line 20\n" in got, 10)
    write_lines(writer, 21, 60)
    wait_for(lambda: b"line 60\n" in got, 10)
    finish(writer)
    reader.join(10)
    assert not reader.is_alive()
    assert bytes(got) == b"".join(b"line %d\n" % n for n in range(1, 61))


def test_followers_take_at_most_half_of_the_threads(api: httpx.Client, web: Service, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    path = f"/runs/{writer.claim.run_id}/log.txt?follow=1"
    streams = []
    with ExitStack() as stack:
        for _ in range(THREADS // 2):
            client = stack.enter_context(httpx.Client(base_url=f"{web.url}/api/v1", timeout=20))
            answer = stack.enter_context(client.stream("GET", path))
            assert answer.status_code == 200
            # Kept: httpx closes a stream whose iterator is forgotten.
            streams.append(answer.iter_raw())
            next(streams[-1])
        refused = api.get(path)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert api.get("/runs").status_code == 200, "the other half serves"

    # Those who left a silent run give their threads back.
    def answered() -> bool:
        with api.stream("GET", path) as answer:
            return answer.status_code == 200

    wait_for(answered, 10)


def test_followers_do_not_hold_up_the_end(web: Service, store: Store, api: httpx.Client) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 3)
    with api.stream("GET", f"/runs/{writer.claim.run_id}/log.txt?follow=1") as answer:
        stream = answer.iter_raw()
        next(stream)
        assert web.process.terminate(8) == 0


def test_a_follower_of_a_silent_run_is_answered_at_once(api: httpx.Client, store: Store) -> None:
    run_id = open_run(store).claim.run_id
    with api.stream("GET", f"/runs/{run_id}/log.txt?follow=1", timeout=5) as answer:
        assert answer.status_code == 200
        assert answer.headers["runtail-state"] == "running"


def test_full_windows_of_a_named_history_may_be_cached(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 100, per_entry=10)
    path = f"/runs/{writer.claim.run_id}/log"
    epoch = api.get(path).json()["epoch"]

    def caching(**query: int) -> str:
        return str(
            api.get(path, params={name.rstrip("_"): value for name, value in query.items()}).headers["cache-control"]
        )

    assert caching(from_=11, limit=20, epoch=epoch) == "private, max-age=86400, immutable"
    assert caching(from_=11, limit=20) == "no-store"
    assert caching(from_=-20, limit=5, epoch=epoch) == "no-store"
    assert caching(from_=91, limit=10, epoch=epoch) == "no-store", "what comes next may be an event that belongs to it"
    other = api.get(path, params={"epoch": epoch + 1})
    assert (other.status_code, other.json()["code"], other.json()["epoch"]) == (409, "position", epoch)


def test_a_cut_window_is_not_cached(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    for n in range(60):
        writer.add("o", f"{n:05} {'x' * 9_993}\n".encode(), 1)
        writer.flush()
    answer = api.get(f"/runs/{writer.claim.run_id}/log", params={"limit": 50, "epoch": writer.claim.epoch})
    assert any("cut" in item for item in answer.json()["entries"])
    assert answer.headers["cache-control"] == "no-store"


def test_a_window_tells_the_colours_in_force(api: httpx.Client, store: Store, redis_url: str, key_prefix: str) -> None:
    writer = open_run(store)
    for payload in (
        b"\x1b[1;31mred\n",
        b"still\n",
        b"\x1b[0m\x1b[38;5;12mblue\n",
        b"\x1b[4munder\n",
        b"\x1b[m\n",
        b"x\n",
    ):
        writer.add("o", payload, 1)
    writer.flush()
    path = f"/runs/{writer.claim.run_id}/log"
    styles = [api.get(path, params={"from": line, "limit": 1}).json()["style"] for line in range(1, 7)]
    assert styles == ["", "1;31", "1;31", "94", "4;94", ""]
    writer = open_run(make_store(redis_url, key_prefix))
    path = f"/runs/{writer.claim.run_id}/log"
    for _ in range(8):
        writer.add("o", b"\x1b[7m" + b"x" * 60_000 + b"\n", 1)
        writer.flush()
    assert api.get(path, params={"from": -1}).json()["style"] is None, "too far back"


def test_an_outline_has_sections_and_marks(api: httpx.Client, store: Store) -> None:
    writer = open_run(store)
    path = f"/runs/{writer.claim.run_id}/outline"

    def tell(t_ms: int, kind: str, **fields: object) -> None:
        writer.add("e", event.encode(kind, **fields), t_ms)

    tell(1000, "start", attempt=1)
    writer.add("o", b"::group::build\n", 1000)
    tell(1000, "group", title="build", line=1)
    writer.add("o", b"a\nb\n", 2000)
    tell(2500, "group", title="inner")
    tell(2600, "error", text="no", line=3)
    writer.add("o", b"c\n", 2700)
    tell(3000, "endgroup")
    writer.flush()
    outline = api.get(path).json()
    inner, build = outline["groups"][1], outline["groups"][0]
    assert (build["first"], build["last"], build["title"], build["state"], build["errors"]) == (
        2,
        None,
        "build",
        "open",
        1,
    )
    assert (inner["first"], inner["last"], inner["depth"], inner["state"], inner["seconds"]) == (4, 4, 1, "closed", 0.5)
    assert outline["marks"] == [
        {"line": 1, "kind": "start", "t_ms": 1000, "attempt": 1},
        {"line": 3, "kind": "error", "t_ms": 2600},
    ]
    assert (outline["lines"], outline["complete"]) == (4, True)

    # What comes is added; what is left open ends with its attempt.
    tell(4000, "warning", text="hm")
    writer.flush()
    finish(writer)
    outline = api.get(path).json()
    build = outline["groups"][0]
    assert (build["last"], build["state"], build["warnings"]) == (4, "unclosed", 1)
    assert outline["counts"] == {"start": 1, "group": 2, "error": 1, "warning": 1, "end": 1}
    assert api.delete(f"/runs/{writer.claim.run_id}").status_code == 204
    assert api.get(path).status_code == 404


def test_an_outline_is_bounded(api: httpx.Client, redis_url: str, key_prefix: str) -> None:
    writer = open_run(make_store(redis_url, key_prefix))
    for number in range(10_050):
        writer.add("e", event.encode("group", title=f"g{number} {'x' * 300}"), number)
        if number % 50 == 49:
            writer.flush()
    outline = api.get(f"/runs/{writer.claim.run_id}/outline").json()
    assert len(outline["groups"]) == 10_000
    assert outline["counts"]["group"] == 10_050
    assert max(len(group["title"]) for group in outline["groups"]) == 200
