"""Frames of libraries in tracebacks: one row until somebody wants to see them."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, drawn, failure, numbered, opened, still, top, write
from tests.browser.test_page_shifts import OBSERVE, judge
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def test_frames_of_libraries_open_by_key_link_and_search(
    site: Site, open_page: OpenPage, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.web.url)
    lines = failure()
    assert len(lines) > 10
    producer = Producer(site.store)
    numbered(producer, 5)
    write(producer, *lines)
    numbered(producer, 5)
    producer.end()
    page = opened(site, open_page, producer)
    log, texts = page.locator(".log"), page.locator(".row.line .text")
    # What is one's own, where it failed, and what failed stay.
    expect(texts.filter(has_text="FileNotFoundError")).to_be_visible()
    expect(texts.filter(has_text="_execute_child")).to_be_visible()
    expect(texts.filter(has_text="in failure")).to_be_visible()
    expect(texts.filter(has_text="concurrent")).to_have_count(0)
    head = page.locator(".row.frames")
    button = head.get_by_role("button")
    expect(button).to_have_text(f"{sum('  File ' in line for line in lines) - 2} frames of libraries")
    expect(button).to_have_attribute("aria-expanded", "false")
    hidden = 6 + next(n for n, line in enumerate(lines) if "concurrent" in line)
    # The keys come by it, and Enter opens and folds it.
    page.locator(f"#L{hidden - 1} .number").click()
    log.press("j")
    page.keyboard.press("j")
    expect(head).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator(f"#L{hidden} .text")).to_have_text(lines[hidden - 6], use_inner_text=False)
    page.keyboard.press("j")
    expect(page.locator(f"#L{hidden}")).to_be_focused()
    page.keyboard.press("o")
    expect(head).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    # A link into it, and a hit in it.
    page.evaluate("(line) => { location.hash = `#L${line}`; }", hidden + 1)
    expect(page.locator(f"#L{hidden + 1}.marked")).to_be_visible()
    button.click()
    expect(page.locator(f"#L{hidden + 1}")).to_have_count(0)
    log.press("/")
    page.get_by_role("searchbox").fill("communicate")
    page.get_by_role("searchbox").fill("concurrent/futures")
    expect(texts.filter(has_text="concurrent").first.locator("mark")).to_be_visible(timeout=SECONDS)
    page.keyboard.press("Escape")
    # A range over it has all of it.
    button.click()
    expect(button).to_have_attribute("aria-expanded", "false")
    page.locator("#L6 .number").click()
    page.locator(f"#L{5 + len(lines)} .number").click(modifiers=["Shift"])
    log.press("Y")
    expect(page.locator(".said")).to_contain_text(f"{len(lines)} lines copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == "\n".join(lines)


def test_a_linked_line_stands_where_it_was_shown_first(
    site: Site, open_page: OpenPage, context: BrowserContext
) -> None:
    lines = failure()
    producer = Producer(site.store)
    for _ in range(200):
        write(producer, *lines, "a long line " * 40)
    producer.end()
    context.add_init_script(OBSERVE)
    # Rows above it fold, and wrap, when their text comes.
    target = 100 * (len(lines) + 1)
    page = opened(site, open_page, producer, f"#L{target}")
    expect(page.locator(f"#L{target}.marked .text")).to_contain_text("a long line", timeout=SECONDS)
    still(page)
    judge(page)
    log, row = (page.locator(one).bounding_box() for one in (".log", f"#L{target}"))
    assert log is not None
    assert row is not None
    assert abs((row["y"] - log["y"]) / log["height"] - 1 / 3) < 0.05


def test_the_text_stands_still_while_frames_are_folded(site: Site, open_page: OpenPage) -> None:
    lines = failure()
    producer = Producer(site.store)
    for _ in range(200):
        numbered(producer, 30)
        write(producer, *lines)
    numbered(producer, 100)
    producer.end()
    page = opened(site, open_page, producer, f"#L{producer.count - 60}")
    # What comes above the screen is folded without moving what is on it.
    log = page.locator(".log")
    for _ in range(8):
        log.press("PageUp")
        drawn(page)
        still(page)
        before = page.evaluate("() => document.querySelector('.rows').style.transform"), top(page)
        expect(page.locator(".row.frames").first).to_be_attached()
        assert (page.evaluate("() => document.querySelector('.rows').style.transform"), top(page)) == before
    # A link into frames that are not loaded yet shows their line.
    target = 30 + next(n for n, line in enumerate(lines, 1) if "concurrent" in line)
    page.evaluate("(line) => { location.hash = `#L${line}`; }", target)
    expect(page.locator(f"#L{target}.marked .text")).to_contain_text("concurrent", timeout=SECONDS)
    expect(page.locator(f"#L{target}")).to_be_in_viewport()
    # All of them open, those as well that were never here.
    log.press("O")
    said = page.locator(".said")
    expect(said).to_contain_text("Frames of libraries folded")
    log.press("O")
    expect(said).to_contain_text("Frames of libraries opened")
    page.keyboard.press("Home")
    wait_for(lambda: top(page) == 1, 20)
    expect(page.locator(f"#L{target}")).to_be_visible(timeout=SECONDS)
