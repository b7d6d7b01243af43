"""The page with the audit log: what it shows, its filters, its looks, and that whatever stands there is text."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from runtail.access.principal import Grant, Principal
from runtail.auth.audit import Audit
from runtail.auth.audit_entry import Entry
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.browser.looks import overflows, violations
from tests.browser.watched import Watched, no_more_than
from tests.support.hostile import CORPUS, Hostile, seen_as_name
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

SECONDS = 20_000
ANN = Principal("user", "user:ann", "Ann", frozenset((Grant(frozenset()),)))
BOB = Principal("user", "user:bob", "Bob", frozenset((Grant(frozenset()),)))
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@pytest.fixture
def audit(site: Site) -> Iterator[Audit]:
    """What writes entries to the site's store, which has that of the service's start already."""
    made = Audit(site.store, write=lambda _: None)
    wait_for(lambda: site.store.client.xlen(site.store.keys.audit()) == 1, 20)
    yield made
    made.stop()


def fill(audit: Audit, site: Site, count: int) -> None:
    """Let Ann start so many runs, named 1, 2, 3..."""
    for number in range(1, count + 1):
        audit.record("run-start", principal=ANN, address="10.1.2.3", agent=AGENT, run=str(number), task="build.image")
    wait_for(lambda: site.store.client.xlen(site.store.keys.audit()) == count + 1, 20)


def test_entries_say_who_did_what(site: Site, open_page: OpenPage, audit: Audit, complaints: Complaints) -> None:
    # The run that is opened at the end was never there.
    complaints.expect("404")
    fill(audit, site, 1)
    page = open_page(f"{site.web.url}/audit")
    expect(page).to_have_title("Audit log · Runtail")
    rows = page.locator(".audit tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Start of a run")
    expect(rows.first).to_contain_text("build.image 1")
    expect(rows.first).to_contain_text("Ann")
    expect(rows.first).to_contain_text("user:ann")
    expect(rows.first).to_contain_text("10.1.2.3")
    expect(rows.last).to_contain_text("Service started")
    # A denial comes from somebody who is refused; without a login only the relay and the log-in know such people.
    for _ in range(3):
        audit.record("denied", principal=BOB, run="1", task="build.image", right="run:delete")
    audit.stop()
    page.get_by_role("button", name="Refresh").click()
    denied = page.locator(".audit tbody tr", has_text="× 2")
    expect(denied).to_contain_text("Denied")
    expect(denied).to_contain_text("right: run:delete")
    expect(denied).to_contain_text("Bob")
    page.locator(".audit tbody tr", has_text="Ann").get_by_role("link").click()
    page.wait_for_url(site.run_page("1"))


def test_the_list_links_to_it_for_those_who_may_read_it(
    site: Site, open_page: OpenPage, context: BrowserContext
) -> None:
    page = open_page(site.web.url)
    page.get_by_role("link", name="Audit log").click()
    page.wait_for_url(f"{site.web.url}/audit")
    # As the answer is for others.
    answers: list[Route] = []

    def lessen(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "rights": ["run:read"]})
        answers.append(route)

    context.route(re.compile("/api/v1/session$"), lessen)
    page = open_page(site.web.url)
    expect(page.locator("main")).to_contain_text("No runs yet.")
    expect(page.locator(".connection")).to_contain_text("Connected")
    wait_for(lambda: page.evaluate("1") and answers, 20)
    expect(page.get_by_role("link", name="Audit log")).to_have_count(0)


def test_filters_are_in_the_address(site: Site, open_page: OpenPage, audit: Audit) -> None:
    fill(audit, site, 3)
    audit.record("run-delete", "failed", principal=BOB, run="2", why="unknown-run")
    wait_for(lambda: site.store.client.xlen(site.store.keys.audit()) == 5, 20)
    page = open_page(f"{site.web.url}/audit")
    rows = page.locator(".audit tbody tr")
    expect(rows).to_have_count(5)
    page.get_by_label("Filter by event").select_option("Deletion of a run")
    expect(page).to_have_url(re.compile(r"/audit\?event=run-delete$"))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Deletion of a run failed")
    expect(rows).to_contain_text("unknown-run")
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("Filter by the id of a run").fill("2")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/audit\?run=2$"))
    expect(rows).to_have_count(2)
    page.get_by_label("Filter by who did it").fill("ann")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    page.reload()
    expect(page.get_by_label("Filter by who did it")).to_have_value("ann")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Ann")
    page.get_by_label("Filter by who did it").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.locator("main [role=status]")).to_contain_text("No entry matches.")
    page.get_by_role("button", name="Clear all filters").click()
    expect(page).to_have_url(re.compile(r"/audit$"))
    # With what was read meanwhile.
    expect(page.locator(".audit tbody tr", has_text="Audit log read").first).to_be_visible()


def test_older_entries_come_below(site: Site, open_page: OpenPage, audit: Audit) -> None:
    fill(audit, site, 120)
    page = open_page(f"{site.web.url}/audit?event=run-start")
    rows = page.locator(".audit tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Older entries").click()
    expect(rows).to_have_count(100)
    page.get_by_role("button", name="Older entries").click()
    expect(rows).to_have_count(120)
    expect(page.get_by_role("button", name="Older entries")).to_have_count(0)
    assert page.locator(".audit .row-link .id").all_text_contents() == [str(number) for number in range(120, 0, -1)]


def test_the_keyboard_is_enough(site: Site, open_page: OpenPage, audit: Audit, complaints: Complaints) -> None:
    # The run that is opened at the end was never there.
    complaints.expect("404")
    fill(audit, site, 2)
    page = open_page(f"{site.web.url}/audit?event=run-start")
    expect(page.locator(".audit tbody tr")).to_have_count(2)
    page.get_by_label("Filter by event").focus()
    order = []
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
    assert order == [
        "Filter by who did it", "Filter by the id of a run", "Filter by time", "Clear filters", "build.image 2",
        "build.image 1",
    ]  # fmt: skip
    page.keyboard.press("Enter")
    page.wait_for_url(site.run_page("1"))


def test_the_list_never_empties_on_an_error(
    site: Site, open_page: OpenPage, audit: Audit, complaints: Complaints
) -> None:
    complaints.expect("net::ERR_")
    fill(audit, site, 1)
    page = open_page(f"{site.web.url}/audit")
    expect(page.locator(".audit tbody tr")).to_have_count(2)
    site.web.process.kill()
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".problem")).to_contain_text("The server does not answer")
    expect(page.locator(".audit tbody tr")).to_have_count(2)


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A context in one theme whose pages let axe-core in."""
    with browser.new_context(bypass_csp=True, color_scheme=request.param, reduced_motion="reduce") as made:
        yield made


