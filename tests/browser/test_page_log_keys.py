"""The log by keyboard alone: a row has the focus, moves, and makes ranges."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, still, tell, top, write
from tests.browser.looks import violations
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """The id of the row that has the focus."""
    return str(page.evaluate("() => document.activeElement.closest('.row')?.id ?? ''"))


def press(page: Page, *keys: str) -> None:
    """Press keys where the focus is."""
    for key in keys:
        page.keyboard.press(key)


def test_keys_move_the_focused_row_and_the_view_with_it(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 1_000)
    page = opened(site, open_page, producer)
    page.locator(".log").focus()
    press(page, "k")
    # What is written next must not push it away.
    expect(page.locator("button.follow")).to_be_visible()
    assert focused(page) == "L1000"
    press(page, "k", "ArrowUp")
    assert focused(page) == "L998"
    before = top(page)
    for _ in range(60):
        press(page, "k")
    assert focused(page) == "L938"
    assert top(page) < before
    expect(page.locator("#L938")).to_be_in_viewport(ratio=1)
    press(page, "j", "ArrowDown")
    assert focused(page) == "L940"
    assert page.locator("#L940").evaluate("(row) => getComputedStyle(row, '::after').outlineStyle") == "solid"
    assert page.locator(".row[tabindex]").count() == 1
    # Out of sight it stays in the page, and the next key begins where the reader is.
    press(page, "Home")
    wait_for(lambda: top(page) == 1, 20)
    assert focused(page) == "L940"
    press(page, "j")
    assert focused(page) == "L1"
    # The last row by moving down follows again.
    press(page, "End", "k", "j")
    expect(page.locator("button.follow")).to_have_count(0)
    assert focused(page) == "L1000"
    numbered(producer, 50)
    expect(page.locator("#L1050")).to_be_in_viewport(timeout=SECONDS)
    assert focused(page) == "L1000"


def test_shift_and_arrows_make_a_range(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 300)
    page = opened(site, open_page, producer, "#L100")
    page.locator(".log").focus()
    press(page, "Shift+ArrowDown", "Shift+ArrowDown")
    expect(page).to_have_url(re.compile("#L100-L102$"))
    expect(page.locator(".row.marked")).to_have_count(3)
    assert focused(page) == "L102"
    press(page, "Shift+ArrowUp", "Shift+ArrowUp", "Shift+ArrowUp")
    expect(page).to_have_url(re.compile("#L99-L100$"))
    assert focused(page) == "L99"
    expect(page.locator(".marking")).to_contain_text("Lines 99-100")
    # Plain keys leave the range alone; Enter marks the line.
    press(page, "j", "j", "j")
    expect(page).to_have_url(re.compile("#L99-L100$"))
    press(page, "Enter")
    expect(page).to_have_url(re.compile("#L102$"))


def test_keys_fold_the_group_of_the_focused_row(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    tell(producer, events.GROUP, title="Build")
    write(producer, "one", "two", "three")
    tell(producer, "endgroup")
    write(producer, "after")
    page = opened(site, open_page, producer)
    page.locator(".log").focus()
    press(page, "k", "k")
    assert focused(page) == "L4"
    press(page, "o")
    expect(page.locator("#L3")).to_have_count(0)
    fold = page.get_by_role("button", name="Build")
    expect(fold).to_have_attribute("aria-expanded", "false")
    # The focus is at the header that stands for the row, and Enter opens it.
    expect(page.locator(".row.head:focus")).to_have_text(re.compile("^Build"))
    press(page, "Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#L3")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_rows_are_a_list_for_those_who_hear_it(site: Site, browser: Browser, scheme: str) -> None:
    producer = Producer(site.store)
    tell(producer, events.GROUP, title="All of it")
    numbered(producer, 3_000, per_entry=500)
    with browser.new_context(bypass_csp=True, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(site.run_page(producer.run_id) + "#L1500")
        expect(page.locator("#L1500 .text")).to_have_text("row 1500", timeout=SECONDS)
        rows = page.get_by_role("list").locator(".row.line")
        # What a link leads to is shown when it stands where it stays.
        expect(page.locator("#L1500")).to_be_visible()
        assert set(rows.evaluate_all("(rows) => rows.map((row) => row.getAttribute('role'))")) == {"listitem"}
        expect(page.locator("#L1500")).to_have_attribute("aria-posinset", "1500")
        # It is not known how many there will be.
        expect(page.locator("#L1500")).to_have_attribute("aria-setsize", "-1")
        page.locator(".log").focus()
        press(page, "j")
        expect(page.locator(".sticky")).to_contain_text("All of it")
        assert focused(page) == "L1500"
        still(page)
        assert violations(page) == []
        producer.end()
        expect(page.locator("#L1500")).to_have_attribute("aria-setsize", "3000", timeout=SECONDS)
