"""Told that a run has ended: asked for first, by a notification, and otherwise by the title of the tab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import OpenPage, Site
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

#: Keeps what is told and asked for, and lets the test hide the tab: a headless browser shows all of its tabs.
_RECORD = """
    window.told = [];
    window.asked = 0;
    window.away = false;
    Object.defineProperty(document, "visibilityState", {get: () => window.away ? "hidden" : "visible"});
    const Real = Notification;
    window.Notification = class extends Real {
        constructor(title, options) { super(title, options); window.told.push(title); window.last = this; }
        static requestPermission() { window.asked += 1; return Real.requestPermission(); }
    };
"""


def leave(page: Page, *, away: bool) -> None:
    """Hide the tab, or come back to it."""
    page.evaluate("(away) => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }", away)


def test_a_notification_tells_the_end(site: Site, context: BrowserContext, open_page: OpenPage) -> None:
    context.add_init_script(_RECORD)
    context.grant_permissions(["notifications"], origin=site.web.url)
    producer = Producer(site.store)
    producer.write(1)
    page = open_page(site.run_page(producer.run_id))
    button = page.get_by_role("button", name="Tell me at the end")
    button.click()
    expect(page.get_by_role("status").filter(has_text="You will get a notification")).to_be_visible()
    # It is still wanted when the page is loaded again.
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("window.asked") == 0
    leave(page, away=True)
    producer.end()
    wait_for(lambda: page.evaluate("window.told"), 20)
    assert page.evaluate("window.told") == ["tests.write succeeded"]
    expect(button).to_have_count(0)
    # Once.
    page.reload()
    expect(page.locator(".verdict.ok")).to_be_visible()
    assert page.evaluate("window.told") == []


def test_the_title_tells_it_where_notifications_are_refused(
    site: Site, context: BrowserContext, open_page: OpenPage
) -> None:
    context.add_init_script(_RECORD)
    producer = Producer(site.store)
    producer.write(1)
    page = open_page(f"{site.web.url}/watch?run={producer.run_id}")
    button = page.get_by_role("button", name="Tell me at the end")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.asked") == 0, "nothing is asked for before the click"
    button.click()
    expect(page.get_by_role("status").filter(has_text="does not allow notifications")).to_be_visible()
    leave(page, away=True)
    producer.end()
    expect(page).to_have_title(re.compile(r"^\(!\) tests\.write succeeded$"))
    leave(page, away=False)
    expect(page).to_have_title(re.compile("^1 succeeded"))


def test_the_list_tells_the_end_of_a_run(site: Site, context: BrowserContext, open_page: OpenPage) -> None:
    context.add_init_script(_RECORD)
    context.grant_permissions(["notifications"], origin=site.web.url)
    producer, other = Producer(site.store), Producer(site.store)
    # It is told whatever the list shows meanwhile.
    page = open_page(f"{site.web.url}/?state=running")
    row = page.locator(f"tr[data-run='{producer.run_id}']")
    entry = row.get_by_role("button", name="Tell me when it ends")
    row.get_by_title("What to do with this run").click()
    entry.click()
    expect(page.get_by_role("status").filter(has_text="You will get a notification")).to_be_visible()
    row.get_by_title("What to do with this run").click()
    expect(row.get_by_role("button", name="Do not tell me when it ends")).to_be_visible()
    expect(page.locator(".connection")).to_have_text("Connected")
    leave(page, away=True)
    other.end()
    producer.end()
    expect(row).to_have_count(0)
    assert page.evaluate("window.told") == ["tests.write succeeded"]
    assert page.evaluate("window.asked") == 0
    page.evaluate("window.last.dispatchEvent(new Event('click'))")
    page.wait_for_url(site.run_page(producer.run_id))


def test_a_browser_without_notifications_offers_none_in_the_list(
    site: Site, context: BrowserContext, open_page: OpenPage
) -> None:
    context.add_init_script("delete window.Notification;")
    producer = Producer(site.store)
    row = open_page(site.web.url).locator(f"tr[data-run='{producer.run_id}']")
    row.get_by_title("What to do with this run").click()
    expect(row.get_by_role("button", name="Copy id")).to_be_visible()
    expect(row.get_by_role("button", name="Tell me when it ends")).to_have_count(0)
