"""The page of an id that was used again: its executions lead to each other, and no log is mixed with another."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

ID = "weekly ~ 50%"


def executed(site: Site, lines: int) -> Producer:
    """Execute the id with so many lines."""
    producer = Producer(site.store, ID)
    producer.write(lines)
    return producer


def expect_lines(page: Page, count: int) -> None:
    """The page shows a log of so many lines."""
    expect(page.locator(".rows .row.line")).to_have_count(count)


def test_the_executions_of_an_id_lead_to_each_other(site: Site, open_page: OpenPage) -> None:
    for lines in (2, 3, 4):
        executed(site, lines).end()
    page = open_page(site.run_page(quote(ID, safe="")))
    expect_lines(page, 4)
    facts = page.locator(".facts")
    expect(facts).not_to_contain_text("Newer execution")
    for lines in (3, 2):
        facts.get_by_text("Earlier execution").locator("..").get_by_role("link").click()
        expect_lines(page, lines)
    expect(page).to_have_url(re.compile(r"/runs/weekly%20~%2050%25~1$"))
    expect(facts).not_to_contain_text("Earlier execution")
    facts.get_by_text("Newer execution").locator("..").get_by_role("link").click()
    expect_lines(page, 3)
    expect(page.locator(".folding")).to_contain_text(f"{ID}~2")


def test_who_watches_while_the_id_is_used_again_sees_one_log_and_then_the_other(
    site: Site, open_page: OpenPage
) -> None:
    first = executed(site, 6)
    page = open_page(site.run_page(quote(ID, safe="")))
    expect_lines(page, 6)
    first.end()
    second = executed(site, 2)
    second.writer.add("e", events.encode(events.OVERLAP, count=1), now_ms())
    second.writer.add("e", events.encode(events.REPLACED, task="etl.load"), now_ms())
    second.writer.flush()
    # It stays with the log whose end it has seen, or was told before it had let go of it.
    wait_for(lambda: page.locator(".rows .row.line").count() in (6, 2), 20)
    page.reload()
    expect_lines(page, 2)
    log = page.locator(".rows")
    expect(log).to_contain_text("Another task with this id was executed at the same time and not recorded")
    expect(log).to_contain_text("Replaced by etl.load")
    second.end()
    expect(page.locator(".connection")).not_to_contain_text("Live")
