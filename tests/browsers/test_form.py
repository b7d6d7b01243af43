"""The form that starts a task, and the run that it starts: watched live, and cancelled."""

from __future__ import annotations

from datetime import date

import pytest

from tests.browsers.tab import Tab
from tests.support.installation import Installation

pytestmark = pytest.mark.browser


def started(tab: Tab, installation: Installation, task: str) -> str:
    """Press the button; return the id of the run whose page comes."""
    tab.click("button", f"Start {task}")
    tab.until("return location.pathname.startsWith('/runs/')")
    return tab.address.rpartition("/")[2]


def test_every_kind_of_field(ann: Tab, installation: Installation) -> None:
    ann.click("button", "Start a run")
    ann.tick("Task")
    ann.type("load")
    ann.press("Enter")
    ann.see(".form", "Load one day of a region")
    # What is missing is said at its field, before anything is sent.
    ann.click("button", "Start etl.load")
    ann.see(".field.wrong", "is required")
    ann.focused("day")
    ann.fill_date("day", date(2026, 11, 22))
    ann.fill("shards", "99")
    ann.click("button", "Start etl.load")
    # The server's words.
    ann.see(".field.wrong", "must be at most 64")
    ann.focused("shards")
    ann.fill("shards", "8")
    ann.choose("region", "us")
    ann.fill("tables", "orders\nitems")
    ann.tick("check")
    ann.tick("dry_run")
    ann.fill("options", '{"retries": [1, null]}')
    ann.fill("token", "hunter2")
    run_id = started(ann, installation, "etl.load")
    assert installation.run(run_id).json("kwargs") == {
        "region": "us",
        "day": "2026-11-22",
        "shards": 8,
        "tables": ["orders", "items"],
        "steps": ["fetch", "check", "load"],
        "note": None,
        "dry_run": True,
        "options": {"retries": [1, None]},
        "token": "***",
    }
    # Its values are there the next time, its secret is not.
    ann.open("/")
    ann.click("button", "Start a run")
    ann.tick("Task")
    ann.type("load")
    ann.press("Enter")
    ann.until("return document.querySelector('#field-day')?.value === '2026-11-22'")
    assert ann.value("region") == "us"
    assert ann.value("token") == ""


def test_a_task_is_started_watched_and_listed(ann: Tab, installation: Installation) -> None:
    ann.open("/#start=demo.tail&lines=8&interval=0.5")
    ann.see(".form", "Filled in for you")
    assert ann.value("Task") == "demo.tail"
    run_id = started(ann, installation, "demo.tail")
    ann.see("h1 .chip", "running")
    for number in range(8):
        ann.see(".row", f"Task message {number}")
    ann.see("h1 .chip", "succeeded")
    ann.see(".verdict.ok", "8 lines, verified")
    ann.open("/")
    ann.see("tr.succeeded", run_id)
    # The same again: as this run was.
    ann.open(f"/runs/{run_id}")
    ann.click(".about summary", "More actions")
    ann.click("a", "Run again with changes…")
    ann.until("return document.querySelector('#field-lines')?.value === '8'")


def test_the_list_changes_while_it_is_looked_at(ann: Tab, installation: Installation) -> None:
    ann.see(".connection", "Connected")
    # Not the regular look: the relay's word comes sooner.
    run_id = installation.send("demo.nap", seconds=60)
    ann.see("tr.running", run_id)
    ann.click(f".runs a[href='/runs/{run_id}']")
    ann.see(".connection", "Live")
    ann.click("button", "Cancel")
    ann.see("dialog", "every process that it started")
    ann.until("return document.activeElement.innerText === 'Keep it running'")
    ann.press("Escape")
    ann.miss("dialog")
    ann.click("button", "Cancel")
    ann.click("dialog button", "Yes, cancel the run")
    ann.see("h1 .chip", "cancelled")
    ann.see(".connection", "Ended")
