"""The page's server cannot be reached any more, because a port-forward has ended: which command to run again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened
from tests.support.relay import Producer
from tests.support.waiting import stays

pytestmark = pytest.mark.browser

COMMAND = "kubectl -n ci port-forward service/runtail {port}:80"


def told(site: Site) -> str:
    """Tell the web service a command; return it as the page has it."""
    site.web.configure(port_forward_command=COMMAND)
    site.web.restart()
    return COMMAND.replace("{port}", str(site.web.port))


def lose(site: Site, complaints: Complaints) -> None:
    """What ends with a port-forward: every way to both services."""
    complaints.expect("net::ERR")
    complaints.expect("WebSocket connection")
    site.web.process.kill()
    site.relay.process.kill()


@pytest.mark.parametrize("place", ["run", "list"])
def test_says_what_to_run_again_and_goes_on(
    site: Site, open_page: OpenPage, complaints: Complaints, place: str
) -> None:
    command = told(site)
    producer = Producer(site.store)
    numbered(producer, 100)
    page = opened(site, open_page, producer) if place == "run" else open_page(f"{site.web.url}/")
    expect(page.locator(".connection.connected")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".forward .note")).to_have_count(0)
    lose(site, complaints)
    found = page.locator(".forward .note")
    expect(found).to_contain_text("The server cannot be reached", timeout=SECONDS)
    expect(found.locator("code")).to_have_text(command)
    found.get_by_role("button", name="Copy").click()
    expect(found.get_by_role("button", name="Copied")).to_be_visible()
    numbered(producer, 10)
    site.web.start()
    site.relay.restart()
    site.relay.wait_until_ready()
    expect(page.locator(".connection.connected")).to_be_visible(timeout=SECONDS)
    expect(found).to_have_count(0)
    if place == "run":
        expect(page.locator("#L110 .text")).to_have_text("row 110", timeout=SECONDS)


def test_a_relay_that_is_gone_alone_is_no_port_forward(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    told(site)
    producer = Producer(site.store)
    numbered(producer, 10)
    page = opened(site, open_page, producer)
    complaints.expect("WebSocket connection")
    site.relay.process.kill()
    expect(page.locator(".connection")).to_contain_text(re.compile("Connection lost|over HTTP"), timeout=SECONDS)
    stays(lambda: page.locator(".forward .note").count() == 0, 6)


def test_nothing_is_said_without_a_command(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    producer = Producer(site.store)
    numbered(producer, 10)
    page = opened(site, open_page, producer)
    lose(site, complaints)
    expect(page.locator(".connection")).to_contain_text("Connection lost", timeout=SECONDS)
    stays(lambda: page.locator(".forward").count() == 0, 6)
