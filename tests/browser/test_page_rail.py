"""Beside and around the log of a run: its sections, what stands out, and what folds away where there is little room."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import event
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, opened, still, tell, write
from tests.support.relay import Producer

pytestmark = pytest.mark.browser


@pytest.fixture
def producer(site: Site) -> Producer:
    """A run with three sections of 100 lines; the second one has an error, and the third has not ended."""
    made = Producer(site.store)
    for number, title in enumerate(("Fetch", "Build", "Upload")):
        first = number * 100 + 1
        tell(made, event.GROUP, title=title)
        last = "::error::it broke" if number == 1 else "ok"
        write(made, *(f"line {line}" for line in range(first, first + 99)), last)
        if number == 1:
            tell(made, event.ERROR, text="it broke", line=first + 99)
        if number < 2:
            tell(made, event.ENDGROUP)
    return made


def entry(page: Page, name: str) -> str:
    """Return the selector of a section's entry."""
    return f'.rail nav[aria-label="Sections"] .entry:has-text("{name}")'


def test_sections_lead_to_their_lines(site: Site, open_page: OpenPage, producer: Producer) -> None:
    page = opened(site, open_page, producer, "#L1")
    entries = page.locator('.rail nav[aria-label="Sections"] .entry')
    expect(entries).to_have_count(3)
    expect(page.locator(entry(page, "Fetch"))).to_contain_text(re.compile(r"\d s|< 0.1 s"))
    expect(page.locator(entry(page, "Build"))).to_contain_text("with errors:")
    expect(page.locator(entry(page, "Upload"))).to_contain_text("not ended:")
    page.locator(entry(page, "Build")).click()
    expect(page.locator("#L101")).to_be_in_viewport(timeout=SECONDS)
    page.locator(".log").press("End")
    expect(page.locator(entry(page, "Upload"))).to_have_attribute("aria-current", "true", timeout=SECONDS)
    # Nothing was marked on the way.
    expect(page.locator(".marking")).to_contain_text("Line 1")


def test_what_stands_out_leads_to_its_line(site: Site, open_page: OpenPage, producer: Producer) -> None:
    page = opened(site, open_page, producer, "#L1")
    found = page.locator('.rail nav[aria-label="Stands out"] .entry')
    expect(found).to_have_count(1)
    expect(found).to_contain_text("it broke")
    expect(found).to_contain_text("200")
    found.click()
    expect(page.locator("#L200.error.current")).to_be_in_viewport(timeout=SECONDS)


def test_the_status_line_is_one_line(site: Site, open_page: OpenPage, producer: Producer) -> None:
    page = opened(site, open_page, producer, "#L120-L140")
    status = page.locator(".status")
    expect(status).to_contain_text("verified", timeout=SECONDS)
    expect(status).to_contain_text("Lines 120-140")
    box = status.bounding_box()
    assert box is not None
    assert box["height"] <= 40
    assert box["y"] + box["height"] == pytest.approx(800, abs=1)


@pytest.mark.parametrize(("width", "height"), [(1200, 480), (600, 375), (360, 740), (320, 600)])
def test_where_there_is_little_room_the_log_keeps_it(
    site: Site, open_page: OpenPage, producer: Producer, width: int, height: int
) -> None:
    page = opened(site, open_page, producer, "#L1")
    page.set_viewport_size({"width": width, "height": height})
    still(page)
    expect(page.locator(".about .facts")).to_be_hidden()
    log = page.locator(".log").bounding_box()
    assert log is not None
    assert log["height"] >= height * 0.45
    page.get_by_role("button", name="More", exact=True).click()
    expect(page.locator(".about .facts")).to_be_visible()
    expect(page.locator(".rail")).to_be_visible()
    page.get_by_role("button", name="Less", exact=True).click()
    expect(page.locator(".about .facts")).to_be_hidden()


def test_what_is_chosen_is_seen_where_there_is_little_room(site: Site, open_page: OpenPage, producer: Producer) -> None:
    page = opened(site, open_page, producer, "#L1")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("button", name="More", exact=True).click()
    page.locator(entry(page, "Build")).click()
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.get_by_role("button", name="More", exact=True)).to_be_visible()
    expect(page.locator("#L101")).to_be_in_viewport(timeout=SECONDS)


def test_long_lists_scroll_and_not_the_page(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    for number in range(60):
        producer.writer.add("e", event.encode(event.GROUP, title=f"Step {number}"), 0)
        producer.writer.add("o", b"ERROR broken\n", 0)
        producer.writer.add("e", event.encode(event.ENDGROUP), 0)
    producer.writer.flush()
    page = opened(site, open_page, producer, "#L1")
    expect(page.locator(entry(page, "Step 59"))).to_be_attached(timeout=SECONDS)
    expect(page.get_by_role("navigation", name="Stands out").locator(".entry")).to_have_count(50)
    assert page.evaluate("() => document.documentElement.scrollHeight - innerHeight") == 0
