"""Copying from any row to any row gives all lines between, or says what it left out."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from runtail.protocol import event
from runtail.runs.record import read_run
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, still, tell, write
from tests.support.relay import Producer, make_store
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def clipboard(context: BrowserContext, site: Site) -> None:
    """A page that may read what was copied."""
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.web.url)


def copied(page: Page, lines: int) -> list[str]:
    """Press Ctrl-C; return the lines in the clipboard, once there are as many."""
    page.evaluate("() => navigator.clipboard.writeText('untouched')")
    page.keyboard.press("Control+c")
    read = "() => navigator.clipboard.readText()"
    wait_for(lambda: len(page.evaluate(read).split("\n")) == lines, 20)
    return str(page.evaluate(read)).split("\n")


def begin(page: Page, row: str) -> None:
    """Begin a selection at a row's text."""
    page.locator(f"{row} .text").evaluate("(text) => getSelection().setBaseAndExtent(text, 0, text, 0)")
    # Something must be selected for the row to stay.
    page.locator(f"{row} .text").evaluate("(text) => getSelection().extend(text, text.childNodes.length)")
    still(page)


def extend(page: Page, row: str, end: bool = True) -> None:
    """Let it go on to another row."""
    page.locator(f"{row} .text").last.evaluate(
        "(text, end) => getSelection().extend(text, end ? text.childNodes.length : 0)", end
    )


@pytest.mark.usefixtures("clipboard")
def test_down_to_the_note_at_the_end_over_lines_that_are_not_here(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    tell(producer, event.START, attempt=1)
    numbered(producer, 9_000, per_entry=100)
    producer.end()
    page = opened(site, open_page, producer, "#L1")
    begin(page, "#L3")
    page.locator(".log").press("End")
    expect(page.locator("#L9000")).to_be_visible(timeout=SECONDS)
    extend(page, ".row.event")
    assert copied(page, 8_998) == [f"row {n}" for n in range(3, 9_001)]
    expect(page.locator(".said")).to_contain_text("8,998 lines copied")


@pytest.mark.usefixtures("clipboard")
def test_up_from_a_note_and_from_the_unfinished_line(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    tell(producer, event.START, attempt=1)
    numbered(producer, 5_000, per_entry=100)
    tell(producer, event.RETRY, retries=1, max=2, reason="x")
    tell(producer, event.START, attempt=2)
    write(producer, "again")
    producer.writer.flush(live={"rev": 1, "line": 5_002, "text": "unfinished", "progress": None})
    page = opened(site, open_page, producer)
    expect(page.locator(".row.live")).to_be_visible(timeout=SECONDS)
    begin(page, ".row.live")
    page.locator(".log").press("Home")
    expect(page.locator("#L1 .text")).to_have_text("row 1", timeout=SECONDS)
    extend(page, ".row.event", end=False)
    lines = copied(page, 5_001)
    assert lines == [*(f"row {n}" for n in range(1, 5_001)), "again"]
    page.keyboard.press("Escape")
    # The words of a note alone are what they are.
    page.locator(".row.event .text").first.evaluate("(text) => getSelection().selectAllChildren(text)")
    assert copied(page, 1) == ["Attempt 1 started on a worker"]


@pytest.mark.usefixtures("clipboard")
def test_over_a_folded_group_and_from_its_header(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "one", "::group::\x1b[1mtwo")
    tell(producer, event.GROUP, title="\x1b[1mtwo", line=2)
    write(producer, "three", "four", "::endgroup::")
    tell(producer, event.ENDGROUP, line=5)
    write(producer, "six", "seven")
    page = opened(site, open_page, producer, "#L1")
    page.locator("#L2 .fold").click()
    expect(page.locator("#L3")).to_have_count(0)
    begin(page, "#L2")
    extend(page, "#L6")
    assert copied(page, 5) == ["::group::two", "three", "four", "::endgroup::", "six"]


@pytest.mark.usefixtures("clipboard")
def test_what_the_quota_cut_is_left_out_and_said(
    site: Site, open_page: OpenPage, redis_url: str, key_prefix: str
) -> None:
    producer = Producer(make_store(redis_url, key_prefix, quota_bytes=100_000, head_bytes=20_000))
    numbered(producer, 60_000, per_entry=500)
    producer.end()
    found = read_run(site.store, producer.run_id).cut
    assert found is not None
    cut = found["to"] - found["from"] + 1
    page = opened(site, open_page, producer, "#L1")
    begin(page, "#L1")
    page.locator(".log").press("End")
    expect(page.locator("#L60000")).to_be_visible(timeout=SECONDS)
    extend(page, "#L60000")
    kept = 60_000 - cut
    lines = copied(page, kept)
    assert lines[0] == "row 1"
    assert lines[-1] == "row 60000"
    expect(page.locator(".said")).to_contain_text(f"{kept:,} lines copied; {cut:,} were cut")


@pytest.mark.usefixtures("clipboard")
def test_what_cannot_be_copied_is_said(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("net::ERR_FAILED")
    producer = Producer(site.store)
    numbered(producer, 30_000, per_entry=500)
    page = opened(site, open_page, producer, "#L1")
    begin(page, "#L1")
    page.locator(".log").press("End")
    expect(page.locator("#L30000")).to_be_visible(timeout=SECONDS)
    extend(page, "#L30000")
    page.keyboard.press("Control+c")
    expect(page.locator(".said")).to_contain_text("20,000 lines is the most. Download the log instead.")
    page.route("**/log?from=*", lambda route: route.abort())
    page.evaluate("() => { location.hash = '#L9000-L9100'; }")
    expect(page.locator("#L9000")).to_be_visible(timeout=SECONDS)
    page.get_by_role("button", name="Copy text").click()
    expect(page.locator(".said")).to_contain_text("Nothing was copied: ", timeout=SECONDS)
    page.unroute("**/log?from=*")
    page.get_by_role("button", name="Copy text").click()
    expect(page.locator(".said")).to_contain_text("101 lines copied", timeout=SECONDS)
