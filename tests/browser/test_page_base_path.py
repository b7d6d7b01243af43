"""The pages under a base path, behind the chart's gateway: nothing they do leads out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Request, WebSocket, expect

from tests.browser.conftest import Complaints
from tests.browser.logs import more
from tests.support.chart_gateway import started
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

BASE = "/a/b"
SECONDS = 60_000


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the product is."""
    with ExitStack() as servers:
        (tmp_path / "redis").mkdir()
        (tmp_path / "nginx").mkdir()
        server = servers.enter_context(RedisServer(tmp_path / "redis"))
        stack = servers.enter_context(
            Stack(tmp_path, server.url, app="runtail_worker.app", base_path=BASE, proxy_hops=1)
        )
        values = {"access": {"basePath": BASE}}
        gateway = started(tmp_path / "nginx", stack.relay.url, stack.web.url, values=values)
        yield f"{servers.enter_context(gateway)}{BASE}"


def test_a_run_is_started_watched_and_shared(address: str, context: BrowserContext, complaints: Complaints) -> None:
    asked: list[str] = []

    def on_request(request: Request) -> None:
        asked.append(request.url)

    def on_socket(socket: WebSocket) -> None:
        asked.append(socket.url)

    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = context.new_page()
    complaints.watch(page)
    page.on("request", on_request)
    page.on("websocket", on_socket)

    page.goto(address)
    page.get_by_role("button", name="Start a run").click()
    page.get_by_label("Task", exact=True).fill("demo.tail")
    page.keyboard.press("Enter")
    page.get_by_label("lines").fill("8")
    page.get_by_label("interval").fill("0.3")
    page.get_by_role("button", name="Start demo.tail").click()
    page.wait_for_url(re.compile(f"^{re.escape(address)}/runs/[^/]+$"))

    # Live, by the relay.
    expect(page.locator("h1 .chip")).to_contain_text("running", timeout=SECONDS)
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)

    # A line is shared.
    page.locator("#L3").get_by_role("link", name="3").click()
    page.get_by_role("button", name="Copy link", exact=True).click()
    copied = str(page.evaluate("navigator.clipboard.readText()"))
    assert re.fullmatch(f"{re.escape(address)}/runs/[^/]+#L3", copied)
    other = context.new_page()
    complaints.watch(other)
    other.on("request", on_request)
    other.goto(copied)
    expect(other.locator("#L3")).to_be_in_viewport(timeout=SECONDS)
    expect(other.locator(".marking")).to_contain_text("Line 3")
    other.close()

    # Found on the server, read as plain text, back to the list, and again.
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_label("Find in the log").fill("message 7")
    expect(page.locator(".found")).to_contain_text(re.compile(r"\d"), timeout=SECONDS)
    page.keyboard.press("Escape")
    more(page)
    page.get_by_role("link", name="Plain text").click()
    expect(page).to_have_url(re.compile(f"^{re.escape(address)}/runs/[^/]+/text$"))
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page).to_have_url(f"{address}/")
    page.locator(".runs .row-link").first.click()
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    page.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_role("button", name="Yes, run it again").click()
    expect(page.locator("h1 .chip")).to_contain_text(re.compile("queued|running|succeeded"), timeout=SECONDS)
    page.get_by_role("link", name="Runtail", exact=True).click()
    expect(page).to_have_url(f"{address}/")
    expect(page.locator(".runs .row-link")).to_have_count(2, timeout=SECONDS)

    here = urlsplit(address)
    assert any(urlsplit(url).scheme == "ws" for url in asked)
    for url in asked:
        parts = urlsplit(url)
        assert parts.netloc == here.netloc, url
        assert parts.path == BASE or parts.path.startswith(f"{BASE}/"), url
