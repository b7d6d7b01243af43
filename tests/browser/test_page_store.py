"""The pages and a store that crashes or is away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import expect

from runtail.errors import StoreUnavailable
from tests.browser.conftest import Complaints, OpenPage
from tests.browser.test_page_run import SECONDS, expect_lines
from tests.support.beating import beating
from tests.support.processes import StartProcess
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, Relay, make_store
from tests.support.scenery import BUILD
from tests.support.services import Service
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Line:
    """Store, relay and web of one test, and a run with 30 lines."""

    server: RedisServer
    web: Service
    producer: Producer


@pytest.fixture
def line(tmp_path: Path, start_process: StartProcess, complaints: Complaints) -> Iterator[Line]:
    complaints.expect("503")
    directory = tmp_path / "own"
    directory.mkdir()
    with RedisServer(directory, append_only="always") as server, ExitStack() as stack:
        web = Service("web", tmp_path, {"broker_url": server.url})
        relay = Relay(start_process, server.url, "runtail:", allowed_origins=web.url)
        web.configure(socket_url=relay.url)
        stack.enter_context(web)
        relay.wait_until_ready()
        store = make_store(server.url, "runtail:", retained_seconds=60)
        stack.enter_context(beating(store))
        producer = Producer(store)
        producer.write(30)
        yield Line(server, web, producer)


def test_it_survives_a_crash_of_the_store(line: Line, open_page: OpenPage) -> None:
    producer = line.producer
    page = open_page(f"{line.web.url}/runs/{producer.run_id}")
    expect_lines(page, producer)
    line.server.restart()
    wait_for(lambda: written(producer), 20)
    expect_lines(page, producer)
    wait_for(lambda: ended(producer), 20)
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 40 lines, verified$"), timeout=SECONDS)


def test_it_says_that_the_store_is_away_and_goes_on_after(line: Line, open_page: OpenPage) -> None:
    """It said "Live" for as long as the store was away."""
    producer = line.producer
    run, runs = open_page(f"{line.web.url}/runs/{producer.run_id}"), open_page(line.web.url)
    expect(run.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    expect(runs.locator(".connection")).to_contain_text("Connected", timeout=SECONDS)
    line.server.stop()
    for page in (run, runs):
        expect(page.locator(".connection")).to_contain_text("The store does not answer", timeout=SECONDS)
    # Who comes now is told as well: beside the API's "does not answer" stood "Connected".
    late = open_page(line.web.url)
    expect(late.locator(".connection")).to_contain_text("The store does not answer", timeout=SECONDS)
    expect_lines(run, producer)
    line.server.start()
    expect(run.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    for page in (runs, late):
        expect(page.locator(".connection")).to_contain_text("Connected", timeout=SECONDS)
    wait_for(lambda: written(producer), 20)
    wait_for(lambda: ended(producer), 20)
    expect(run.locator(".verdict")).to_have_text(re.compile("complete: 40 lines, verified$"), timeout=SECONDS)


def written(producer: Producer) -> bool:
    """Write ten lines; a store that is away gets them at the next call."""
    try:
        if producer.count == 30:
            producer.write(10)
        else:
            producer.writer.flush()
    except StoreUnavailable:
        return False
    return True


def ended(producer: Producer) -> bool:
    """End the run, unless the store is away."""
    try:
        producer.end()
    except StoreUnavailable:
        return False
    return True


def test_it_says_that_the_store_may_delete_runs_and_starts_none(line: Line, open_page: OpenPage) -> None:
    with line.server.client() as client:
        client.hset(line.producer.store.keys.tasks(), "etl.load", orjson.dumps(BUILD))
        client.config_set("maxmemory", "512mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        page = open_page(f"{line.web.url}/#start=etl.load&day=2026-01-31")
        page.get_by_role("button", name="Start etl.load").click()
        problem = page.locator(".form .problem")
        expect(problem).to_contain_text("set maxmemory-policy to noeviction", timeout=SECONDS)
        client.config_set("maxmemory-policy", "noeviction")
    page.get_by_role("button", name="Start etl.load").click()
    page.wait_for_url(re.compile("/runs/.+"))
