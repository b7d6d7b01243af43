"""What is not the usual sight of a page is accessible, too: help, find, the API's page, runs that are not there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site
from tests.browser.logs import failure, write
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
    write(producer, *failure())
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
            expect(page.get_by_role("alert")).to_be_visible(timeout=SECONDS)
            judged(page, f"unknown run {width}")
            page.goto(f"{site.web.url}/?state=nonsense")
            expect(page.locator("main .note[role=status]")).to_be_visible(timeout=SECONDS)
            judged(page, f"no filter {width}")
            page.goto(site.run_page(producer.run_id))
            expect(page.locator("#L40")).to_be_visible(timeout=SECONDS)
            expect(page.locator(".row.frames")).to_be_visible()
            page.keyboard.press("/")
            page.get_by_label("Find in the log").fill("line 3")
            expect(page.locator("mark").first).to_be_visible(timeout=SECONDS)
            judged(page, f"find {width}")
            page.keyboard.press("Escape")
            page.goto(f"{page.url}#L7-L9")
            expect(page.locator(".marking")).to_be_visible()
            judged(page, f"marked {width}")
            page.get_by_role("button", name="Keyboard shortcuts").click()
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
            expect(page.locator(".connection.connected")).to_be_visible(timeout=SECONDS)
            assert page.evaluate(moving) == []


@pytest.mark.parametrize("path", ["/", "/runs/{run}"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_help_begins_at_its_title_and_is_wide_enough(site: Site, browser: Browser, path: str, width: int) -> None:
    producer = Producer(site.store)
    producer.write(5)
    with browser.new_context(viewport={"width": width, "height": 500}) as context:
        page = context.new_page()
        page.goto(site.web.url + path.format(run=producer.run_id))
        page.get_by_role("button", name="Keyboard shortcuts").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        assert dialog.evaluate("(dialog) => dialog.scrollTop") == 0
        expect(dialog.get_by_role("heading", name="Keyboard shortcuts")).to_be_in_viewport(ratio=1)
        expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        box = dialog.bounding_box()
        assert box is not None
        assert box["width"] >= min(900, width * 0.9)
        # No key stands on another's words.
        over = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
        assert dialog.locator("dt").evaluate_all(over) == []
        assert overflows(page) == []
        assert dialog.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
        # Its title stays, and with it the way out.
        dialog.evaluate("(dialog) => dialog.scrollTo(0, dialog.scrollHeight)")
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)
