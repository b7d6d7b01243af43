"""The log of a run's page: scrolling, following, wrapping, keys."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, TOP, bar_error, numbered, opened, scrolled, still, top, write
from tests.support.relay import Producer
from tests.support.waiting import stays, wait_for

pytestmark = pytest.mark.browser


def test_half_a_million_rows_are_reached_by_keys_wheel_and_link(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 500_000)
    # Nothing comes any more, not even that its worker is lost; its end is a row as well.
    producer.end()
    page = opened(site, open_page, producer)
    log = page.locator(".log")
    expect(page.locator("#L500000")).to_be_in_viewport()
    log.press("Home")
    expect(page.locator("#L1 .text")).to_have_text("row 1", timeout=SECONDS)
    assert top(page) == 1
    page.goto(f"{page.url.partition('#')[0]}#L300000")
    expect(page.locator("#L300000 .text")).to_have_text("row 300000", timeout=SECONDS)
    log.hover()
    before = top(page)
    for _ in range(60):
        page.mouse.wheel(0, 240)
        # One event must have been handled before the next one counts.
        wait_for(lambda before=before: top(page) > before, 20)  # type: ignore[misc]
        after = top(page)
        assert 12 <= after - before <= 13
        before = after
    wait_for(lambda: bar_error(page, 500_001) < 1.5, 20, lambda: bar_error(page, 500_001))
    assert top(page) == before, "the bar is put right without moving the text"
    log.press("PageUp")
    assert 20 <= before - top(page) <= 40
    log.press("End")
    expect(page.locator("#L500000")).to_be_in_viewport()
    expect(page.locator("button.follow")).to_have_count(0)


def test_the_text_stands_still_while_ten_thousand_lines_come(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 1_000)
    page = opened(site, open_page, producer)
    page.locator(".log").hover()
    end = scrolled(page)
    page.mouse.wheel(0, -3_000)
    expect(page.locator("button.follow")).to_be_visible()
    wait_for(lambda: scrolled(page) == end - 3_000, 20, lambda: (end, scrolled(page)))
    still(page)
    before = page.evaluate(TOP)
    numbered(producer, 10_000, per_entry=200)
    expect(page.locator("button.follow")).to_contain_text("10,000 new lines", timeout=SECONDS)
    assert page.evaluate(TOP) == before
    page.locator("button.follow").click()
    expect(page.locator("#L11000")).to_be_in_viewport()


def test_the_thumb_stays_where_it_is_let_go(site: Site, with_scroll_bars: Browser) -> None:
    producer = Producer(site.store)
    numbered(producer, 500_000)
    producer.end()
    with with_scroll_bars.new_context(viewport={"width": 1200, "height": 800}) as context:
        page = context.new_page()
        page.goto(site.run_page(producer.run_id))
        expect(page.locator("#L500000 .text")).to_have_text("row 500000", timeout=SECONDS)
        box = page.locator(".log").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] - 7, box["y"] + box["height"] - 20
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 31):
            page.mouse.move(x, y - step * 5)
        wait_for(lambda: 1 < top(page) < 450_000, 20)
        still(page)
        at = top(page)
        page.mouse.up()
        wait_for(lambda: bar_error(page, 500_001) < 1.5, 20, lambda: bar_error(page, 500_001))
        stays(lambda: top(page) == at, 0.4)
        expect(page.locator(f"#L{at + 5} .text")).to_have_text(f"row {at + 5}", timeout=SECONDS)


def test_wrapping_keeps_the_first_line_and_long_lines_whole(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, *[f"{n} " + "word " * (n % 90) for n in range(1, 2_001)])
    page = opened(site, open_page, producer, "#L900")
    log = page.locator(".log")
    log.press("w")
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")
    log.press("d")
    before = top(page)
    log.press("w")
    assert top(page) == before
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")
    # Every row is as high as its text: none covers another.
    heights = page.locator(".row.line").evaluate_all(
        "(rows) => rows.map((row) => { const box = row.getBoundingClientRect(); return [box.top, box.bottom]; })"
    )
    assert all(abs(one[1] - two[0]) < 1 for one, two in itertools.pairwise(heights))
    assert any(bottom - top_ > 30 for top_, bottom in heights)
    for _ in range(10):
        log.press("PageDown")
    log.press("w")
    assert top(page) > before + 50
    log.press("w")
    log.press("End")
    expect(page.locator("#L2000")).to_be_in_viewport()
    log.press("Home")
    assert top(page) == 1


def test_times_keys_and_help(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 100)
    page = opened(site, open_page, producer)
    log = page.locator(".log")
    log.press("t")
    expect(page.locator("#L100 .at")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
    log.press("t")
    expect(page.locator("#L100 .at")).to_have_text(re.compile(r"^\d+\.\d s$"))
    log.press("t")
    log.press("t")
    expect(page.locator(".at")).to_have_count(0)
    log.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Go to the end and follow")
    dialog.get_by_label("Single-letter keys").uncheck()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    wrap = page.get_by_role("button", name="Wrap")
    log.press("w")
    expect(wrap).to_have_attribute("aria-pressed", "true")
    log.press("Home")
    assert top(page) == 1
    wrap.click()
    page.reload()
    expect(page.locator("#L100")).to_be_visible(timeout=SECONDS)
    page.locator(".log").press("w")
    expect(wrap).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_window(site: Site, browser: Browser, complaints: Complaints, scheme: str) -> None:
    producer = Producer(site.store)
    write(producer, *["a rather long line of text that does not fit into a narrow window at all" for _ in range(50)])
    size = {"width": 360, "height": 700}
    with browser.new_context(viewport=size, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        complaints.watch(page)
        page.goto(site.run_page(producer.run_id))
        expect(page.locator("#L50")).to_be_in_viewport(timeout=SECONDS)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
        assert page.evaluate("() => document.documentElement.scrollHeight") <= 700
        assert page.locator(".log").evaluate("(log) => log.scrollWidth <= log.clientWidth")
