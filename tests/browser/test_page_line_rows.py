"""Rows are as high as a line of their font is: with a smallest font, a zoomed text, a finger; and never overlap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from runtail.protocol import event
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, still, tell, top, write
from tests.support.chromium import launched
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

#: Of all rows of lines on the screen: the distance from each to the next, their height, and that of their text.
HEIGHTS = """() => {
    const rows = [...document.querySelectorAll(".rows .row:not(.pinned)")].map((row) => row.getBoundingClientRect());
    const font = Number.parseFloat(getComputedStyle(document.querySelector(".row .text")).fontSize);
    const steps = rows.slice(1).map((row, i) => row.top - rows[i].top);
    return [[...new Set(steps.map((step) => Math.round(step * 8) / 8))], rows[0].height, font];
}"""


def heights(page: Page) -> tuple[float, float]:
    """The height of a row, which all have and none overlaps, and that of its font."""
    steps, height, font = page.evaluate(HEIGHTS)
    assert steps == [height]
    assert height >= font * 1.2
    return height, font


@contextmanager
def browser_with(playwright: Playwright, folder: Path, **preferences: int) -> Iterator[Page]:
    """A page of a browser whose fonts somebody has set."""
    (folder / "Default").mkdir(parents=True)
    (folder / "Default/Preferences").write_bytes(orjson.dumps({"webkit": {"webprefs": preferences}}))
    context = playwright.chromium.launch_persistent_context(
        str(folder), **launched(), viewport={"width": 1200, "height": 800}
    )
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("smallest", [9, 17, 24, 40])
def test_a_browser_with_a_smallest_font(site: Site, playwright: Playwright, tmp_path: Path, smallest: int) -> None:
    producer = Producer(site.store)
    tell(producer, event.GROUP, title="a group")
    numbered(producer, 5_000)
    with browser_with(playwright, tmp_path / "profile", minimum_font_size=smallest) as page:
        page.goto(site.run_page(producer.run_id) + "#L2500")
        expect(page.locator("#L2500 .text")).to_have_text("row 2500", timeout=SECONDS)
        still(page)
        height, font = heights(page)
        assert font == max(12.5, smallest)
        assert height < font * 1.8
        expect(page.locator("#L2500")).to_be_in_viewport()
        # The header of the group covers one row, no more.
        box = page.locator(".sticky").bounding_box()
        assert box is not None
        assert box["height"] == pytest.approx(height + 1, abs=1)
        page.locator(".log").press("Home")
        expect(page.locator("#L1")).to_be_in_viewport()
        page.locator(".log").press("End")
        expect(page.locator("#L5000")).to_be_in_viewport(timeout=SECONDS)
        page.get_by_role("button", name="Wrap").click()
        still(page)
        heights(page)


def test_the_font_may_change_while_one_reads(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 3_000)
    page = opened(site, open_page, producer, "#L1000")
    still(page)
    before, at = heights(page)[0], top(page)
    for px in (30, 11, 19):
        # As zooming the text alone does: the window stays as it is.
        page.locator(".log").evaluate("(log, px) => { log.style.fontSize = `${px}px`; }", px)
        page.wait_for_function("([px]) => document.querySelector('.row').getBoundingClientRect().height > px", arg=[px])
        still(page)
        height, font = heights(page)
        assert font == px
        assert height != before
        # The line that was opened stays in view.
        expect(page.locator("#L1000")).to_be_in_viewport()
        assert top(page) <= 1000
    page.locator(".log").evaluate("(log) => { log.style.fontSize = ''; }")
    still(page)
    assert (heights(page)[0], top(page)) == (before, at)


@pytest.mark.parametrize("zoom", [0.67, 1.1, 1.75, 3])
def test_a_zoomed_page(site: Site, open_page: OpenPage, zoom: float) -> None:
    producer = Producer(site.store)
    write(producer, *[f"line {n} 日本語 🚀" for n in range(1, 400)])
    page = opened(site, open_page, producer, "#L200")
    client = page.context.new_cdp_session(page)
    width, height = round(1200 / zoom), round(800 / zoom)
    client.send(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": zoom, "mobile": False},
    )
    page.wait_for_function("(width) => innerWidth === width", arg=width)
    still(page)
    heights(page)
    expect(page.locator("#L200")).to_be_in_viewport()


def test_a_finger_meets_rows_that_do_not_overlap(site: Site, browser: Browser) -> None:
    producer = Producer(site.store)
    tell(producer, event.GROUP, title="a section")
    write(producer, *["x" * 9_000 if n == 3 else f"line {n}" for n in range(1, 80)])
    for width in (360, 1200):
        with browser.new_context(has_touch=True, is_mobile=True, viewport={"width": width, "height": 800}) as context:
            page = context.new_page()
            page.goto(site.run_page(producer.run_id) + "#L2")
            expect(page.locator("#L2 .text")).to_be_visible(timeout=SECONDS)
            if page.get_by_role("button", name="Wrap").get_attribute("aria-pressed") == "true":
                page.get_by_role("button", name="Wrap").tap()
            still(page)
            height, _ = heights(page)
            # What WCAG 2.2 asks of a target at least.
            assert height >= 24
            for inside in (".rows .fold", "#L3 .more"):
                box = page.locator(inside).first.bounding_box()
                row = page.locator(".row:not(.pinned)", has=page.locator(inside.split()[-1])).first.bounding_box()
                assert box is not None
                assert row is not None
                assert box["height"] <= row["height"]
                assert row["y"] - 0.5 <= box["y"]
                assert box["y"] + box["height"] <= row["y"] + row["height"] + 0.5
            page.locator(".row .fold").tap()
            expect(page.locator("#L2")).to_have_count(0)
            page.locator(".row .fold").tap()
            expect(page.locator("#L2")).to_be_visible()
            # Elsewhere a target stays as large as it was.
            box = page.get_by_role("button", name="Find", exact=True).first.bounding_box()
            assert box is not None
            assert box["height"] >= 40


@pytest.mark.parametrize("width", [360, 1200])
def test_what_is_said_of_an_empty_log_covers_no_row(site: Site, open_page: OpenPage, width: int) -> None:
    producer = Producer(site.store)
    tell(producer, event.START, attempt=1, worker="celery@a-worker-with-a-long-name")
    page = open_page(site.run_page(producer.run_id))
    page.set_viewport_size({"width": width, "height": 700})

    def apart(words: str, events: int) -> None:
        note = page.get_by_text(words)
        expect(note).to_be_visible(timeout=SECONDS)
        # The note may stand there before the rows are drawn.
        expect(page.locator(".row.event")).to_have_count(events)
        box, rows = note.bounding_box(), page.locator(".row").evaluate_all(
            "(rows) => rows.map((row) => [row.getBoundingClientRect().top, row.getBoundingClientRect().bottom])"
        )  # fmt: skip
        assert box is not None
        assert len(rows) == events
        assert all(bottom <= box["y"] or top >= box["y"] + box["height"] for top, bottom in rows)

    apart("No output yet.", events=1)
    producer.end()
    apart("This run printed nothing.", events=2)
