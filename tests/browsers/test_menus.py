"""What opens over a page and shuts again: the command palette, and the menu of a run in the list."""

from __future__ import annotations

import pytest

from tests.browsers.tab import Tab
from tests.support.installation import Installation
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

BOX = "Search runs, tasks and pages"


def test_the_palette_finds_a_run_by_a_part_of_its_task(ann: Tab, installation: Installation) -> None:
    run_id = installation.send("demo.nap", seconds=0)
    ann.press("Control", "k")
    ann.focused(BOX)
    ann.type("nap")
    # Escape shuts it, whatever was written.
    ann.press("Escape")
    ann.miss(".palette")
    ann.press("Control", "k")
    ann.focused(BOX)
    assert ann.value(BOX) == ""
    ann.type("mo.na")
    ann.see(".palette [role=option][aria-selected=true]", run_id[:8])
    ann.press("Enter")
    ann.at(f"/runs/{run_id}")
    # Its own key shuts it as well.
    ann.see(".connection", "Ended")
    ann.press("Control", "k")
    ann.see(".palette")
    ann.press("Control", "k")
    ann.miss(".palette")


def test_the_menu_of_a_run_opens_and_shuts(ann: Tab, installation: Installation) -> None:
    producer = Producer(installation.store)
    row = f"tr[data-run='{producer.run_id}']"
    ann.click(f"{row} summary")
    ann.see(f"{row} .menu button", "Copy id")
    ann.press("Escape")
    ann.miss(".menu")
    ann.until("return document.activeElement === document.querySelector(arguments[0])", f"{row} summary")
    # By keys, and a click elsewhere shuts it.
    ann.press("Enter")
    ann.see(f"{row} .menu")
    ann.press("ArrowDown")
    ann.until("return document.activeElement.innerText === 'Open'")
    ann.click("h1", "Runs")
    ann.miss(".menu")
    ann.click(f"{row} summary")
    ann.click(f"{row} .menu a", "Open")
    ann.at(f"/runs/{producer.run_id}")
    producer.end()
