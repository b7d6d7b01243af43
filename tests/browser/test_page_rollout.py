"""A page that is loaded while the web service is being upgraded: its program is asked of the other version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.browser.conftest import Complaints, OpenPage, Site
from tests.support.built_pages import other_version
from tests.support.nginx import nginx_before
from tests.support.relay import Producer
from tests.support.services import Service
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

#: Of the page: more reloads than this in vain, and it says so.
RELOADS = 15
TRYING = "The web service may be in the middle of an upgrade. Retrying…"
GIVEN_UP = "If the web service is being upgraded, reload when the upgrade is done."


class Rollout:
    """Two web services behind one nginx: pages are one version's, and what they load is asked of the other.

    :param url: of the nginx.
    """

    def __init__(self, site: Site, folder: Path, key_prefix: str, redis_url: str, running: ExitStack) -> None:
        self._running = running
        self._settings = {"broker_url": redis_url, "key_prefix": key_prefix, "socket_url": site.relay.url}
        self._folder = folder
        sources = {"PYTHONPATH": str(other_version(folder))}
        self._other = running.enter_context(Service("web", folder, self._settings, sources))
        assets = f"location /static/assets/ {{ proxy_pass {self._other.url}; }}"
        # Of which the page's origin is compared.
        host = "proxy_set_header Host $http_host;"
        self.url = running.enter_context(nginx_before(site.web.url, folder, f"{host}\n{assets}"))

    def end(self) -> None:
        """Put our version where the other one was."""
        assert self._other.process.terminate(30) == 0
        ours = Service("web", self._folder, self._settings)
        ours.take_over(self._other)
        self._running.enter_context(ours)


@pytest.fixture
def rollout(site: Site, tmp_path: Path, key_prefix: str, redis_url: str, complaints: Complaints) -> Iterator[Rollout]:
    """A rollout that has not ended."""
    complaints.expect("404 (NOT FOUND)")
    complaints.expect("Refused to apply style")
    complaints.expect("502 (Bad Gateway)")
    # The relay does not know the nginx.
    complaints.expect("WebSocket connection")
    with ExitStack() as running:
        yield Rollout(site, tmp_path, key_prefix, redis_url, running)


def loads(page: Page) -> list[str]:
    """Return a list that grows each time a document is loaded."""
    found: list[str] = []

    def on_request(request: Request) -> None:
        if request.is_navigation_request():
            found.append(request.url)

    page.on("request", on_request)
    return found


def hurry(page: Page) -> None:
    """Make each wait of the page a hundredth of what it is."""
    page.add_init_script(
        "const wait = setTimeout; window.setTimeout = (work, ms, ...more) => wait(work, (ms ?? 0) / 100, ...more);"
    )


def expect_list(page: Page, run_id: str) -> None:
    """It is the list of runs, whole, and forgot what was."""
    # 8 px without a style.
    expect(page.locator("body")).to_have_css("margin-top", "0px")
    expect(page.locator("tr", has_text=run_id)).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)
    wait_for(lambda: page.evaluate("sessionStorage.getItem('runtail.reloads')") is None, 20)


def test_two_versions_know_their_own_program_only(site: Site, rollout: Rollout) -> None:
    page = httpx.get(rollout.url, timeout=20).text
    script = page.partition('<script type="module" src="')[2].partition('"')[0]
    assert httpx.get(f"{site.web.url}{script}", timeout=20).status_code == 200
    answer = httpx.get(f"{rollout.url}{script}", timeout=20)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_tries_again_until_the_rollout_has_ended(site: Site, rollout: Rollout, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    page = open_page(rollout.url)
    expect(page.get_by_role("alert")).to_contain_text("This page could not load /static/assets/list-")
    expect(page.get_by_role("alert")).to_contain_text(TRYING)
    for _again in range(2):
        page.wait_for_event("load", timeout=60_000)
    rollout.end()
    expect_list(page, producer.run_id)


def test_says_what_is_wrong_when_it_does_not_come(
    site: Site, rollout: Rollout, open_page: OpenPage, complaints: Complaints
) -> None:
    producer = Producer(site.store)
    producer.write(3)
    producer.end()
    page = open_page("about:blank")
    hurry(page)
    seen = loads(page)
    page.goto(f"{rollout.url}/runs/{producer.run_id}")
    note = page.get_by_role("alert")
    expect(note).to_contain_text(GIVEN_UP, timeout=60_000)
    assert len(seen) == 1 + RELOADS
    note.get_by_role("link", name="The log as plain text").click()
    expect(page.locator("body")).to_contain_text("line 1")
    page.go_back()
    expect(note).to_contain_text(GIVEN_UP)
    rollout.end()
    note.get_by_role("button", name="Reload").click()
    expect(page.locator(".verdict")).to_contain_text("complete: 3 lines, verified")
    expect(note).to_have_count(0)


def test_a_style_that_does_not_come_is_tried_again(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404 (Not Found)")
    producer = Producer(site.store)
    page = open_page("about:blank")
    left = [404, 404]

    def style(route: Route) -> None:
        if left:
            route.fulfill(status=left.pop(), content_type="text/plain", body="none of that name")
        else:
            route.continue_()

    page.route("**/static/assets/*.css", style)
    page.goto(site.web.url)
    expect(page.get_by_role("alert")).to_contain_text(".css. The web service may be in the middle of an upgrade")
    # The program came, and works meanwhile.
    expect(page.locator("tr", has_text=producer.run_id)).to_be_attached()
    expect_list(page, producer.run_id)
    assert left == []


def test_a_browser_that_keeps_no_count_does_not_reload_for_ever(
    context: BrowserContext, rollout: Rollout, open_page: OpenPage
) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    page = open_page("about:blank")
    hurry(page)
    seen = loads(page)
    page.goto(rollout.url)
    expect(page.get_by_role("alert")).to_contain_text(GIVEN_UP)
    assert len(seen) == 1
