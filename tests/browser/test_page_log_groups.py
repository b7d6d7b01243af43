"""Groups of the log: the header that sticks, one that is never closed, ten thousand of them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import EVENT, OUTPUT
from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import ROW_PX, SECONDS, drawn, marks, numbered, opened, tell, top, write
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


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
    drawn(page)
    reds = {page.locator(f"#L{line} .text").evaluate(colour) for line in (3_998, 4_000)}
    log.press("Home")
    expect(page.locator("#L2 .text")).to_have_text("red from here on", timeout=SECONDS)
    drawn(page)
    reds.add(page.locator("#L2 .text").evaluate(colour))
    assert len(reds) == 1


def test_the_header_of_the_group_on_the_screen_sticks(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    tell(producer, events.GROUP, title="Outer")
    numbered(producer, 200)
    write(producer, "::group::Inner <i>")
    tell(producer, events.GROUP, title="Inner <i>", line=producer.count)
    numbered(producer, 200)
    tell(producer, events.ERROR, text="gone", line=producer.count)
    tell(producer, "endgroup")
    numbered(producer, 200)
    tell(producer, "endgroup")
    numbered(producer, 200)
    page = opened(site, open_page, producer, "#L300")
    sticky = page.locator(".sticky")
    expect(sticky).to_contain_text("Outer › Inner <i> · 200 lines", timeout=SECONDS)
    expect(sticky).to_contain_text("1 error")
    log, header = page.locator(".log").bounding_box(), sticky.bounding_box()
    assert log is not None
    assert header is not None
    assert header["y"] - log["y"] <= 1
    log_ = page.locator(".log")
    log_.press("Home")
    expect(sticky).to_be_hidden()
    page.evaluate("() => { location.hash = '#L150'; }")
    expect(sticky).to_contain_text("Outer · ")
    expect(sticky).not_to_contain_text("Inner")
    page.evaluate("() => { location.hash = '#L500'; }")
    expect(sticky).not_to_contain_text("Inner")
    page.evaluate("() => { location.hash = '#L750'; }")
    expect(sticky).to_be_hidden()
    # Its button folds the group whose lines are on the screen, and the header itself is there then.
    page.evaluate("() => { location.hash = '#L350'; }")
    button = sticky.get_by_role("button")
    expect(button).to_have_attribute("aria-expanded", "true")
    button.click()
    expect(page.locator("#L202.head").get_by_role("button")).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#L202")).to_be_in_viewport()
    assert top(page) <= 202


#: Presses a key in the log and returns how long it took until that was drawn, in milliseconds.
_PRESSED = """async (key) => {
    const began = performance.now();
    const log = document.querySelector(".log");
    log.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - began;
}"""

#: A generous bound on a shared machine: without the right data structures these took minutes.
DRAWN_MS = 2_000


def many(producer: Producer, groups: int) -> None:
    """Store so many groups of two lines each."""
    for number in range(groups):
        writer = producer.writer
        writer.add(EVENT, events.encode(events.GROUP, title=f"group {number}"), now_ms())
        writer.add(OUTPUT, b"one of %d\ntwo of %d\n" % (number, number), now_ms())
        writer.add(EVENT, events.encode("endgroup"), now_ms())
        if number % 100 == 99:
            writer.flush()
    producer.writer.flush()
    producer.count += 2 * groups


def pressed(page: Page, key: str) -> None:
    """Press a key; it is drawn in time."""
    took = page.evaluate(_PRESSED, key)
    print(f"{key}: {took:.0f} ms")
    assert took < DRAWN_MS


def test_ten_thousand_groups_fold_open_and_are_jumped_to(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    many(producer, 10_002)
    producer.end()
    page = opened(site, open_page, producer)
    expect(page.get_by_role("button", name="Groups")).to_be_visible(timeout=SECONDS)
    # None of the first thousands is loaded, and all of them fold.
    wait_for(lambda: [first for first, _ in marks(page, "group") if first < 5], 20)
    pressed(page, "O")
    said = page.locator(".said")
    expect(said).to_contain_text(re.compile(r"^10,00\d groups folded"))
    pressed(page, "Home")
    heads = page.locator(".row.head")
    expect(heads.first).to_contain_text("group 0 · 2 lines")
    assert page.locator(".row.line").count() == 0
    # As many rows as groups, and the end of the run.
    height = page.locator(".log").evaluate("(log) => log.scrollHeight")
    assert abs(height / ROW_PX - 10_003) <= 2
    # A link into one of them opens that one alone.
    page.evaluate("() => { location.hash = '#L10001'; }")
    expect(page.locator("#L10001 .text")).to_have_text("one of 5000", timeout=SECONDS)
    expect(page.locator("#L10001")).to_be_in_viewport()
    assert page.locator(".row.line").count() == 2
    pressed(page, "]")
    expect(page.locator(".row.line .text").last).to_have_text("two of 5001", timeout=SECONDS)
    pressed(page, "o")
    expect(page.locator(".row.line")).to_have_count(2)
    # Folding what is left, then opening all.
    pressed(page, "O")
    expect(page.locator(".row.line")).to_have_count(0)
    pressed(page, "O")
    expect(said).to_contain_text("groups opened")
    pressed(page, "Home")
    expect(page.locator("#L1 .text")).to_have_text("one of 0", timeout=SECONDS)
    pressed(page, "End")
    expect(page.locator("#L20004 .text")).to_have_text("two of 10001")


def test_more_groups_than_the_server_lists_are_counted(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    many(producer, 12_000)
    numbered(producer, 3_000, per_entry=500)
    producer.end()
    page = opened(site, open_page, producer)
    wait_for(lambda: marks(page, "group"), 20)
    page.locator(".log").press("O")
    expect(page.locator(".said")).to_contain_text(
        "10,000 groups folded. The log has 12,000; the others follow when their lines are loaded."
    )


def test_a_group_that_is_never_closed_ends_with_its_run(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    tell(producer, events.GROUP, title="Left open")
    numbered(producer, 5_000, per_entry=500)
    page = opened(site, open_page, producer)
    expect(page.get_by_role("button", name="Groups")).to_be_visible(timeout=SECONDS)
    log = page.locator(".log")
    sticky = page.locator(".sticky")
    # While it goes on nobody knows where it ends.
    expect(sticky).to_have_text("Left open · not ended")
    numbered(producer, 100)
    expect(page.locator("#L5101")).to_be_in_viewport(timeout=SECONDS)
    # Folded it hides what is to come, too, and its header says that it goes on.
    log.press("o")
    head = page.locator(".row.head")
    expect(head).to_have_text("Left open · not ended")
    expect(page.locator(".row.line")).to_have_count(1)
    numbered(producer, 100)
    producer.end()
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    expect(head).to_have_text("Left open · 5,200 lines · never closed")
    # The end of the run is no part of it.
    expect(page.locator(".row.event", has_text="Succeeded")).to_be_visible()
    log.press("O")
    expect(page.locator(".said")).to_contain_text("1 group opened")
    log.press("End")
    expect(page.locator("#L5201 .text")).to_have_text("row 5201")
    expect(sticky).to_have_text("Left open · 5,200 lines · never closed")
