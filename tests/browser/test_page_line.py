"""From the Start button to "complete, verified": every process real."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from runtail.protocol import RunState
from tests.browser.conftest import OpenPage
from tests.browser.test_page_run import shown
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SECONDS = 60_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the reference worker."""
    directory = tmp_path_factory.mktemp("page-line")
    with RedisServer(directory / "redis") as server:
        stack = Stack(directory, server.url, app="runtail_worker.app", cancel_grace_seconds=2)
        stack.web.configure(socket_url=stack.relay.url)
        stack.relay.configure(allowed_origins=stack.web.url)
        with stack:
            yield stack


def test_the_start_button_runs_the_tutorial_to_its_end(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(stack.web.url)
    page.get_by_role("button", name="Try demo.tail").click()
    page.wait_for_url(re.compile("/runs/.+"))
    expect(page.locator("#L1 .text")).to_have_text("Task message 0", timeout=SECONDS)
    expect(page.locator(".connection")).to_contain_text("Live")
    # Lines come while the task runs, not when it is over.
    assert page.locator("#L20").count() == 0
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 20 lines, verified$"), timeout=SECONDS)
    wait_for(lambda: shown(page) == [(n + 1, f"Task message {n}") for n in range(20)], 20, lambda: shown(page))
    expect(page.locator("h1 .chip")).to_contain_text("succeeded")


def test_a_run_is_started_with_parameters_and_cancelled_from_its_page(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(stack.web.url)
    page.get_by_role("button", name="Start a run").click()
    page.get_by_label("Task", exact=True).fill("demo.nap")
    page.keyboard.press("Enter")
    page.get_by_label("seconds").fill("600")
    page.get_by_role("button", name="Start demo.nap").click()
    page.wait_for_url(re.compile("/runs/.+"))
    expect(page.locator("h1 .chip")).to_contain_text("running", timeout=SECONDS)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.locator("h1 .chip")).to_contain_text("cancelled", timeout=SECONDS)
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    run_id = page.url.rpartition("/")[2]
    assert stack.run(run_id).state is RunState.CANCELLED


def test_a_crash_is_shown_for_what_it_was(stack: Stack, open_page: OpenPage) -> None:
    run_id = stack.start("demo.crash", {"how": "sigkill"})
    page = open_page(f"{stack.web.url}/runs/{run_id}")
    expect(page.locator("h1 .chip")).to_contain_text("failed", timeout=SECONDS)
    expect(page.locator(".about")).to_contain_text(f"ended by signal {signal.SIGKILL.value}")
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".row.event.error")).not_to_have_count(0)
