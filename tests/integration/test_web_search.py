"""Searching a whole log on the server: every hit, both directions, and nothing that can take for ever."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from runtail.store import Store
from tests.support.beating import beating
from tests.support.runs import finish, make_store, open_run, write_lines
from tests.support.services import Service
from tests.support.slow_clients import client_at
from tests.support.waiting import wait_for

THREADS = 16


@pytest.fixture(scope="module")
def prefix() -> str:
    """Keys of this module."""
    return "t-search:"


@pytest.fixture(scope="module")
def store(redis_url: str, prefix: str) -> Store:
    """A store with a small quota."""
    return make_store(redis_url, prefix, quota_bytes=200_000, head_bytes=20_000)


@pytest.fixture(scope="module")
def web(redis_url: str, prefix: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running web service."""
    settings = {"broker_url": redis_url, "key_prefix": prefix, "web_threads": THREADS}
    with beating(store), Service("web", tmp_path_factory.mktemp("web"), settings) as service:
        yield service


def search(web: Service, run_id: str, q: str, **query: Any) -> list[dict[str, Any]]:
    """Return the answer's lines."""
    query = {name.rstrip("_"): value for name, value in query.items()}
    answer = httpx.get(f"{web.url}/api/v1/runs/{run_id}/log/search", params={"q": q, **query}, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def lines(answer: list[dict[str, Any]]) -> list[int]:
    """Return the numbers of the lines with hits."""
    return [item["line"] for item in answer if "line" in item]


def ranges(answer: list[dict[str, Any]], name: str) -> list[int]:
    """Return all lines of ``searched`` or ``missing``."""
    return sorted(line for item in answer if name in item for line in range(item[name][0], item[name][1] + 1))


def test_both_directions_and_every_beginning(web: Service, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 120, per_entry=7)
    run_id = writer.claim.run_id
    expected = [n for n in range(1, 121) if "5" in str(n)]
    answer = search(web, run_id, "5")
    assert lines(answer) == expected
    assert answer[-1] == {"done": True, "hits": len(expected), "next": None}
    assert ranges(answer, "searched") == list(range(1, 121))
    assert answer[0] == {"line": 5, "spans": [[5, 6]]}
    for first in (1, 7, 8, 54, 119, 120):
        answer = search(web, run_id, "5", from_=first)
        assert lines(answer) == [n for n in expected if n >= first]
        assert ranges(answer, "searched") == list(range(first, 121))
        answer = search(web, run_id, "5", from_=first, direction="backward")
        assert lines(answer) == [n for n in reversed(expected) if n <= first]
        assert ranges(answer, "searched") == list(range(1, first + 1))
    assert lines(search(web, run_id, "5", direction="backward")) == expected[::-1]
    assert search(web, run_id, "5", from_=500) == [{"done": True, "hits": 0, "next": None}]
    # While it runs: a search covers what there is, and goes on behind it.
    write_lines(writer, 121, 125)
    assert lines(search(web, run_id, "5", from_=121)) == [125]


def test_a_limit_says_where_to_go_on(web: Service, store: Store) -> None:
    writer = open_run(store)
    write_lines(writer, 1, 40)
    run_id = writer.claim.run_id
    got: list[int] = []
    following: int | None = 1
    while following is not None:
        answer = search(web, run_id, "line", limit=7, from_=following)
        got += lines(answer)
        following = answer[-1]["next"]
    assert got == list(range(1, 41))
    answer = search(web, run_id, "line", limit=3, direction="backward")
    assert (lines(answer), answer[-1]["next"]) == ([40, 39, 38], 37)


def test_what_people_see_is_searched(web: Service, store: Store) -> None:
    writer = open_run(store)
    written = [
        b"\x1b[1;31mError\x1b[0m here\n",
        "😀 ünï ERROR\n".encode(),
        b"\xff\x00error\n\n",
        b"\x1b]8;;http://error.test\x1b\\a link\x1b]8;;\x07\n",
        b"terror",
    ]
    for payload in written:
        writer.add("o", payload, 1)
    writer.flush()
    finish(writer)
    run_id = writer.claim.run_id
    hits = {item["line"]: item["spans"] for item in search(web, run_id, "error") if "line" in item}
    assert hits == {1: [[0, 5]], 2: [[7, 12]], 3: [[2, 7]], 6: [[1, 6]]}
    assert lines(search(web, run_id, "ERROR", case=1)) == [2]
    assert lines(search(web, run_id, "^error here$", regex=1)) == [1]
    assert lines(search(web, run_id, r"\Aterror\z", regex=1)) == [6]
    assert lines(search(web, run_id, "error.here")) == []
    assert lines(search(web, run_id, "x*", regex=1)) == [], "what is empty is no hit"


def test_lines_that_are_gone_are_named(web: Service, store: Store) -> None:
    writer = open_run(store)
    for n in range(60):
        writer.add("o", f"{n:05} {'x' * 9_993}\n".encode(), 1)
        writer.flush()
    run_id = writer.claim.run_id
    for direction in ("forward", "backward"):
        answer = search(web, run_id, "xx", direction=direction)
        missing = ranges(answer, "missing")
        assert len(missing) > 10
        assert ranges(answer, "searched") == sorted(lines(answer)) == [n for n in range(1, 61) if n not in missing]
    inside = search(web, run_id, "xx", from_=missing[3])
    assert ranges(inside, "missing") == missing[3:]


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("(foo", 0),
        ("a(b[)]", 1),
        ("foo)", 3),
        ("a[z-a]", 2),
        ("*a", 0),
        ("x[abc", 1),
        ("é(", 1),
        ("ab(?=c)", 2),
        (r"(a)\1", 3),
        ("abc\\", 3),
        ("((a{100}){100}){100}", 3),
    ],
)
def test_an_invalid_expression_is_answered_with_the_place(
    web: Service, store: Store, expression: str, place: int
) -> None:
    path = f"{web.url}/api/v1/runs/{open_run(store).claim.run_id}/log/search"
    answer = httpx.get(path, params={"q": expression, "regex": 1})
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["code"], problem["place"]) == ("expression", place)
    assert f"at character {place + 1}" in problem["detail"]
    assert httpx.get(path, params={"q": expression}).status_code == 200, "as a text it is fine"


