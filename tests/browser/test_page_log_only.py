"""Only the lines with hits: of a text or of a level, loaded or not, and as they come."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, drawn, numbered, opened, tell, top, write
from tests.browser.looks import violations
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/usr/lib/python3.12/json/__init__.py", line 346, in loads',
    "ValueError: no",
)


def only(page: Page, text: str) -> None:
    """Show only the lines with a text."""
    page.locator(".log").press("/")
    page.get_by_role("searchbox").fill(text)
    expect(page.locator(".found")).to_contain_text("searched all lines", timeout=SECONDS)
    page.get_by_role("button", name="Only these").click()


def numbers(page: Page) -> list[int]:
    """The lines on the screen, with their texts here."""
    drawn(page)
    found = page.locator(".row.line:not(.pinned) .number").all_inner_texts()
    return [int(number) for number in found]


def test_lines_with_hits_alone_wherever_they_are_and_as_they_come(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 30_000, per_entry=500)
    page = opened(site, open_page, producer)
    only(page, "row 777")
    expect(page.locator(".row.line")).to_have_count(11, timeout=SECONDS)
    assert numbers(page) == [777, *range(7_770, 7_780)]
    expect(page.locator("#L7770 mark")).to_have_text("row 777", timeout=SECONDS)
    write(producer, "no", "row 777 again")
    expect(page.locator("#L30002")).to_be_visible(timeout=SECONDS)
    expect(page.locator("#L30001")).to_have_count(0)
    # The number of a line leads to it in the whole log.
    page.locator("#L7775 .number").click()
    expect(page.locator("#L7776")).to_be_in_viewport(timeout=SECONDS)
    expect(page.locator("#L7775.marked")).to_be_in_viewport()
    assert page.url.endswith("#L7775")


def test_escape_leads_back_to_where_the_log_was(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 3_000)
    page = opened(site, open_page, producer, "#L1500")
    before = top(page)
    page.locator(".log").press("m")
    page.get_by_role("searchbox").fill("0")
    expect(page.locator("#L1511")).to_have_count(0, timeout=SECONDS)
    page.get_by_role("searchbox").fill("nothing at all")
    expect(page.locator(".row.line")).to_have_count(0, timeout=SECONDS)
    page.get_by_role("searchbox").press("Escape")
    expect(page.locator("#L1501")).to_be_in_viewport()
    assert abs(top(page) - before) <= 1


def test_errors_and_warnings_alone(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "ERROR early", "0 errors", "::error::declared")
    tell(producer, events.ERROR, text="declared", line=producer.count)
    numbered(producer, 20_000, per_entry=500)
    write(producer, "12:00:01 [warning] late", "fine")
    page = opened(site, open_page, producer)
    page.locator(".log").press("m")
    page.get_by_label("What to find").select_option("Errors")
    expect(page.locator(".found")).to_contain_text("of 2 · searched all lines", timeout=SECONDS)
    assert numbers(page) == [1, 3]
    page.get_by_label("What to find").select_option("Errors, warnings")
    expect(page.locator(".found")).to_contain_text("of 3 · searched all lines", timeout=SECONDS)
    assert numbers(page) == [1, 3, 20_004]
    write(producer, "level=error msg=last")
    expect(page.locator("#L20006.detected-error")).to_be_visible(timeout=SECONDS)


def test_copying_takes_what_is_shown(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 20_000, per_entry=500)
    page = opened(site, open_page, producer)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    only(page, "row 1999")
    expect(page.locator(".row.line")).to_have_count(11, timeout=SECONDS)
    numbers(page)
    page.locator(".log").press("Control+a")
    expect(page.locator(".said")).to_contain_text("11 lines selected")
    page.locator(".log").press("Control+c")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == ["row 1999", *(f"row {number}" for number in range(19_990, 20_000))]


def test_levels_hits_and_fields_are_accessible(site: Site, browser: Browser) -> None:
    producer = Producer(site.store)
    write(producer, "ERROR early", "DEBUG why", *TRACEBACK, '{"level": "warning", "text": "late"}')
    with browser.new_context(viewport={"width": 1200, "height": 800}, bypass_csp=True) as context:
        page = context.new_page()
        page.goto(site.run_page(producer.run_id))
        page.locator(f"#L{producer.count}").hover()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert violations(page) == [], theme
        page.get_by_role("button", name="Fields").click()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.locator(".log").press("m")
        page.get_by_label("What to find").select_option("Errors, warnings")
        expect(page.locator(".found")).to_contain_text("of 3 · searched all lines", timeout=SECONDS)
        assert numbers(page) == [1, 3, producer.count]
        assert violations(page) == []


@pytest.mark.parametrize("width", [768, 360])
def test_the_bar_has_room(site: Site, open_page: OpenPage, width: int) -> None:
    producer = Producer(site.store)
    numbered(producer, 12_000, per_entry=500)
    page = opened(site, open_page, producer)
    page.set_viewport_size({"width": width, "height": 700})
    only(page, "row 1")
    boxes = [box for one in page.locator(".bar :is(button, select)").all() if (box := one.bounding_box())]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes), boxes
    middles = {round(box["y"] + box["height"] / 2) for box in boxes}
    assert max(middles) - min(middles) <= (4 if width == 768 else 160), middles
