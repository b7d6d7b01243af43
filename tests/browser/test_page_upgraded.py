"""A page stays open while the services behind it become those of another version: an upgrade, and its rollback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, OpenPage
from tests.support import earlier
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser
SECONDS = 60_000
LINES_PER_SECOND = 20


@pytest.fixture(scope="module")
def old() -> Path:
    """The version before this one, with its pages."""
    return earlier.with_pages()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A worker of this version on a store; web and relay come and go."""
    directory = tmp_path_factory.mktemp("upgraded")
    with (
        RedisServer(directory / "redis") as server,
        Stack(directory, server.url, services=(), cancel_grace_seconds=2, drain_seconds=2) as made,
    ):
        made.worker.wait_for_log(" ready.", 60)
        yield made


class Site:
    """Web and relay of one version, at ports that the next version takes over."""

    def __init__(self, stack: Stack, tree: Path) -> None:
        self.web, self.relay = (
            Service(name, stack.directory, stack.settings, {"PYTHONPATH": earlier.python_path(tree)})
            for name in ("web", "socket")
        )

    def at(self, other: Site) -> Site:
        """Take over the ports of another."""
        for mine, its in ((self.web, other.web), (self.relay, other.relay)):
            mine.take_over(its)
        return self

    def start(self, stack: ExitStack) -> Site:
        """Start both."""
        self.web.configure(socket_url=self.relay.url)
        self.relay.configure(allowed_origins=self.web.url)
        for service in (self.relay, self.web):
            stack.enter_context(service)
        return self

    def script(self) -> str:
        """Return the name of the script that a run's page loads."""
        found = re.search(r'<script type="module" src="([^"]+)"', httpx.get(f"{self.web.url}/runs/x", timeout=30).text)
        assert found is not None
        return found[1]


def newest(page: Page) -> int:
    """Return the number of the last line on the screen; 0 without one."""
    return max([0, *map(int, page.locator(".row.line .number").all_inner_texts())])


def rows_to(page: Page, line: int) -> None:
    """Return when the log on the screen, which follows the run, goes at least to a line."""
    wait_for(lambda: newest(page) >= line, SECONDS / 1000, lambda: page.inner_text("body"), interval_seconds=0.1)


@pytest.mark.parametrize("way", ["upgrade", "rollback"])
def test_an_open_page_goes_on_with_services_of_another_version(
    stack: Stack, old: Path, open_page: OpenPage, complaints: Complaints, way: str
) -> None:
    trees = (old, earlier.ROOT) if way == "upgrade" else (earlier.ROOT, old)
    before, after = (Site(stack, tree) for tree in trees)
    with ExitStack() as running:
        before.start(running)
        wait_for(
            lambda: "line.paced" in httpx.get(f"{before.web.url}/api/v1/tasks", timeout=30).text,
            60,
            stack.worker.evidence,
        )
        body = {"task": "line.paced", "kwargs": {"lines": 100_000, "lines_per_second": LINES_PER_SECOND}}
        run = httpx.post(f"{before.web.url}/api/v1/runs", json=body, timeout=30).json()["id"]
        page = open_page(f"{before.web.url}/runs/{run}")
        rows_to(page, 20)
        expect(page.locator(".connection.connected")).to_be_visible(timeout=SECONDS)
        script = before.script()

        complaints.expect("net::ERR")
        complaints.expect("WebSocket connection")
        if way == "rollback":
            # The open page asks for what the earlier version has not, and does without.
            complaints.expect("status of 404")
            complaints.expect("status of 422")
        for service in (before.web, before.relay):
            assert service.process.terminate(30) == 0
        at = newest(page)
        after.at(before).start(running)
        expect(page.locator(".connection.connected")).to_be_visible(timeout=SECONDS)
        rows_to(page, at + 2 * LINES_PER_SECOND)
        assert page.evaluate("document.querySelector('script[type=module]').src").endswith(script)

        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Yes, cancel the run").click()
        expect(page.locator("h1 .chip")).to_contain_text("cancelled", timeout=SECONDS)
        expect(page.locator(".verdict.ok")).to_have_text(re.compile(r"[0-9,]+ lines, verified$"), timeout=SECONDS)
        assert httpx.get(f"{after.web.url}/api/v1/runs/{run}", timeout=30).json()["state"] == "cancelled"

        # A page that is loaded now is the other version's, and shows the same.
        page.reload()
        expect(page.locator(".verdict.ok")).to_have_text(re.compile(r"[0-9,]+ lines, verified$"), timeout=SECONDS)
        assert page.evaluate("document.querySelector('script[type=module]').src").endswith(after.script())
