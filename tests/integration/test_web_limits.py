"""Each limit of the web service, reached as a user would, with the usual settings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import orjson
import pytest

from runtail.store import Store
from tests.support.beating import beating
from tests.support.passing_time import fill, let_pass
from tests.support.runs import finish, make_store, open_run
from tests.support.services import Service
from tests.support.slow_clients import client_at
from tests.support.waiting import wait_for

TASK = {"name": "tests.echo", "schema": {"type": "object"}, "queue": "web-limits"}
DEADLINE_SECONDS = 60


@pytest.fixture(scope="module")
def prefix() -> str:
    """Keys of this module."""
    return "t-limits:"


@pytest.fixture(scope="module")
def store(redis_url: str, prefix: str) -> Store:
    """A store that knows one task."""
    made = make_store(redis_url, prefix)
    made.client.hset(made.keys.tasks(), "tests.echo", orjson.dumps(TASK))
    return made


@pytest.fixture(scope="module")
def web(redis_url: str, prefix: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running web service with the usual settings."""
    settings = {"broker_url": redis_url, "key_prefix": prefix}
    with beating(store), Service("web", tmp_path_factory.mktemp("web"), settings) as service:
        yield service
        assert "Traceback" not in service.process.output()


@pytest.fixture
def api(web: Service, store: Store) -> Iterator[httpx.Client]:
    """A client of which nothing is counted yet."""
    let_pass(store, 3600)
    with httpx.Client(base_url=f"{web.url}/api/v1", timeout=30) as client:
        yield client


