"""The address of a run's page, whatever the run's id is."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import more
from tests.browser.test_page_run import expect_lines
from tests.support.relay import Producer

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("run_id", ["nightly: 50% of #7? \\ ü;&=+%2F", "text", "x" * 255])
def test_an_id_that_its_caller_chose_leads_to_its_page(site: Site, open_page: OpenPage, run_id: str) -> None:
    producer = Producer(site.store, run_id)
    producer.write(5)
    page = open_page(site.web.url)
    page.locator(".runs .row-link").click()
    expect_lines(page, producer)
    expect(page.locator(".connection")).to_contain_text("Live")
    producer.write(5)
    expect_lines(page, producer)
    more(page)
    page.get_by_role("link", name="Plain text").click()
    expect(page.locator("#L10")).to_have_text(producer.line(10).decode())
    page.get_by_role("link", name="tests.write").click()
    producer.end()
    expect(page.locator(".verdict")).to_have_text(re.compile("complete: 10 lines, verified$"))


def test_a_percent_sign_that_escapes_nothing_is_one(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404")
    page = open_page(f"{site.web.url}/runs/100%")
    expect(page.locator("main > .missing .id")).to_have_text("100%")
