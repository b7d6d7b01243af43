"""The strip beside the log's scroll bar: where in the log there is something to see."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, marks, numbered, opened, tell, top, write
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

LINES = 20_000


def lines_of(page: Page, kind: str) -> list[float]:
    """The lines that the marks of a kind stand for, as far as pixels can tell."""
    height = page.locator(".strip").evaluate("(strip) => strip.height")
    return [first / height * LINES for first, _ in marks(page, kind)]


def near(found: list[float], *wanted: float) -> bool:
    """Whether marks are where they should be, within two pixels."""
    return len(found) == len(wanted) and all(abs(a - b) <= 100 for a, b in zip(found, wanted, strict=True))


def test_it_shows_errors_warnings_hits_groups_and_the_marked_lines(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 5_000, per_entry=500)
    tell(producer, events.GROUP, title="Second quarter")
    numbered(producer, 3_000, per_entry=500)
    tell(producer, events.ERROR, text="gone", line=8_000)
    numbered(producer, 2_000, per_entry=500)
    tell(producer, "endgroup")
    tell(producer, events.WARNING, text="slow", line=10_000)
    numbered(producer, LINES - 10_001, per_entry=500)
    write(producer, "needle")
    page = opened(site, open_page, producer)
    # None of these lines is loaded.
    wait_for(lambda: near(lines_of(page, "error"), 8_000), 20, lambda: lines_of(page, "error"))
    wait_for(
        lambda: near(lines_of(page, "warning"), 8_000, 10_000) or near(lines_of(page, "warning"), 10_000),
        20,
        lambda: lines_of(page, "warning"),
    )
    wait_for(lambda: near(lines_of(page, "group"), 5_000), 20, lambda: lines_of(page, "group"))
    assert marks(page, "selected") == []
    page.evaluate("() => { location.hash = '#L2000-L6000'; }")
    wait_for(lambda: len(marks(page, "selected")) == 1, 20)
    height = page.locator(".strip").evaluate("(strip) => strip.height")
    first, last = marks(page, "selected")[0]
    assert abs((last - first) / height * LINES - 4_000) < 200
    page.locator(".log").press("/")
    page.get_by_role("searchbox").fill("row 15000")
    wait_for(lambda: near(lines_of(page, "hit"), 15_000), 20, lambda: lines_of(page, "hit"))
    page.get_by_role("searchbox").press("Escape")
    wait_for(lambda: marks(page, "hit") == [], 20)


def test_a_click_or_a_drag_goes_there(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, LINES, per_entry=500)
    page = opened(site, open_page, producer)
    box = page.locator(".strip").bounding_box()
    assert box is not None
    assert box["width"] == 12
    x = box["x"] + 6
    page.mouse.click(x, box["y"] + box["height"] / 4)
    wait_for(lambda: abs(top(page) - LINES / 4) < 60, 20, lambda: top(page))
    expect(page.locator("button.follow")).to_be_visible()
    page.mouse.move(x, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] / 2, steps=5)
    # The mouse may leave the strip while it is held.
    page.mouse.move(x - 300, box["y"] + box["height"] * 3 / 4, steps=5)
    wait_for(lambda: abs(top(page) - LINES * 3 / 4) < 60, 20, lambda: top(page))
    page.mouse.up()
    page.mouse.move(x - 300, box["y"] + 10)
    assert abs(top(page) - LINES * 3 / 4) < 60
    line = top(page) + 5
    expect(page.locator(f"#L{line} .text")).to_have_text(f"row {line}", timeout=SECONDS)


def test_a_narrow_window_has_no_room_for_it(site: Site, browser: Browser) -> None:
    producer = Producer(site.store)
    numbered(producer, 100)
    with browser.new_context(viewport={"width": 360, "height": 700}) as context:
        page = context.new_page()
        page.goto(site.run_page(producer.run_id))
        expect(page.locator("#L100")).to_be_in_viewport(timeout=SECONDS)
        expect(page.locator(".strip")).to_be_hidden()
