"""A run's page on paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, still, top
from tests.support.relay import Producer, make_store
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

#: A run's page, the paper as it would be.
_TELL = "(name) => window.dispatchEvent(new Event(name))"


def on_paper(page: Page) -> Locator:
    """Begin to print; return what is printed of the log."""
    page.evaluate(_TELL, "beforeprint")
    page.emulate_media(media="print")
    return page.locator(".printed")


def done(page: Page) -> None:
    """It is printed."""
    page.emulate_media(media="screen")
    page.evaluate(_TELL, "afterprint")


def test_the_lines_on_the_screen_are_printed_under_the_header(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 3_000)
    page = opened(site, open_page, producer)
    page.evaluate("() => { location.hash = '#L1500'; }")
    expect(page.locator("#L1500 .text")).to_have_text("row 1500", timeout=SECONDS)
    page.locator(".log").press("Escape")
    still(page)
    first = top(page)
    paper = on_paper(page)
    expect(paper.locator("p")).to_have_text(
        re.compile(rf"^lines {first:,}-1,\d\d\d of 3,000; the whole log: Download$"),
    )
    assert paper.get_by_role("link", name="Download").get_attribute("href") == (
        f"{site.web.url}/api/v1/runs/{producer.run_id}/log.txt"
    )
    texts = paper.locator(".row .text").all_inner_texts()
    assert texts == [f"row {number}" for number in range(first, first + len(texts))]
    assert len(texts) > 15
    expect(page.locator(".about")).to_be_visible()
    for hidden in (".log", ".bar", ".strip", "button.follow"):
        expect(page.locator(hidden)).to_be_hidden()
    # Dark on white, whatever the screen is.
    assert paper.evaluate("(one) => getComputedStyle(one).color") == "rgb(31, 35, 40)"
    done(page)
    expect(page.locator(".printed")).to_have_count(0)
    wait_for(lambda: top(page) == first, 20, lambda: top(page))


def test_marked_lines_are_printed_and_what_is_missing_is_said(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 20_000, per_entry=500)
    page = opened(site, open_page, producer, "#L19100-L19140")
    expect(page.locator("#L19100 .text")).to_have_text("row 19100", timeout=SECONDS)
    paper = on_paper(page)
    expect(paper.locator("p")).to_contain_text("lines 19,100-19,140 of 20,000; the whole log")
    assert paper.locator(".row .number").all_inner_texts() == [str(number) for number in range(19_100, 19_141)]
    done(page)
    # More than paper bears, and most of it was never loaded.
    page.evaluate("() => { location.hash = '#L1001-L9000'; }")
    expect(page.locator("#L1001 .text")).to_have_text("row 1001", timeout=SECONDS)
    paper = on_paper(page)
    expect(paper.locator("p")).to_contain_text("lines 1,001-6,000 of 20,000, no more than 5,000 at once")
    expect(paper.locator("p")).to_contain_text("are not loaded yet: print again in a moment")
    done(page)

    def whole() -> bool:
        paper = on_paper(page)
        missing = "not loaded" in paper.locator("p").inner_text()
        rows = paper.locator(".row").count()
        done(page)
        assert rows == 5_000
        return not missing

    wait_for(whole, 30, interval_seconds=0.2)


def test_lines_across_a_cut_are_fetched_once_to_copy_and_print_them(
    site: Site, context: BrowserContext, open_page: OpenPage, redis_url: str, key_prefix: str
) -> None:
    producer = Producer(make_store(redis_url, key_prefix, quota_bytes=200_000, head_bytes=50_000))
    numbered(producer, 30_000, per_entry=100)
    cut = producer.writer.cut
    assert cut is not None
    assert cut["from"] < 9_000
    assert cut["to"] > 12_000
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened(site, open_page, producer, "#L1001-L19000")
    expect(page.locator("#L1001 .text")).to_have_text("row 1001", timeout=SECONDS)
    windows: list[str] = []
    page.on("request", lambda request: windows.append(request.url) if "/log?from=" in request.url else None)
    kept = [n for n in range(1_001, 19_001) if not cut["from"] <= n <= cut["to"]]
    words = f"{len(kept):,} lines copied; {18_000 - len(kept):,} were cut"

    def copied() -> bool:
        page.locator(".log").press("Y")
        return words in page.locator(".said").inner_text()

    wait_for(copied, 30, lambda: page.locator("main").inner_text()[-500:], interval_seconds=0.2)
    text = page.evaluate("() => navigator.clipboard.readText()")
    assert text.split("\n") == [f"row {n}" for n in kept]
    paper = on_paper(page)
    expect(paper.locator("p")).to_contain_text("no more than 5,000 at once")
    expect(paper.locator("p")).not_to_contain_text("not loaded")
    done(page)
    assert len(windows) < 20, windows


def test_a_browser_prints_it_on_several_pages(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 400)
    page = opened(site, open_page, producer, "#L1-L400")
    pdf = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 5
    expect(page.locator(".printed")).to_have_count(0)
