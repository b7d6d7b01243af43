"""The plain text view: reached from the run's page, readable without scripts, accessible."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from runtail.runs.retention import delete
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import more
from tests.browser.looks import overflows, violations
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

SECONDS = 20_000

NUMBER = "(line) => getComputedStyle(document.querySelector(line), '::before').content"


def test_it_is_one_click_away_and_leads_back(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(2_500)
    producer.end()
    page = open_page(site.run_page(producer.run_id))
    more(page)
    page.get_by_role("link", name="Plain text").click()
    expect(page.get_by_role("heading")).to_have_text("tests.write: lines 1-1,000 of 2,500")
    page.get_by_role("link", name="Last lines").first.click()
    expect(page.get_by_role("heading")).to_contain_text("lines 2,001-2,500 of 2,500")
    expect(page.locator("#L2500")).to_have_text("line 2500 of the log")
    # Its number is beside it, and not in it.
    assert page.evaluate(NUMBER, "#L2500") == '"2500" / ""'
    page.get_by_role("link", name="Previous").last.click()
    expect(page.get_by_role("heading")).to_contain_text("lines 1,001-2,000 of 2,500")
    # Lines are linked to as on the page.
    page.goto(f"{page.url}#L1500")
    expect(page.locator("#L1500")).to_be_in_viewport()
    page.get_by_role("link", name="tests.write").click()
    expect(page).to_have_url(site.run_page(producer.run_id))


def test_it_needs_no_scripts(site: Site, browser: Browser) -> None:
    producer = Producer(site.store)
    producer.write(1_200)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.run_page(producer.run_id))
        page.get_by_role("link", name="The log as plain text").click()
        expect(page.locator("pre span")).to_have_count(1_000)
        page.get_by_role("link", name="Next").first.click()
        expect(page.locator("pre span")).to_have_count(200)
        expect(page.get_by_role("heading")).to_contain_text("lines 1,001-1,200 of 1,200 so far")
        producer.write(5)
        producer.end()
        page.get_by_role("link", name="New lines").first.click()
        expect(page.locator("pre")).to_contain_text("line 1205 of the log")
        expect(page.locator("pre em").last).to_have_text("── Succeeded: done")


def test_what_is_not_there_is_said_in_words(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404")
    complaints.expect("422")
    page = open_page(f"{site.web.url}/runs/nobody/text")
    expect(page.get_by_role("alert")).to_contain_text("was never started, was deleted, or is older than logs are kept")
    page.get_by_role("link", name="All runs").click()
    expect(page).to_have_url(f"{site.web.url}/")
    producer = Producer(site.store)
    producer.write(1)
    page.goto(f"{site.run_page(producer.run_id)}/text?from=abc")
    expect(page.get_by_role("alert")).to_contain_text("from: Input should be a valid integer")
    delete(site.store, producer.run_id)
    page.goto(f"{site.run_page(producer.run_id)}/text")
    expect(page.get_by_role("heading")).to_have_text("This run was deleted")


def test_it_has_the_theme_that_the_reader_chose(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    producer.write(1)
    page = open_page(site.run_page(producer.run_id))
    page.emulate_media(color_scheme="dark")

    def ground() -> str:
        return str(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))

    grounds: dict[str, set[str]] = {}
    for chosen in ("system", "light", "dark"):
        page.goto(site.run_page(producer.run_id))
        if chosen != "system":
            page.get_by_role("button", name="Theme:").click()
        expect(page.get_by_role("button", name=f"Theme: {chosen}")).to_be_visible()
        for path in (f"/runs/{producer.run_id}/text", "/api"):
            page.goto(f"{site.web.url}{path}")
            grounds.setdefault(chosen, set()).add(ground())
    assert grounds["light"].isdisjoint(grounds["dark"])
    assert grounds["system"] == grounds["dark"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits(site: Site, browser: Browser, theme: str) -> None:
    producer = Producer(site.store)
    producer.mark("a section")
    producer.write(1_100)
    producer.writer.add("o", b"y" * 500 + b"\n", 0)
    producer.end()
    with browser.new_context(bypass_csp=True, color_scheme="dark" if theme == "dark" else "light") as context:
        page = context.new_page()
        for width in (1200, 320):
            page.set_viewport_size({"width": width, "height": 700})
            for path in (f"{producer.run_id}/text", f"{producer.run_id}/text?from=1001#L1100", "nobody/text"):
                page.goto(f"{site.web.url}/runs/{path}")
                assert violations(page) == [], (theme, width, path)
                assert overflows(page) == [], (theme, width, path)
