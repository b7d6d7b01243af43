"""After a long absence, or with another history: where the page goes on, and that it claims no more than it checked."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, still, top
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

WINDOWS = re.compile(r"/log\?from=")


def expect_caught_up(page: Page, last: int) -> None:
    """The page is at the tail, says so, and what it showed before stands."""
    expect(page.locator(f"#L{last} .text")).to_have_text(f"row {last}", timeout=SECONDS)
    expect(page.locator(".said")).to_contain_text("Skipped to the newest lines. Earlier ones load as you scroll.")
    expect(page.locator(".problem")).to_have_count(0)


@pytest.mark.parametrize("way", ["websocket", "http"])
def test_too_much_came_meanwhile(site: Site, open_page: OpenPage, complaints: Complaints, way: str) -> None:
    complaints.expect("net::ERR")
    complaints.expect("WebSocket connection")
    producer = Producer(site.store)
    numbered(producer, 1_000, per_entry=100)
    page = opened(site, open_page, producer)
    expect(page.locator("#L1000")).to_be_in_viewport(timeout=SECONDS)
    # Nothing gets through while 60,000 lines are written.
    page.route(WINDOWS, lambda route: route.abort())
    site.relay.process.kill()
    expect(page.locator(".connection")).to_contain_text("Connection lost", timeout=SECONDS)
    numbered(producer, 60_000, per_entry=1_000)
    if way == "websocket":
        site.relay.restart()
        site.relay.wait_until_ready()
    else:
        page.unroute(WINDOWS)
    expect_caught_up(page, 61_000)
    if way == "websocket":
        # What was shown before the absence is still here: nothing can be fetched now.
        page.evaluate("() => { location.hash = '#L500'; }")
        expect(page.locator("#L500 .text")).to_have_text("row 500")
        page.evaluate("() => { location.hash = '#L30000'; }")
        expect(page.locator("#L30000")).to_contain_text("could not be loaded", timeout=SECONDS)
        page.unroute(WINDOWS)
        expect(page.locator("#L30000 .text")).to_have_text("row 30000", timeout=SECONDS)
        page.locator(".log").press("End")
    # It goes on from there.
    numbered(producer, 100)
    expect(page.locator("#L61100 .text")).to_have_text("row 61100", timeout=SECONDS)
    producer.end()
    verdict = page.locator(".verdict")
    # What lies between was not checked, and is not claimed.
    expect(verdict).to_have_text(re.compile(r"complete: 61,100 lines, verified from line 5\d,\d01$"), timeout=SECONDS)
    page.get_by_role("button", name="Verify all").click()
    expect(verdict).to_have_text(re.compile("complete: 61,100 lines, verified$"), timeout=60_000)
    assert top(page) > 61_000


def test_what_came_during_a_short_absence_is_followed_whole(
    site: Site, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("net::ERR")
    complaints.expect("WebSocket connection")
    producer = Producer(site.store)
    numbered(producer, 1_000, per_entry=100)
    page = opened(site, open_page, producer)
    page.route(WINDOWS, lambda route: route.abort())
    site.relay.process.kill()
    expect(page.locator(".connection")).to_contain_text("Connection lost", timeout=SECONDS)
    numbered(producer, 40_000, per_entry=1_000)
    site.relay.restart()
    site.relay.wait_until_ready()
    expect(page.locator("#L41000 .text")).to_have_text("row 41000", timeout=SECONDS)
    expect(page.locator(".said")).to_have_count(0)
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 41,000 lines, verified$"), timeout=SECONDS)


def test_who_reads_further_up_stays_there_when_the_log_begins_anew(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 5_000)
    page = open_page(site.run_page(producer.run_id) + "#L2000")
    expect(page.locator("#L2000 .text")).to_have_text("row 2000", timeout=SECONDS)
    still(page)
    before = top(page)
    assert 1_900 < before <= 2_000
    site.store.client.hincrby(site.store.keys.run(producer.run_id), "epoch", 1)
    site.store.client.publish(site.store.keys.notifications(producer.run_id), "1")
    expect(page.locator(".problem")).to_contain_text("The log was replaced", timeout=SECONDS)
    # The new history is open, and drawn.
    expect(page.locator(".connection")).to_contain_text("Live")
    expect(page.locator("#L2000 .text")).to_have_text("row 2000", timeout=SECONDS)
    # (The notice above the log may have moved its edge.)
    wait_for(lambda: abs(top(page) - before) <= 5, 20, lambda: (before, top(page)))
    numbered(producer, 10)
    expect(page.locator("button.follow")).to_contain_text("10 new lines", timeout=SECONDS)
    still(page)
    assert abs(top(page) - before) <= 5
