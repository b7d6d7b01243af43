"""The lines of the log: how they look, links to them, selecting them, and those that are not here."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, top, write
from tests.browser.test_page_run import flip
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


#: The line in which the selection ends.
_SELECTED_TO = """() => {
    const { focusNode } = getSelection();
    const element = focusNode instanceof Element ? focusNode : focusNode?.parentElement;
    return Number(element?.closest(".row.line")?.querySelector(".number").textContent ?? 0);
}"""


@pytest.mark.parametrize("line", [1, 250_000, 500_000])
def test_a_link_opens_at_its_line(site: Site, open_page: OpenPage, line: int) -> None:
    producer = Producer(site.store)
    numbered(producer, 500_000)
    page = opened(site, open_page, producer, f"#L{line}")
    expect(page.locator(f"#L{line} .text")).to_have_text(f"row {line}", timeout=SECONDS)
    expect(page.locator(f"#L{line}")).to_be_in_viewport()
    expect(page.locator(".row.marked")).to_have_count(1)


def test_a_line_that_was_opened_stays_in_view_when_the_log_gets_another_height(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 3_000, per_entry=500)
    page = opened(site, open_page, producer, "#L3000")
    for height in (900, 400, 700):
        page.set_viewport_size({"width": 1000, "height": height})
        expect(page.locator("#L3000")).to_be_in_viewport(timeout=SECONDS)


def test_numbers_are_links_and_make_ranges(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 200)
    page = opened(site, open_page, producer, "#L120-140")
    expect(page.locator(".row.marked")).to_have_count(21)
    expect(page.locator(".marking")).to_contain_text("Lines 120-140")
    page.locator("#L125 .number").click()
    expect(page).to_have_url(re.compile("#L125$"))
    page.locator("#L128 .number").click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile("#L125-L128$"))
    expect(page.locator(".row.marked")).to_have_count(4)
    page.locator(".log").press("Escape")
    expect(page).to_have_url(re.compile("^[^#]*$"))
    expect(page.locator(".row.marked")).to_have_count(0)


def test_a_line_that_is_not_written_yet_is_waited_for(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 100)
    page = opened(site, open_page, producer, "#L500")
    expect(page.locator(".marking")).to_contain_text("Line 500 is not written yet.")
    numbered(producer, 500)
    expect(page.locator("#L500.marked")).to_be_in_viewport(timeout=SECONDS)


def test_a_selection_outlives_its_rows_and_is_copied_without_numbers(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, *[f"\x1b[3{n % 8}mline {n}\x1b[0m end" for n in range(1, 1_001)])
    page = opened(site, open_page, producer, "#L100")
    page.evaluate(
        """() => document.addEventListener("copy", (event) => {
            globalThis.copied = event.clipboardData.getData("text/plain");
        })"""
    )
    box = page.locator("#L100 .text").bounding_box()
    log = page.locator(".log").bounding_box()
    assert box is not None
    assert log is not None
    page.mouse.move(box["x"] + 1, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 60, steps=4)
    for _ in range(64):
        before = top(page)
        page.mouse.wheel(0, 240)
        wait_for(lambda before=before: top(page) > before, 20)  # type: ignore[misc]
    page.mouse.move(box["x"] + 400, log["y"] + log["height"] - 45, steps=4)
    wait_for(lambda: page.evaluate(_SELECTED_TO) > top(page) + 10, 20)
    page.mouse.up()
    assert page.locator(".row").count() < 100
    page.keyboard.press("Control+c")
    copied = page.evaluate("() => globalThis.copied").split("\n")
    assert len(copied) > 700
    assert copied == [f"line {n} end" for n in range(100, 100 + len(copied))]


def test_colours_links_and_control_characters(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(
        producer,
        "\x1b[31mred goes on",
        "here\x1b[0m and ends",
        "\x1b]8;;https://example.org/a\x07safe\x1b]8;;\x07 \x1b]8;;javascript:alert(1)\x07unsafe\x1b]8;;\x07",
        "nul \x00 bell \x07 override \u202egnp.exe \x1b[2J\x1b]0;title\x07",
        "10 %\r99 %\rdone\x1b[K",
        "x" * 65_000,
        "see https://example.org/b.",
    )
    page = opened(site, open_page, producer)
    colour = "(span) => getComputedStyle(span).color"
    red = page.locator("#L1 .text span").evaluate(colour)
    assert page.locator("#L2 .text span").evaluate(colour) == red
    assert page.locator("#L2 .text").evaluate(colour) != red
    link = page.locator("#L3 a.address")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("href", "https://example.org/a")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(page.locator("#L3 .text")).to_have_text("safe unsafe")
    expect(page.locator("#L4 .text")).to_have_text("nul ␀ bell ␇ override \ufffdgnp.exe ")
    expect(page.locator("#L5 .text")).to_have_text("done")
    assert len(page.locator("#L6 .text").inner_text()) == 4096
    page.locator("#L6").get_by_role("button", name="show 60,904 more characters").click()
    expect(page.locator("#L6 .text")).to_have_text("x" * 65_000)
    expect(page.locator("#L7 a.address")).to_have_attribute("href", "https://example.org/b")


def test_history_that_does_not_fit_is_said(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    for _ in range(40):
        producer.write(100)
    producer.end()
    flip(site, producer, 3, lambda payload: payload.replace(b"line 250 ", b"line 205 "))
    page = opened(site, open_page, producer)
    expect(page.locator(".verdict.ok")).to_contain_text("verified from line 2,001", timeout=SECONDS)
    page.locator(".log").press("Home")
    expect(page.locator(".verdict.bad")).to_contain_text("does not match its chain", timeout=SECONDS)


def test_lines_that_cannot_be_loaded_say_so_and_come_later(
    site: Site, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("net::ERR_FAILED")
    producer = Producer(site.store)
    numbered(producer, 10_000, per_entry=500)
    page = opened(site, open_page, producer)
    page.route("**/log?from=*", lambda route: route.abort())
    page.locator(".log").press("Home")
    expect(page.locator("#L1")).to_contain_text("could not be loaded", timeout=SECONDS)
    page.unroute("**/log?from=*")
    expect(page.locator("#L1 .text")).to_have_text("row 1", timeout=SECONDS)
