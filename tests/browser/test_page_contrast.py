"""The examples in both themes, and as people see them who ask for more contrast or have colours of their own: axe-core
finds nothing on the first page, the list, and a run in each state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from runtail.protocol import RunState
from tests.browser.looks import overflows, violations
from tests.support.examples import Examples
from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

SIGHTS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "light, more contrast": {"color_scheme": "light", "contrast": "more"},
    "dark, more contrast": {"color_scheme": "dark", "contrast": "more"},
    "own colours": {"forced_colors": "active"},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    """The examples; the first test fills them in."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "redis").mkdir()
    with RedisServer(folder / "redis") as server, Examples(folder, server.url) as stack:
        yield stack


def opened(browser: Browser, sight: dict[str, Any]) -> Page:
    """A page of somebody who sees like that."""
    context = browser.new_context(
        bypass_csp=True, reduced_motion="reduce", viewport={"width": 1200, "height": 760}, **sight
    )
    return context.new_page()


def judge(page: Page, what: str) -> None:
    """Nothing for axe-core to find, nothing beyond the window."""
    assert violations(page) == [], what
    assert overflows(page) == [], what


def test_the_first_page(stack: Examples, browser: Browser) -> None:
    for name, sight in SIGHTS.items():
        page = opened(browser, sight)
        page.goto(stack.web.url)
        expect(page.get_by_role("button", name="Fill with examples")).to_be_visible()
        judge(page, name)
        page.context.close()
    stack.fill()


@pytest.mark.parametrize("sight", SIGHTS)
def test_list_and_runs(stack: Examples, browser: Browser, sight: str) -> None:
    page = opened(browser, SIGHTS[sight])
    page.goto(stack.web.url)
    expect(page.locator(".runs")).to_contain_text("no worker listens to queue gpu")
    judge(page, "list")
    runs = stack.listed()
    for state in RunState:
        run = next(run for run in runs if run.state is state and run.text("task") != "examples.fill")
        page.goto(f"{stack.web.url}/runs/{run.id}")
        expect(page.locator("h1")).to_contain_text(run.text("task"))
        if state is not RunState.QUEUED:
            expect(page.locator(".row.line").first).to_be_visible()
        judge(page, state)
    page.context.close()