def test_bad_searches(web: Service, store: Store) -> None:
    run_id = open_run(store).claim.run_id
    for query in ("", "q=", "q=" + "x" * 1001, "q=a&from=0", "q=a&direction=up"):
        assert httpx.get(f"{web.url}/api/v1/runs/{run_id}/log/search?{query}").status_code == 422
    assert httpx.get(f"{web.url}/api/v1/runs/none/log/search", params={"q": "a"}).status_code == 404


def test_an_expression_that_stops_other_engines_is_quick(web: Service, store: Store) -> None:
    writer = open_run(store)
    writer.add("o", b"a" * 60_000 + b"!\n", 1)
    writer.flush()
    began = time.monotonic()
    assert lines(search(web, writer.claim.run_id, "(a+)+$", regex=1)) == []
    assert lines(search(web, writer.claim.run_id, "(.*z)?", regex=1)) == []
    print(f"two catastrophic expressions: {time.monotonic() - began:.2f} s")


def test_a_client_has_two_searches_and_all_together_a_quarter_of_the_threads(web: Service, redis_url: str) -> None:
    store = make_store(redis_url, "t-search:")
    writer = open_run(store)
    for _ in range(40):
        # More answer than the buffers of a connection hold.
        writer.add("o", (b"x" * 100 + b"\n") * 590, 1)
        writer.flush()
    path = f"/runs/{writer.claim.run_id}/log/search?q=x"
    with ExitStack() as stack:
        streams = []
        for address, refused in (("127.0.0.1", None), ("127.0.0.2", None), ("127.0.0.3", 503)):
            for number in range(3):
                client = stack.enter_context(client_at(web, address))
                answer = stack.enter_context(client.stream("GET", path))
                if number < 2 and refused is None:
                    assert answer.status_code == 200
                    streams.append(answer.iter_raw())
                    next(streams[-1])
                    continue
                answer.read()
                code = "too-many" if refused is None else "unavailable"
                assert (answer.status_code, answer.json()["code"]) == (refused or 429, code)
                assert int(answer.headers["retry-after"]) > 0
        assert httpx.get(f"{web.url}/api/v1/runs").status_code == 200

    def answered() -> bool:
        with httpx.stream("GET", f"{web.url}/api/v1{path}") as answer:
            return answer.status_code == 200

    wait_for(answered, 10)


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_search_that_takes_long_says_where_to_go_on(redis_url: str, tmp_path: Path, direction: str) -> None:
    prefix = f"t-search-long-{direction}:"
    store = make_store(redis_url, prefix)
    writer = open_run(store)
    entries, per_entry = 30, 60
    random = Random(1)
    for _ in range(entries):
        text = ("".join(random.choices("ab", k=1000)) + "\n" for _ in range(per_entry))
        writer.add("o", "".join(text).encode(), 1)
        writer.flush()
    finish(writer)
    run_id = writer.claim.run_id
    settings = {"broker_url": redis_url, "key_prefix": prefix, "search_seconds": 1}
    with Service("web", tmp_path, settings) as web:
        # States beyond any memory: RE2 forgets them again and again.
        costly = "a[ab]{300}c"
        searched: set[int] = set()
        following: int | None = 1 if direction == "forward" else entries * per_entry
        stretches = 0
        while following is not None:
            began = time.monotonic()
            answer = search(web, run_id, costly, regex=1, from_=following, direction=direction)
            assert time.monotonic() - began < 10
            told = ranges(answer, "searched")
            assert not searched & set(told)
            searched |= set(told)
            assert answer[-1]["done"]
            before, following = following, answer[-1]["next"]
            if following is not None:
                assert following == (max(told) + 1 if direction == "forward" else min(told) - 1)
                assert following != before
            stretches += 1
        assert searched == set(range(1, entries * per_entry + 1))
        print(f"{direction}: {stretches} stretches")
        assert stretches > 1


def test_no_search_answers_more_than_can_be_used(web: Service, redis_url: str) -> None:
    store = make_store(redis_url, "t-search:")
    writer = open_run(store)
    for _ in range(60):
        writer.add("o", (b"x " * 300 + b"\n") * 100, 1)
        writer.flush()
    path = f"{web.url}/api/v1/runs/{writer.claim.run_id}/log/search"
    assert httpx.get(path, params={"q": "x", "limit": 10_001}).status_code == 422
    following: int | None = 1
    found: list[int] = []
    while following is not None:
        answer = httpx.get(path, params={"q": "x", "from": following}, timeout=30)
        assert len(answer.content) < 6_000_000
        items = [json.loads(line) for line in answer.text.splitlines()]
        found += lines(items)
        following = items[-1]["next"]
    assert found == list(range(1, 6001))
