"""What is not the usual sight of a page is accessible, too: help, find, the API's page, runs that are not there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site
from tests.browser.looks import overflows, violations
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

SECONDS = 20_000


def judged(page: Page, what: str) -> None:
    """Nothing for axe-core to find, nothing beyond the window."""
    assert violations(page) == [], what
    assert overflows(page) == [], what


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_other_sights(site: Site, browser: Browser, theme: str) -> None:
    producer = Producer(site.store)
    producer.write(40)
    with browser.new_context(bypass_csp=True, reduced_motion="reduce") as context:
        page = context.new_page()
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for width in (1200, 320):
            page.set_viewport_size({"width": width, "height": 700})
            page.goto(f"{site.web.url}/api")
            judged(page, f"api {width}")
            page.goto(f"{site.web.url}/nope")
            judged(page, f"not found {width}")
            page.goto(f"{site.web.url}/runs/nobody")
            expect(page.locator(".problem")).to_be_visible(timeout=SECONDS)
            judged(page, f"unknown run {width}")
            page.goto(f"{site.web.url}/?state=nonsense")
            expect(page.locator("main [role=status]")).to_be_visible(timeout=SECONDS)
            judged(page, f"no filter {width}")
            page.goto(site.run_page(producer.run_id))
            expect(page.locator("#L40")).to_be_visible(timeout=SECONDS)
            page.keyboard.press("/")
            page.get_by_label("Find in the log").fill("line 3")
            expect(page.locator("mark").first).to_be_visible(timeout=SECONDS)
            judged(page, f"find {width}")
            page.keyboard.press("Escape")
            page.goto(f"{page.url}#L7-L9")
            expect(page.locator(".marking")).to_be_visible()
            judged(page, f"marked {width}")
            page.get_by_role("button", name="Keys and help").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            judged(page, f"help {width}")


def test_nothing_moves_for_those_who_ask_for_less(site: Site, browser: Browser) -> None:
    producer = Producer(site.store)
    producer.write(5)
    moving = """() => document.getAnimations().filter((one) => one.playState === "running")
        .map((one) => `${one.effect.target.className} ${one.animationName ?? one.transitionProperty}`)"""
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        for address in (site.web.url, site.run_page(producer.run_id)):
            page.goto(address)
            expect(page.locator(".connection")).to_contain_text("●", timeout=SECONDS)
            assert page.evaluate(moving) == []
