"""Groups of the log: the header that sticks, one that is never closed, ten thousand of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, tell, top, write
from tests.support.relay import Producer

pytestmark = pytest.mark.browser


def test_the_header_of_the_group_on_the_screen_sticks(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    tell(producer, events.GROUP, title="Outer")
    numbered(producer, 200)
    write(producer, "::group::Inner <i>")
    tell(producer, events.GROUP, title="Inner <i>", line=producer.count)
    numbered(producer, 200)
    tell(producer, events.ERROR, text="gone", line=producer.count)
    tell(producer, "endgroup")
    numbered(producer, 200)
    tell(producer, "endgroup")
    numbered(producer, 200)
    page = opened(site, open_page, producer, "#L300")
    sticky = page.locator(".sticky")
    expect(sticky).to_contain_text("Outer › Inner <i> · 200 lines", timeout=SECONDS)
    expect(sticky).to_contain_text("1 error")
    log, header = page.locator(".log").bounding_box(), sticky.bounding_box()
    assert log is not None
    assert header is not None
    assert header["y"] - log["y"] <= 1
    log_ = page.locator(".log")
    log_.press("Home")
    expect(sticky).to_be_hidden()
    page.evaluate("() => { location.hash = '#L150'; }")
    expect(sticky).to_contain_text("Outer · ")
    expect(sticky).not_to_contain_text("Inner")
    page.evaluate("() => { location.hash = '#L500'; }")
    expect(sticky).not_to_contain_text("Inner")
    page.evaluate("() => { location.hash = '#L750'; }")
    expect(sticky).to_be_hidden()
    # Its button folds the group whose lines are on the screen, and the header itself is there then.
    page.evaluate("() => { location.hash = '#L350'; }")
    button = sticky.get_by_role("button")
    expect(button).to_have_attribute("aria-expanded", "true")
    button.click()
    expect(page.locator("#L202.head").get_by_role("button")).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#L202")).to_be_in_viewport()
    assert top(page) <= 202
