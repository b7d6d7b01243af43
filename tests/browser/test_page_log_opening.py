"""Where a log opens: at a link, at the first error of a run that is over, else at the end."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, marks, numbered, opened, tell, top, write
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def troubled(site: Site, *, end: bool) -> Producer:
    """A run with errors in its lines 4,001 and 6,002, both before what is loaded at once."""
    producer = Producer(site.store)
    for _ in range(2):
        numbered(producer, 2_000 if producer.count else 4_000, per_entry=500)
        write(producer, "::error::no such file")
        tell(producer, events.ERROR, text="no such file", line=producer.count)
    numbered(producer, 6_000, per_entry=500)
    if end:
        producer.end()
    return producer


def test_a_run_that_is_over_opens_at_its_first_error(site: Site, open_page: OpenPage) -> None:
    producer = troubled(site, end=True)
    page = open_page("about:blank")
    # It waits a few seconds for what it has to know; on a busy machine they do not pass.
    page.add_init_script("performance.now = () => 0")
    page.goto(site.run_page(producer.run_id))
    # (What is said is soon taken away again.)
    expect(page.locator("[role=status]", has_text="First error, line 4,001")).to_have_count(1)
    expect(page.locator("#L4001.current.error")).to_be_in_viewport(timeout=SECONDS)
    expect(page.locator("#L4001 .text")).to_have_text("Error: no such file")
    expect(page.locator("button.follow")).to_have_text("To the end")
    expect(page.locator(".verdict.ok")).to_contain_text("verified from line")
    # From there the errors are walked.
    page.locator(".log").press("e")
    expect(page.locator("#L6002.current")).to_be_in_viewport(timeout=SECONDS)
    page.locator(".log").press("End")
    expect(page.locator("#L12002")).to_be_in_viewport()


def test_a_run_that_goes_on_opens_at_its_end(site: Site, open_page: OpenPage) -> None:
    producer = troubled(site, end=False)
    page = opened(site, open_page, producer)
    # Its errors are known, and it still follows.
    wait_for(lambda: len(marks(page, "error")) == 2, 20)
    expect(page.locator("#L12002")).to_be_in_viewport()
    write(producer, "one more")
    expect(page.locator("#L12003")).to_be_in_viewport(timeout=SECONDS)


def test_a_link_goes_before_the_first_error(site: Site, open_page: OpenPage) -> None:
    page = opened(site, open_page, troubled(site, end=True), "#L500")
    expect(page.locator("#L500.marked")).to_be_in_viewport(timeout=SECONDS)
    wait_for(lambda: len(marks(page, "error")) == 2, 20)
    expect(page.locator("#L500")).to_be_in_viewport()


def test_a_run_without_errors_opens_at_its_end(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 5_000, per_entry=500)
    producer.end()
    page = opened(site, open_page, producer)
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    wait_for(lambda: top(page) > 4_900, 20, lambda: top(page))


def test_who_has_moved_is_not_moved_again(site: Site, open_page: OpenPage) -> None:
    producer = troubled(site, end=True)
    page = open_page("about:blank")
    # The outline comes when the reader is somewhere else already.
    held: list[Route] = []
    page.route("**/outline", lambda route: held.append(route))
    page.goto(site.run_page(producer.run_id))
    expect(page.locator("#L12002")).to_be_in_viewport(timeout=SECONDS)
    page.locator(".log").press("Home")
    expect(page.locator("#L1 .text")).to_have_text("row 1", timeout=SECONDS)
    # (What is asked for meanwhile is only seen while the page is spoken to.)
    wait_for(lambda: page.title() and held, 20)
    for route in held:
        route.continue_()
    wait_for(lambda: len(marks(page, "error")) == 2, 20)
    assert top(page) == 1
