"""The list of runs: the Start button, the form, and changes as they happen."""

from __future__ import annotations

import re

import orjson
import pytest
from playwright.sync_api import expect

from runtail.runs.record import read_run
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

SECONDS = 20_000

TAIL = {
    "name": "demo.tail",
    "doc": "Print a line again and again.",
    "schema": {
        "type": "object",
        "properties": {
            "lines": {"type": "integer", "default": 20, "minimum": 1},
            "interval": {"type": "number", "default": 1.0, "description": "Seconds between two lines."},
        },
        "additionalProperties": False,
    },
    "queue": "nobody-listens",
    "serializer": "json",
    "exclusive": True,
    "restart": False,
    "max_attempts": 3,
}


@pytest.fixture
def tail(site: Site) -> dict[str, object]:
    """The tutorial's task in the catalogue."""
    site.store.client.hset(site.store.keys.tasks(), "demo.tail", orjson.dumps(TAIL))
    return TAIL


def test_without_a_worker_the_page_says_what_to_do(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.web.url)
    expect(page.locator("main")).to_contain_text("No task is published. Is a worker running?")
    expect(page.locator("main")).to_contain_text("No runs yet.")


def test_the_start_button_starts_the_tutorials_task_once(
    site: Site, open_page: OpenPage, complaints: Complaints, tail: dict[str, object]
) -> None:
    complaints.expect("409")
    page = open_page(site.web.url)
    page.get_by_role("button", name="Try demo.tail").click()
    page.wait_for_url(re.compile("/runs/.+"))
    run_id = page.url.rpartition("/")[2]
    assert read_run(site.store, run_id).text("task") == "demo.tail"
    expect(page.locator("h1 .chip")).to_contain_text("queued")
    expect(page.locator(".about .why")).to_contain_text("Waiting: no worker listens to queue nobody-listens")
    # Once.
    expect(page.get_by_text("no worker listens")).to_have_count(1)

    again = open_page(site.web.url)
    again.get_by_role("button", name="Try demo.tail").click()
    expect(again.locator(".problem")).to_contain_text("Task is already running")
    again.get_by_role("link", name="Open the current run").click()
    again.wait_for_url(site.run_page(run_id))


def test_the_form_names_the_wrong_field_and_starts_the_right_run(
    site: Site, open_page: OpenPage, tail: dict[str, object]
) -> None:
    page = open_page(site.web.url)
    page.get_by_role("button", name="Start a run").click()
    # What one begins to write is the task's name.
    picker = page.get_by_role("combobox", name="Task")
    expect(picker).to_be_focused()
    page.keyboard.type("nothing like this")
    expect(picker).to_have_value("nothing like this")
    expect(page.get_by_text("No task has this in its name or description.")).to_be_visible()
    picker.fill("tail")
    page.keyboard.press("Enter")
    expect(picker).to_have_value("demo.tail")
    page.get_by_label("lines").fill("many")
    page.get_by_role("button", name="Start demo.tail").click()
    expect(page.locator(".field.wrong")).to_contain_text("is not a whole number")
    expect(page.get_by_label("lines")).to_be_focused()
    page.get_by_label("lines").fill("7")
    page.get_by_role("button", name="Start demo.tail").click()
    page.wait_for_url(re.compile("/runs/.+"))
    run = read_run(site.store, page.url.rpartition("/")[2])
    assert run.json("kwargs") == {"lines": 7, "interval": 1.0}


def test_the_list_changes_as_runs_do(site: Site, open_page: OpenPage) -> None:
    first = Producer(site.store)
    page = open_page(site.web.url)
    row = page.locator("tr", has_text=first.run_id)
    expect(row).to_contain_text("running")
    expect(page.locator(".connection")).to_contain_text("Connected")
    # Much faster than the refetch every 10 s: the relay tells.
    second = Producer(site.store)
    expect(page.locator("tr", has_text=second.run_id)).to_contain_text("running", timeout=9_000)
    first.write(1)
    first.end()
    expect(row).to_contain_text("succeeded", timeout=9_000)
    row.get_by_role("link").click()
    page.wait_for_url(site.run_page(first.run_id))


def test_the_list_refetches_without_the_relay(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("WebSocket connection to")
    complaints.expect("net::ERR_")
    site.relay.process.kill()
    page = open_page(site.web.url)
    expect(page.locator("main")).to_contain_text("No runs yet.")
    producer = Producer(site.store)
    expect(page.locator("tr", has_text=producer.run_id)).to_contain_text("running", timeout=SECONDS)


def test_the_list_never_empties_on_an_error(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("net::ERR_")
    producer = Producer(site.store)
    page = open_page(site.web.url)
    row = page.locator("tr", has_text=producer.run_id)
    expect(row).to_be_visible()
    site.web.process.kill()
    expect(page.locator(".problem")).to_contain_text("The server does not answer", timeout=SECONDS)
    expect(row).to_be_visible()
