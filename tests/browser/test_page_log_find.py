"""Finding text in the log: in the lines that are loaded, and by the server in the others."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, write
from tests.support.relay import Producer

pytestmark = pytest.mark.browser


def test_text_is_found_counted_and_walked(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("400")
    producer = Producer(site.store)
    numbered(producer, 1_500)
    page = opened(site, open_page, producer)
    page.locator(".log").press("/")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    field.fill("ROW 7")
    found = page.locator(".found")
    expect(found).to_contain_text("of 111 · searched all lines", timeout=SECONDS)
    field.press("Enter")
    expect(page.locator(".row.current mark")).to_have_text("row 7")
    current = page.locator(".row.current .number")
    first = current.inner_text()
    field.press("Enter")
    expect(current).not_to_have_text(first)
    field.press("Shift+Enter")
    expect(current).to_have_text(first)
    field.fill("row (")
    page.get_by_label(".*").check()
    expect(found).to_contain_text("missing ), at character 5 of 'row ('", timeout=SECONDS)
    field.fill("row 1[34]9$")
    expect(found).to_contain_text("of 2 ")
    # New lines are searched as they come.
    write(producer, "row 139")
    expect(found).to_contain_text("of 3 ", timeout=SECONDS)
    # A second Ctrl-F is the browser's own.
    assert not field.evaluate(
        """(field) => {
            const press = new KeyboardEvent("keydown", { key: "f", ctrlKey: true, bubbles: true, cancelable: true });
            field.dispatchEvent(press);
            return press.defaultPrevented;
        }"""
    )
    field.press("Escape")
    expect(field).to_have_count(0)
    expect(page.locator("mark")).to_have_count(0)


def test_the_server_searches_what_is_not_loaded(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 20_000, per_entry=500)
    page = opened(site, open_page, producer)
    page.locator(".log").press("Control+f")
    page.get_by_role("searchbox").fill("row 1999")
    found = page.locator(".found")
    expect(found).to_contain_text("of 11 · searched all lines", timeout=SECONDS)
    page.get_by_role("searchbox").fill("row 77$")
    page.get_by_label(".*").check()
    expect(found).to_contain_text("hit 1 of 1 · searched all lines", timeout=SECONDS)
    expect(page.locator("#L77.current mark")).to_have_text("row 77", timeout=SECONDS)
    # What could stop a browser for hours is left to the server.
    page.get_by_role("searchbox").fill("(1+)+2345$")
    expect(found).to_contain_text("hit 1 of 1 · searched all lines", timeout=SECONDS)


def test_a_search_that_the_server_ends_goes_on_by_itself(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    # More lines with hits than one answer has, in both directions from the middle.
    numbered(producer, 36_000, per_entry=1_000)
    page = opened(site, open_page, producer, "#L18000")
    page.locator(".log").press("Control+f")
    page.get_by_role("searchbox").fill("row ")
    expect(page.locator(".found")).to_contain_text("of 36,000 · searched all lines", timeout=SECONDS)


def test_a_server_that_does_not_search_is_said(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("net::ERR_FAILED")
    producer = Producer(site.store)
    numbered(producer, 20_000, per_entry=500)
    page = opened(site, open_page, producer)
    page.route("**/log/search?*", lambda route: route.abort())
    page.locator(".log").press("Control+f")
    page.get_by_role("searchbox").fill("row 19999")
    expect(page.locator(".found")).to_contain_text(
        "hit 1 of at least 1 · searched lines 18,001-20,000", timeout=SECONDS
    )
    expect(page.locator(".found")).to_contain_text("The server could not search")
    page.unroute("**/log/search?*")
    page.get_by_role("button", name="Search the other 18,000 lines").click()
    expect(page.locator(".found")).to_contain_text("hit 1 of 1 · searched all lines", timeout=SECONDS)


@pytest.mark.parametrize("width", [320, 360])
def test_on_a_narrow_window_the_ways_through_the_hits_stand_together(site: Site, browser: Browser, width: int) -> None:
    producer = Producer(site.store)
    numbered(producer, 1_500)
    with browser.new_context(viewport={"width": width, "height": 700}) as context:
        page = context.new_page()
        page.goto(site.run_page(producer.run_id))
        expect(page.locator("#L1500")).to_be_visible()
        page.locator(".log").press("/")
        page.get_by_role("searchbox").fill("row 1")
        expect(page.locator(".found")).to_contain_text("searched all lines")
        boxes = [
            box
            for name in ("Previous hit", "Next hit", "Close")
            if (box := page.get_by_role("button", name=name).bounding_box())
        ]
        assert len({round(box["y"]) for box in boxes}) == 1, boxes
        assert all(box["x"] + box["width"] <= width for box in boxes)


#: Whether the first hit of the current line can be seen whole, and how far the log is scrolled to the right.
_SEEN = """() => {
    const mark = document.querySelector(".row.current .text mark");
    const log = document.querySelector(".log");
    if (!mark) return [false, log.scrollLeft];
    const [hit, number] = [mark, mark.closest(".row").querySelector(".number")].map((e) => e.getBoundingClientRect());
    const at = (x) => document.elementFromPoint(x, (hit.top + hit.bottom) / 2);
    const inside = (x) => mark.contains(at(x));
    return [hit.left >= number.right && inside(hit.left + 3) && inside(hit.right - 3), log.scrollLeft];
}"""


def hit_is_seen(page: Page, line: int) -> float:
    """Wait until this line's hit is on the screen; return how far to the right the log is scrolled."""
    expect(page.locator(f"#L{line}.current")).to_be_visible(timeout=SECONDS)
    page.wait_for_function(f"() => ({_SEEN})()[0]", timeout=SECONDS)
    return float(page.evaluate(_SEEN)[1])


@pytest.mark.parametrize("wrap", [False, True])
def test_a_hit_far_to_the_right_is_brought_into_view(site: Site, open_page: OpenPage, wrap: bool) -> None:
    producer = Producer(site.store)
    right, far = "x" * 900 + " needle " + "y" * 500, "z" * 30_000 + "needle"
    write(producer, "needle here", right, far, "needle again" + "y" * 500)
    numbered(producer, 1_000)
    write(producer, "日" * 5_000 + "needle" + "本" * 50, "::error::" + "e" * 3_000 + " needle")
    numbered(producer, 8_000, per_entry=500)
    write(producer, "w" * 12_000 + "\x1b[1mnee\x1b[0mdle")
    page = opened(site, open_page, producer, "#L1")
    if not wrap:
        page.get_by_role("button", name="Wrap").click()
    page.locator(".log").press("/")
    field = page.get_by_role("searchbox")
    field.fill("needle")
    expect(page.locator(".found")).to_contain_text("of 7 · searched all lines", timeout=SECONDS)
    scrolls = {1: hit_is_seen(page, 1)}
    for line in (2, 3, 4, 1_005, 1_006, 9_007, 1):
        field.press("Enter")
        scrolls[line] = hit_is_seen(page, line)
    if wrap:
        assert set(scrolls.values()) == {0}
    else:
        # The beginning of a line says most about it.
        assert {line for line, left in scrolls.items() if left == 0} == {1, 4}
    # Who scrolls away is left alone.
    field.press("Enter")
    hit_is_seen(page, 2)
    page.locator(".log").evaluate("(log) => { log.scrollLeft = 0; }")
    write(producer, "one more")
    expect(page.locator(".found")).to_contain_text("searched all lines")
    expect(page.locator(".log")).to_have_js_property("scrollLeft", 0)