def test_looks(site: Site, audit: Audit, themed: BrowserContext) -> None:
    fill(audit, site, 3)
    long = "a-very-long-name-without-any-place-to-break-" * 5
    somebody = Principal("user", f"oidc:https://login.example/realms/acme:{long}", long, frozenset())
    audit.record("denied", principal=somebody, address="2001:db8::1:2:3:4", run=long, task=long, right="run:delete")
    audit.record("run-delete", "failed", principal=None, agent=long, why=long)
    wait_for(lambda: site.store.client.xlen(site.store.keys.audit()) == 6, 20)
    page = themed.new_page()
    for width, height in ((1440, 900), (1000, 700), (720, 900), (360, 740), (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{site.web.url}/audit?until=2099-01-01T00:00")
        expect(page.locator(".audit tbody tr").last).to_contain_text("Service started", timeout=SECONDS)
        assert violations(page) == [], width
        assert overflows(page) == [], width
        if width < 720:
            page.get_by_role("button", name="Filters (1)").click()
            expect(page.get_by_label("Filter by event")).to_be_visible()
            assert violations(page) == [], width
            assert overflows(page) == [], width


def test_whatever_stands_there_is_text(watched: Watched) -> None:
    store = watched.site.store

    def show(texts: Sequence[Hostile]) -> None:
        store.client.delete(store.keys.audit())
        for one in texts:
            # Past the cleaning of what we write ourselves: the store is not trusted.
            names = ("who_id", "address", "agent", "run", "task", "right", "why", "request")
            fields: dict[str, Any] = {**Entry(int(time.time() * 1000), "login", "ok").fields()}
            fields |= {**dict.fromkeys(names, one.text), "event": one.text, "outcome": one.text, "who": f"{one.text} "}
            store.client.xadd(store.keys.audit(), {"e": orjson.dumps(fields)})
        page = watched.open("/audit")
        rows = page.locator(".audit tbody tr")
        expect(rows).not_to_have_count(0, timeout=SECONDS)
        while rows.count() < len(texts):
            before = rows.count()
            page.get_by_role("button", name="Older entries").click()
            expect(rows).not_to_have_count(before, timeout=SECONDS)
        seen = {seen_as_name(one.text) for one in texts if one.text}
        for place in (".task", ".row-link .id", ".who .id", ".from .id"):
            assert seen <= set(page.locator(f".audit tbody {place}").all_text_contents()), place
        assert {f"right: {text}" for text in seen} | seen <= set(page.locator(".audit .why").all_text_contents())
        watched.look()

    no_more_than(watched, show, CORPUS)