def refusal(answer: httpx.Response, limit: str) -> int:
    """Check that an answer says which limit was exceeded; return when to ask again, in seconds."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["limit"], problem["title"]) == ("too-many", limit, "Too many requests")
    seconds = int(answer.headers["retry-after"])
    assert problem["detail"].endswith(f"Try again in {seconds} s.")
    return seconds


def started(api: httpx.Client) -> httpx.Response:
    """Start a run."""
    return api.post("/runs", json={"task": "tests.echo"})


def test_sixty_starts_a_minute(web: Service, api: httpx.Client, store: Store) -> None:
    before = web.metric('runtail_web_limited_total{limit="starts"}')
    answers = [started(api) for _ in range(60)]
    assert {answer.status_code for answer in answers} == {202}
    fill(store, "starts")
    seconds = refusal(started(api), "starts")
    assert seconds <= 60
    run_id = answers[0].json()["id"]
    refusal(api.post(f"/runs/{run_id}/retry"), "starts")
    # All else goes on, for the same client and for others.
    assert api.get("/runs").status_code == 200
    assert api.post(f"/runs/{run_id}/cancel").status_code == 200
    with client_at(web, "127.0.0.2") as other:
        assert started(other).status_code == 202
    assert web.metric('runtail_web_limited_total{limit="starts"}') == before + 2
    let_pass(store, seconds)
    assert started(api).status_code == 202


def test_sixty_changes_a_minute(api: httpx.Client, store: Store) -> None:
    run_ids = [open_run(store).claim.run_id for _ in range(60)]
    for run_id in run_ids[:30]:
        assert api.post(f"/runs/{run_id}/cancel").status_code == 202
    for run_id in run_ids[30:]:
        assert api.delete(f"/runs/{run_id}").status_code == 204
    fill(store, "changes")
    seconds = refusal(api.post(f"/runs/{run_ids[0]}/cancel"), "changes")
    refusal(api.delete(f"/runs/{run_ids[0]}"), "changes")
    assert seconds <= 60
    assert started(api).status_code == 202
    let_pass(store, seconds)
    assert api.delete(f"/runs/{run_ids[0]}").status_code == 204


def test_three_hundred_requests_at_once(web: Service, api: httpx.Client, store: Store) -> None:
    for _ in range(300):
        assert api.get("/config").status_code == 200
    fill(store, "requests")
    seconds = refusal(api.get("/config"), "requests")
    assert seconds <= 7
    fill(store, "requests")
    page = httpx.get(web.url, headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert "You may send 50 requests a second, and 300 at once (RUNTAIL_LIMIT_REQUESTS)" in page.text
    # What a page loads is not counted.
    assert httpx.get(f"{web.url}/static/none.js").status_code == 404
    with client_at(web, "127.0.0.2") as other:
        assert other.get("/config").status_code == 200
    let_pass(store, seconds)
    assert api.get("/config").status_code == 200


def test_a_proxy_that_nobody_told_of_is_not_one_client(api: httpx.Client, store: Store) -> None:
    assert api.get("/config").status_code == 200
    fill(store, "requests")
    assert api.get("/config").status_code == 429
    assert api.get("/config", headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 200


@pytest.fixture(scope="module")
def large(store: Store) -> str:
    """A run whose log is larger than what the buffers of a connection hold."""
    writer = open_run(store)
    for _ in range(100):
        writer.add("o", (b"x" * 99 + b"\n") * 600, 1)
        writer.flush()
    return writer.claim.run_id


@pytest.mark.parametrize(
    ("path", "limit", "most"),
    [("log.txt?follow=1", "follow", 4), ("log.txt", "download", 4), ("log/search?q=x", "search", 2)],
)
def test_so_many_streams_at_once(web: Service, large: str, path: str, limit: str, most: int) -> None:
    url = f"/runs/{large}/{path}"
    with ExitStack() as stack:
        client = stack.enter_context(client_at(web, "127.0.0.3"))
        streams = []
        for _ in range(most):
            answer = stack.enter_context(client.stream("GET", url))
            assert answer.status_code == 200
            streams.append(answer.iter_raw())
            next(streams[-1])
        with client.stream("GET", url) as refused:
            assert refused.status_code == 429
            refused.read()
            assert refusal(refused, limit) <= 2
    # When they have ended, there is room.
    with client_at(web, "127.0.0.3") as client:

        def has_room() -> bool:
            with client.stream("GET", url) as again:
                return again.status_code == 200

        wait_for(has_room, DEADLINE_SECONDS)


def test_four_pages_of_text_at_once(web: Service, store: Store) -> None:
    writer = open_run(store)
    # Each line is drawn again and again: a page of them takes half a second of the processor.
    costly = b"\x1b[1;1Hx\r" * 6000 + b"\n"
    for _ in range(30):
        writer.add("o", costly, 1)
        writer.flush()
    finish(writer)
    url = f"{web.url}/runs/{writer.claim.run_id}/text"
    found: list[httpx.Response] = []

    def ask() -> None:
        found.append(httpx.get(url, timeout=DEADLINE_SECONDS))

    def one_too_many() -> bool:
        let_pass(store, 3600)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return any(answer.status_code == 429 for answer in found)

    wait_for(one_too_many, DEADLINE_SECONDS)
    assert {answer.status_code for answer in found} <= {200, 429, 503}
    refused = next(answer for answer in found if answer.status_code == 429)
    assert refused.headers["content-type"].startswith("text/html")
    assert int(refused.headers["retry-after"]) <= 2
    assert "You are reading a log as a page 4 times already" in refused.text
    assert httpx.get(url, timeout=DEADLINE_SECONDS).status_code == 200


def nested(levels: int) -> Any:
    """Arguments with so many levels."""
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


def test_a_body_has_limits(api: httpx.Client) -> None:
    for kwargs, status in (
        ({"text": "x" * 60_000}, 202),
        ({"text": "x" * 65_536}, 413),
        ({"deep": nested(62)}, 202),
        ({"deep": nested(63)}, 422),
        ({f"key-{n}": n for n in range(998)}, 202),
        ({f"key-{n}": n for n in range(999)}, 422),
    ):
        # On a connection each: the service ends one whose body it has not read.
        body = {"task": "tests.echo", "kwargs": kwargs}
        answer = api.post("/runs", json=body, headers={"Connection": "close"})
        assert answer.status_code == status, (len(answer.request.content), answer.text)
