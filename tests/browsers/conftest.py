"""One installation with a login, a worker and runs, and the browsers that look at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from tests.browsers.firefox import Firefox
from tests.browsers.tab import Tab
from tests.browsers.webdriver import Driver
from tests.browsers.webkit import WebKit
from tests.support.beating import beating
from tests.support.installation import Installation
from tests.support.logins import grant, write, write_users
from tests.support.scenery import BUILD
from tests.support.waiting import wait_for

#: A folder for pictures of the pages; those of failures go there as well.
PICTURES = os.environ.get("RUNTAIL_TEST_SCREENS")

WIDTH, HEIGHT = 1200, 900

BROWSERS: dict[str, Callable[[Path], Driver]] = {"firefox": Firefox, "webkit": WebKit}


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    """Web, relay and a worker with the demo tasks; ann may do everything, bob may look."""
    folder = tmp_path_factory.mktemp("installation")
    policy = grant("group:admins", "admin") + grant("group:lookers", "viewer")
    made = Installation(
        folder, redis_url, app="runtail_worker.app", services=("web", "socket"), auth_mode="password",
        auth_users_file=write_users(folder / "users", ann="admins", bob="lookers"),
        auth_policy_file=write(folder / "policy.toml", policy),
        queues=("builds",), cancel_grace_seconds=2,
    )  # fmt: skip
    made.web.configure(socket_url=made.relay.url)
    made.relay.configure(allowed_origins=made.web.url)
    store = made.store
    with made, beating(store):
        worker = made.add(concurrency=2).wait_ready()
        wait_for(lambda: store.client.hexists(store.keys.tasks(), "demo.tail"), 60, worker.process.evidence)
        store.client.hset(store.keys.tasks(), "etl.load", orjson.dumps({**BUILD, "exclusive": False}))
        yield made
        worker.process.terminate(30)


@pytest.fixture(scope="session", params=BROWSERS)
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Each of the browsers, started once."""
    made = BROWSERS[request.param](tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


@pytest.fixture
def tab(driver: Driver, installation: Installation, tmp_path: Path) -> Iterator[Tab]:
    """A window without a login. A page that complains fails the test."""
    made = Tab(driver, installation.web.url, Path(PICTURES) if PICTURES else tmp_path)
    made.forget()
    made.resize(WIDTH, HEIGHT)
    yield made
    assert made.complaints() == []


@pytest.fixture
def ann(tab: Tab) -> Tab:
    """A window in which ann is logged in, with the list of runs."""
    tab.open("/login")
    tab.log_in("ann")
    tab.see(".account summary", "ann")
    return tab
