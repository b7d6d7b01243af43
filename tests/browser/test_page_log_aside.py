"""What is said beside a row: when it was written, and the fields of a line that is a JSON object."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, write
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

CLOCK = re.compile(r"\d\d:\d\d:\d\d\.\d{3}")


def test_a_row_says_when_it_was_written(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    numbered(producer, 200)
    page = opened(site, open_page, producer)
    aside = page.locator(".aside")
    expect(aside).to_be_hidden()
    page.locator("#L190").hover()
    expect(aside).to_have_text(CLOCK)
    row, beside = page.locator("#L190").bounding_box(), aside.bounding_box()
    assert row is not None
    assert beside is not None
    assert abs(row["y"] - beside["y"]) < 2
    # It goes along with the row, and away with the mouse.
    write(producer, "one more")
    expect(page.locator("#L201")).to_be_visible(timeout=SECONDS)
    page.mouse.move(5, 5)
    expect(aside).to_be_hidden()
    # The row with the focus has it as well.
    page.locator(".log").press("k")
    expect(aside).to_have_text(CLOCK)
    page.locator(".log").press("t")
    expect(page.locator(".row .at").first).to_be_visible()
    expect(aside).to_be_hidden()


def test_the_fields_of_a_line_open_on_demand(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "plain", '{"level": "error", "took": 3, "at": {"file": "a.py", "line": 7}, "text": "two\\nlines"}')
    page = opened(site, open_page, producer)
    page.locator("#L1").hover()
    expect(page.get_by_role("button", name="Fields")).to_be_hidden()
    page.locator("#L2").hover()
    page.get_by_role("button", name="Fields").click()
    dialog = page.get_by_role("dialog", name="Fields of line 2")
    expect(dialog.locator("dt")).to_have_text(["level", "took", "at", "text"])
    expect(dialog.locator("dd span").nth(2)).to_have_text('{\n  "file": "a.py",\n  "line": 7\n}', use_inner_text=True)
    expect(dialog.locator("dd span").nth(3)).to_have_text("two\nlines", use_inner_text=True)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_role("button", name="Copy took").click()
    assert page.evaluate("navigator.clipboard.readText()") == "3"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    # The same with a key; and a line without fields says so.
    page.locator("#L2 .number").click()
    page.locator(".log").press("v")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#L1 .number").click()
    page.locator(".log").press("v")
    expect(page.locator(".said")).to_contain_text("Line 1 is no JSON object")
