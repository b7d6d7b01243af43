"""The log of a run's page: scrolling, following, finding, folding, selecting, links."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import Browser, expect

from runtail.protocol import event as events
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, TOP, bar_error, numbered, opened, scrolled, still, tell, top, write
from tests.browser.test_page_run import flip
from tests.support.relay import Producer
from tests.support.waiting import stays, wait_for

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


def test_wrapping_keeps_the_first_line_and_long_lines_whole(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, *[f"{n} " + "word " * (n % 90) for n in range(1, 2_001)])
    page = opened(site, open_page, producer, "#L900")
    log = page.locator(".log")
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


def test_groups_fold_and_say_what_is_in_them(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    tell(producer, events.GROUP, title="Build <b>wheels</b>")
    write(producer, "one", "two", "::error::three")
    tell(producer, events.ERROR, text="three", line=producer.count)
    tell(producer, "endgroup")
    write(producer, "::group::Marked", "four", "five", "::endgroup::")
    tell(producer, events.GROUP, title="Marked", line=5)
    tell(producer, "endgroup", line=8)
    write(producer, "after")
    tell(producer, events.GROUP, title="never ended")
    write(producer, "last")
    page = opened(site, open_page, producer)
    head = page.locator(".row.event.head").first
    expect(head).to_contain_text("Build <b>wheels</b> · 3 lines")
    expect(head).to_contain_text("1 error")
    expect(page.locator("#L4.error .sign")).to_have_attribute("aria-label", "error")
    expect(page.locator("#L5.head")).to_contain_text("Marked · 3 lines")
    expect(page.locator(".row.head").last).to_contain_text("not ended")
    fold = page.get_by_role("button", name="Build")
    expect(fold).to_have_attribute("aria-expanded", "true")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#L3")).to_have_count(0)
    expect(page.locator("#L2")).to_have_count(0)
    page.locator(".log").press("O")
    expect(page.locator(".row.line .number")).to_have_text(["1", "5", "9"])
    # A link into a closed group opens it.
    page.goto(f"{page.url.partition('#')[0]}#L3")
    expect(page.locator("#L3 .text")).to_have_text("two")
    expect(page.locator("#L6")).to_have_count(0)


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
    expect(page.locator(".found")).to_contain_text("The server did not search")
    page.unroute("**/log/search?*")
    page.get_by_role("button", name="Search the other 18,000 lines").click()
    expect(page.locator(".found")).to_contain_text("hit 1 of 1 · searched all lines", timeout=SECONDS)


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
    page.locator("#L6").get_by_role("button", name="60,904 more characters, show").click()
    expect(page.locator("#L6 .text")).to_have_text("x" * 65_000)
    expect(page.locator("#L7 a.address")).to_have_attribute("href", "https://example.org/b")


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
    expect(dialog).to_contain_text("To the end, and follow")
    dialog.get_by_label("Keys of one letter").uncheck()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    log.press("w")
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")
    log.press("Home")
    assert top(page) == 1
    page.reload()
    expect(page.locator("#L100")).to_be_visible(timeout=SECONDS)
    page.locator(".log").press("w")
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")


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
        x, y = box["x"] + box["width"] - 7, box["y"] + box["height"] - 27
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


def test_sections_and_colours_of_lines_that_were_never_loaded(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "first", "\x1b[31mred from here on")
    tell(producer, events.GROUP, title="Long ago")
    numbered(producer, 8_000, per_entry=500)
    tell(producer, events.ERROR, text="gone", line=4_000)
    tell(producer, "endgroup")
    numbered(producer, 3_000, per_entry=500)
    producer.end()
    page = opened(site, open_page, producer)
    log = page.locator(".log")
    expect(page.get_by_role("button", name="Groups")).to_be_visible(timeout=SECONDS)
    # Nothing of the section is loaded when it is folded.
    log.press("O")
    log.press("Home")
    expect(page.get_by_role("button", name="Long ago")).to_have_attribute("aria-expanded", "false", timeout=SECONDS)
    expect(page.locator(".row.head").first).to_contain_text("8,000 lines")
    expect(page.locator("#L3")).to_have_count(0)
    # The next error opens it.
    log.press("e")
    expect(page.locator("#L4000.current .text")).to_have_text("row 4000", timeout=SECONDS)
    colour = "(text) => getComputedStyle(text.firstElementChild ?? text).color"
    reds = {page.locator(f"#L{line} .text").evaluate(colour) for line in (3_998, 4_000)}
    log.press("Home")
    expect(page.locator("#L2 .text")).to_have_text("red from here on", timeout=SECONDS)
    reds.add(page.locator("#L2 .text").evaluate(colour))
    assert len(reds) == 1
