"""The command palette: by keys alone, and on every page."""

from __future__ import annotations

import re

import orjson
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, Site
from tests.support.relay import Producer
from tests.support.scenery import BUILD

pytestmark = pytest.mark.browser


def chosen(page: Page) -> str:
    """The text of the choice that the input names, as a screen reader finds it."""
    name = page.get_by_role("combobox", name="Search runs").get_attribute("aria-activedescendant")
    return page.locator(f"#{name} .text").inner_text()


def selected(page: Page) -> Locator:
    """The choice that Enter takes."""
    return page.get_by_role("dialog", name="Search").get_by_role("option", selected=True)


def test_runs_tasks_and_pages_are_found_by_keys_alone(site: Site, open_page: OpenPage) -> None:
    store = site.store
    store.client.hset(store.keys.tasks(), "etl.load", orjson.dumps(BUILD))
    runs = [Producer(store) for _ in range(3)]
    for run in runs:
        run.write(1)
    page = open_page(site.run_page(runs[0].run_id))
    # What cannot be seen yet takes no focus.
    expect(page.locator(".log")).to_be_visible()
    page.locator(".log").focus()
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search runs")
    expect(box).to_be_focused()
    expect(page.get_by_role("group", name="Newest runs").get_by_role("option")).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.type("watch")
    expect(selected(page)).to_contain_text("Watch running runs")
    assert chosen(page) == "Watch running runs"

    # Escape closes it, whatever was written, and the focus is where it was.
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(page.locator(".log")).to_be_focused()

    # A run by the beginning of its id.
    page.keyboard.press("Control+k")
    page.keyboard.type(runs[1].run_id[:10])
    expect(page.get_by_role("group", name="Runs", exact=True).get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(site.run_page(runs[1].run_id))

    # A task, whose form opens on the list; there, also while somebody writes in a field.
    page.keyboard.press("Control+k")
    page.keyboard.type("start etl")
    expect(page.get_by_role("option")).to_have_count(0)
    box.fill("etl")
    expect(selected(page)).to_contain_text("Start etl.load")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Start a run")).to_be_visible()
    page.get_by_label("shards").focus()
    page.keyboard.press("Control+k")
    box.fill("dark")
    expect(selected(page)).to_contain_text("Dark theme")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_label("shards")).to_be_focused()


def test_it_is_on_the_other_pages_and_closes_by_its_own_key(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.web.url}/audit")
    page.get_by_role("button", name="Search runs").click()
    box = page.get_by_role("combobox", name="Search runs")
    expect(box).to_be_focused()
    page.keyboard.press("Control+k")
    expect(box).to_have_count(0)
    page.keyboard.press("Control+k")
    box.fill("failed")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?state=failed$"))
