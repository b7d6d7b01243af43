"""Several runs beside each other: each follows by itself, has the keys when it is looked at, and can be closed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from runtail.runs.claim import Claimed, Delivery, claim
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

SECONDS = 20_000


def pane(page: Page, run_id: str) -> Locator:
    """The pane of a run."""
    return page.locator(f".pane[data-run='{run_id}']")


def test_two_live_runs_beside_each_other(site: Site, open_page: OpenPage) -> None:
    one, other = Producer(site.store), Producer(site.store)
    one.write(200)
    other.write(3)
    sockets: list[WebSocket] = []
    page = open_page("about:blank")

    def on_socket(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", on_socket)
    page.goto(f"{site.web.url}/watch?run={one.run_id}&run={other.run_id}")
    first, second = pane(page, one.run_id), pane(page, other.run_id)
    expect(first.locator("#L200")).to_be_visible()
    expect(second.locator("#L3")).to_be_visible()
    expect(page.locator(".connection")).to_have_text("Live")
    expect(first.locator(".following")).to_be_visible()
    expect(page).to_have_title(re.compile("^2 running"))
    assert first.bounding_box()["y"] == second.bounding_box()["y"]  # type: ignore[index]
    page.get_by_role("button", name="Stacked").click()
    assert first.bounding_box()["x"] == second.bounding_box()["x"]  # type: ignore[index]

    # Keys go to the pane that has the focus.
    second.locator(".log").focus()
    page.keyboard.press("f")
    expect(second.get_by_role("button", name="Follow")).to_be_visible()
    expect(first.locator(".following")).to_be_visible()
    page.keyboard.press("f")
    page.keyboard.press("1")
    expect(first.locator(".log")).to_be_focused()
    page.keyboard.press("/")
    first.get_by_label("Find in the log").fill(one.line(7).decode())
    expect(first.locator("#L7.current")).to_be_visible()
    expect(first.locator(".following")).to_have_count(0)
    page.keyboard.press("Escape")
    assert second.get_by_role("toolbar").count() == 0

    # The other one follows meanwhile, and ends.
    other.write(100)
    other.end()
    expect(second.locator("#L103")).to_be_visible()
    expect(second.locator(".verdict.ok")).to_have_text(re.compile("complete: 103 lines, verified$"), timeout=SECONDS)
    expect(second.locator(".chip")).to_have_text("succeeded")
    expect(first.locator(".chip")).to_have_text("running")
    expect(page).to_have_title(re.compile("^1 running, 1 succeeded"))

    # What is closed is not in the address any more, and nothing more is asked for it.
    second.get_by_role("button", name="Close this pane").click()
    expect(second).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"/watch\?run={one.run_id}$"))
    page.reload()
    expect(page.locator(".pane")).to_have_count(1)
    expect(first.locator("#L200")).to_be_visible()
    # The layout is remembered; and one connection carries all panes.
    expect(page.get_by_role("button", name="Stacked")).to_have_attribute("aria-pressed", "true")
    assert len(sockets) == 2, "one before the page was loaded again, one after"


def test_runs_that_match_join_while_there_is_room(site: Site, open_page: OpenPage) -> None:
    page = open_page(f"{site.web.url}/watch?state=running")
    panes = page.locator(".pane")
    expect(page.locator(".nothing")).to_contain_text("No run matches state running")
    first = Producer(site.store)
    first.write(1)
    expect(pane(page, first.run_id).locator("#L1")).to_be_visible()
    # Who has ended stays to be read.
    first.end()
    expect(pane(page, first.run_id).locator(".chip")).to_have_text("succeeded")
    others = [Producer(site.store) for _ in range(6)]
    expect(panes).to_have_count(6)
    expect(panes.first).to_have_attribute("data-run", first.run_id)
    more = page.get_by_role("status").filter(has_text="more run")
    expect(more).to_contain_text("1 more run matches")
    panes.first.get_by_role("button", name="Close this pane").click()
    expect(more).to_have_count(0)
    for other in others:
        expect(pane(page, other.run_id)).to_be_visible()


def test_what_cannot_be_shown_is_said(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404")
    producer = Producer(site.store)
    producer.write(2)
    producer.end()
    page = open_page(f"{site.web.url}/watch?run=nowhere&run={producer.run_id}")
    expect(pane(page, "nowhere").get_by_role("alert")).to_contain_text("There is no such run")
    expect(pane(page, producer.run_id).locator(".verdict.ok")).to_be_visible()
    many = "&".join(f"run=r{number}" for number in range(8))
    page.goto(f"{site.web.url}/watch?{many}")
    expect(page.locator(".pane")).to_have_count(6)
    expect(page.get_by_role("status").filter(has_text="The address names 8 runs")).to_be_visible()
    page.goto(f"{site.web.url}/watch")
    expect(page.locator(".nothing")).to_contain_text("No run is chosen")


def test_a_family_is_shown_as_a_tree_and_watched(site: Site, open_page: OpenPage) -> None:
    top = Producer(site.store)
    top.write(1)

    def called(run_id: str, parent: str) -> None:
        delivery = Delivery(run_id, f"tests.{run_id}", "test@here", parent=parent, root=top.run_id)
        assert isinstance(claim(site.store, delivery, owner="o", token=run_id), Claimed)

    called("step-1", top.run_id)
    called("step-2", "step-1")
    page = open_page(site.run_page("step-2"))
    family = page.locator(".family")
    entries = family.locator("a[href*='/runs/']")
    expect(entries).to_have_text([re.compile("tests.write$"), re.compile("tests.step-1$"), re.compile("tests.step-2$")])
    expect(entries.last).to_have_attribute("aria-current", "page")
    expect(family.get_by_text("running")).to_have_count(3)
    family.get_by_role("link", name="Watch all").click()
    expect(page.locator(".pane")).to_have_count(3)
    expect(page.locator(".pane").first).to_have_attribute("data-run", top.run_id)
    # The next of them joins when it begins.
    called("step-3", "step-2")
    expect(pane(page, "step-3")).to_be_visible()
