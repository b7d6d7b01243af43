"""The list while runs go on: what they wrote last and how far they are; several at once; the menu of a row."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from runtail.protocol import OUTPUT, RunState
from runtail.runs.record import read_run
from tests.browser.conftest import Complaints, OpenPage, Site
from tests.support.relay import Producer, now_ms

pytestmark = pytest.mark.browser

SECONDS = 20_000


def running(site: Site, task: str, *, minutes: int = 0) -> Producer:
    """A run that is going on, begun so many minutes ago."""
    producer = Producer(site.store)
    keys, began = site.store.keys, now_ms() - minutes * 60_000
    fields: dict[Any, Any] = {"task": task, **dict.fromkeys(("created_ms", "started_ms", "first_started_ms"), began)}
    site.store.client.hset(keys.run(producer.run_id), mapping=fields)
    site.store.client.zadd(keys.runs(), {producer.run_id: began})
    return producer


def write(producer: Producer, output: bytes) -> None:
    producer.writer.add(OUTPUT, output, now_ms())
    producer.writer.flush()


def row_of(page: Page, producer: Producer) -> Locator:
    return page.locator("tr", has_text=producer.run_id)


def test_running_runs_show_what_they_write_and_how_far_they_are(site: Site, open_page: OpenPage) -> None:
    producer, silent = running(site, "a.task"), running(site, "b.silent", minutes=3)
    for minutes in (60, 90):
        old = running(site, "b.silent", minutes=minutes)
        old.end()
        site.store.client.hset(site.store.keys.run(old.run_id), "finished_ms", now_ms() - (minutes - 12) * 60_000)
    write(producer, b"first\n\x1b[32mstep 1\x1b[0m of 8\n")
    page = open_page(site.web.url)
    row, other = row_of(page, producer), row_of(page, silent)
    expect(row.locator(".tells")).to_contain_text("step 1 of 8", timeout=SECONDS)
    expect(row.locator(".meter")).to_have_count(0)
    # One that says nothing is compared with those before it.
    expect(other.locator(".tells")).to_contain_text("no output yet")
    expect(other.locator(".took")).to_have_text(re.compile(r"^3:\d\d of ~12:00"))
    expect(other.get_by_role("img")).to_have_attribute("aria-label", "Usually takes 12 min")
    write(producer, b"loaded 40% <b>\n")
    expect(row.locator(".tells")).to_contain_text("loaded 40% <b>", timeout=SECONDS)
    expect(row.get_by_role("img")).to_have_attribute("aria-label", "40 per cent")
    live = {"rev": 1, "line": producer.writer.line, "text": "half", "progress": {"value": 0.5, "text": ""}}
    producer.writer.flush(live=live)
    expect(row.locator(".tells")).to_contain_text("half", timeout=SECONDS)
    expect(row.get_by_role("img")).to_have_attribute("aria-label", "50 per cent")
    producer.end()
    expect(row.locator(".tells")).to_contain_text("done", timeout=SECONDS)
    expect(row.locator(".meter")).to_have_count(0)


def test_only_what_is_running_in_view_is_asked_for(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("500")
    above = running(site, "a.above")
    for minutes in range(20):
        running(site, f"t.{minutes:02}", minutes=minutes + 1).end()
    below = running(site, "z.below", minutes=60)
    for producer in (above, below):
        write(producer, b"said\n")
    page = open_page("about:blank")
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/run-lines?" in request.url:
            asked.append(request.url)

    page.on("request", note)
    page.goto(site.web.url)
    expect(row_of(page, above).locator(".tells")).to_contain_text("said", timeout=SECONDS)
    assert not any(below.run_id in url for url in asked)
    row_of(page, below).scroll_into_view_if_needed()
    expect(row_of(page, below).locator(".tells")).to_contain_text("said", timeout=SECONDS)
    # What is known stays when the server fails, and is brought up to date when it answers again.
    failed: list[Route] = []

    def fail(route: Route) -> None:
        failed.append(route)
        route.fulfill(status=500, content_type="application/json", body="{}")

    page.route(re.compile("/run-lines"), fail)
    write(below, b"more\n")
    page.wait_for_event("response", lambda answer: answer.status == 500, timeout=SECONDS)
    expect(row_of(page, below).locator(".tells")).to_contain_text("said")
    page.unroute(re.compile("/run-lines"))
    expect(row_of(page, below).locator(".tells")).to_contain_text("more", timeout=SECONDS)


def test_several_are_marked_watched_and_cancelled(site: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("409")
    producers = [running(site, f"t.{number}", minutes=number) for number in range(4)]
    page = open_page(site.web.url)
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(4, timeout=SECONDS)
    ids = [producer.run_id for producer in producers]
    wanted = "&".join(f"run={run_id}" for run_id in ids)
    expect(page.get_by_role("link", name="Watch 4 running")).to_have_attribute("href", f"/watch?{wanted}")
    bar = page.get_by_role("region", name="Marked runs")
    expect(bar).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bar).to_contain_text("1 marked")
    boxes.nth(2).click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 marked")
    page.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(bar.get_by_role("link", name="Watch")).to_have_attribute("href", f"/watch?run={ids[0]}&run={ids[1]}")
    boxes.nth(2).check()
    bar.get_by_role("button", name="Cancel 3 running").click()
    dialog = page.get_by_role("dialog")
    for number in range(3):
        expect(dialog).to_contain_text(f"t.{number}")
    expect(dialog.get_by_role("button", name="Keep them running")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert all(read_run(site.store, run_id).json("cancel") is None for run_id in ids)
    # One that ends meanwhile cannot be cancelled any more, and is named.
    bar.get_by_role("button", name="Cancel 3 running").click()
    producers[1].end()
    dialog.get_by_role("button", name="Yes, cancel 3 runs").click()
    expect(dialog).to_contain_text("1 of 3 could not be cancelled", timeout=SECONDS)
    expect(dialog.get_by_role("alert")).to_contain_text("t.1")
    dialog.get_by_role("button", name="Close").click()
    expect(bar).to_contain_text("1 marked")
    for number in (0, 2):
        assert read_run(site.store, ids[number]).json("cancel")["why"] == ""
        expect(row_of(page, producers[number])).to_contain_text("cancelling")
    assert read_run(site.store, ids[3]).json("cancel") is None


def test_the_menu_of_a_row(site: Site, open_page: OpenPage) -> None:
    producer = running(site, "a.task")
    page = open_page(site.web.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.web.url)
    row = row_of(page, producer)
    opener, menu = row.locator(".more summary"), row.locator(".menu")
    opener.click(timeout=SECONDS)
    expect(menu.locator("a, button")).to_have_text(
        ["Open", "Watch", "Copy link", "Copy id", "Tell me when it ends", "Run again with changes…", "Cancel…"]
    )
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Open")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(menu.get_by_role("button", name="Cancel…")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    menu.get_by_role("button", name="Copy id").click()
    expect(page.locator("[role=status]", has_text="Id copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == producer.run_id
    opener.click()
    menu.get_by_role("button", name="Copy link").click()
    expect(page.locator("[role=status]", has_text="Link copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == site.run_page(quote(producer.run_id))
    opener.click()
    menu.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel a.task?")
    dialog.get_by_role("button", name="Yes, cancel the run").click()
    expect(row).to_contain_text("cancelling", timeout=SECONDS)
    expect(dialog).to_have_count(0)
    producer.end()
    expect(row).to_contain_text("succeeded", timeout=SECONDS)
    opener.click()
    expect(menu.locator("a, button")).to_have_text(
        ["Open", "Watch", "Copy link", "Copy id", "Retry", "Run again with changes…"]
    )


def test_the_reason_of_a_failed_run_leads_to_its_line(site: Site, open_page: OpenPage) -> None:
    producer = running(site, "a.task")
    producer.write(40)
    producer.writer.end(RunState.FAILED, "ValueError: no", t_ms=now_ms(), exit_status=1, why_line=33)
    page = open_page(site.web.url)
    page.get_by_role("link", name="ValueError: no · line 33").click(timeout=SECONDS)
    page.wait_for_url(f"{site.run_page(producer.run_id)}#L33")
    expect(page.locator(".row.marked")).to_contain_text("line 33 of the log", timeout=SECONDS)
