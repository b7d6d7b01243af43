"""The log of a run: following it, finding in it, links to its lines, copying."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtail.protocol import OUTPUT
from tests.browsers.tab import Tab
from tests.support.installation import Installation
from tests.support.relay import Producer, now_ms

pytestmark = pytest.mark.browser

#: The number of the last line that can be seen.
LAST = """
    const port = document.querySelector(".viewport")?.getBoundingClientRect();
    const seen = [...document.querySelectorAll(".row.line")].filter((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return bottom > port.top && top < port.bottom;
    });
    return Math.max(0, ...seen.map((row) => Number(row.querySelector(".number").textContent)));
"""

#: Whether a line is within the window, and marked.
MARKED = """
    const row = document.querySelector(`#L${arguments[0]}.marked`);
    const port = document.querySelector(".log").getBoundingClientRect();
    const { top, bottom } = row?.getBoundingClientRect() ?? { top: NaN, bottom: NaN };
    return top >= port.top && bottom <= port.bottom;
"""


@pytest.fixture
def long(ann: Tab, installation: Installation) -> Producer:
    """A run of 20,000 lines that goes on; its page loads some of them."""
    producer = Producer(installation.store)
    for first in range(1, 20_001, 500):
        payload = "".join(f"row {number}\n" for number in range(first, first + 500))
        producer.writer.add(OUTPUT, payload.encode(), now_ms())
        producer.writer.flush()
    return producer


def opened(tab: Tab, producer: Producer, link: str = "") -> None:
    """Open the page of the run, and wait until there are lines."""
    tab.open(f"/runs/{producer.run_id}{link}")
    tab.see(".row.line:not(.hole)")
    tab.see(".connection", "Live")


def after(line: int) -> str:
    """Whether a later line than this one can be seen."""
    return f"return (() => {{ {LAST} }})() > {line};"


def test_a_log_is_followed_until_its_end(ann: Tab, installation: Installation) -> None:
    producer = Producer(installation.store)
    producer.write(500)
    opened(ann, producer)
    producer.start(lines_per_second=100)
    for _ in range(3):
        ann.until(after(ann.look(LAST) + 50))
    # Who reads further up stays there, and is told of new lines.
    ann.click(".log")
    ann.press("Home")
    ann.until("return (() => {" + LAST + "})() < 200;")
    top = ann.look(LAST)
    ann.see("button.follow", "new lines")
    assert ann.look(LAST) == top
    ann.click("button.follow")
    ann.until(after(500))
    ann.miss("button.follow")
    producer.stop()
    ann.see("h1 .chip", "succeeded")
    ann.see(".verdict.ok", f"{producer.count:,} lines, verified")
    ann.see(f"#L{producer.count}", producer.line(producer.count).decode())


def test_a_relay_that_comes_back_is_followed_again(ann: Tab, installation: Installation) -> None:
    producer = Producer(installation.store)
    producer.write(10)
    opened(ann, producer)
    ann.expected.append("WebSocket")
    ann.expected.append("Web Socket")
    installation.relay.process.kill()
    ann.see(".connection", "The lines up to 10 are still here.")
    producer.write(10)
    installation.relay.start()
    ann.see("#L20", "line 20")
    ann.see(".connection", "Live")
    producer.end()
    ann.see(".verdict.ok", "20 lines, verified")


def test_text_is_found_in_lines_that_are_not_loaded(ann: Tab, long: Producer) -> None:
    opened(ann, long)
    ann.click(".log")
    ann.press("/")
    ann.focused("Find in the log")
    ann.type("ROW 77")
    ann.see(".found", "of 111 · searched all lines")
    ann.press("Enter")
    first = ann.see(".row.current .number")
    assert ann.see(".row.current mark") == "row 77"
    ann.press("Shift", "Enter")
    ann.until("return document.querySelector('.row.current .number').innerText !== arguments[0]", first)
    ann.fill("Find in the log", "row 77$")
    ann.tick(".*")
    ann.see(".found", "hit 1 of 1 · searched all lines")
    ann.see("#L77.current mark", "row 77")
    ann.click("button[aria-label='Close']")
    ann.miss("mark")
    # The browser's own key leads there as well.
    ann.press("Control", "f")
    ann.focused("Find in the log")
    ann.press("Escape")
    ann.miss("input[type=search]")


def test_a_link_leads_to_its_lines(ann: Tab, long: Producer) -> None:
    opened(ann, long, "#L10000")
    ann.until(MARKED, 10_000)
    ann.see("#L10000", "row 10000")
    # The link of another line in the same page.
    ann.look("location.hash = '#L15000-L15002'")
    for line in (15_000, 15_001, 15_002):
        ann.until(MARKED, line)
    ann.see(".marking", "Lines 15000-15002")
    # A number is a link; with Shift it makes a range. (A row is drawn again when its text comes.)
    for line in (15_004, 15_006):
        ann.see(f"#L{line} .text", f"row {line}")
    ann.click("#L15004 .number")
    ann.at(f"/runs/{long.run_id}#L15004")
    ann.click("#L15006 .number", shift=True)
    ann.at(f"/runs/{long.run_id}#L15004-L15006")
    ann.until("return document.querySelectorAll('.row.marked').length === 3")
    assert ann.look("return getSelection().toString()") == ""
    ann.press("Escape")
    ann.at(f"/runs/{long.run_id}")


def pasted(tab: Tab) -> str:
    """What is in the clipboard: it is pasted into the field that finds text."""
    tab.press("Control", "f")
    tab.focused("Find in the log")
    tab.look(
        """delete window.pasted;
        document.addEventListener("paste", (event) => {
            window.pasted = event.clipboardData.getData("text/plain");
            event.preventDefault();
        }, { capture: true, once: true });"""
    )
    tab.press("Control", "v")
    text = tab.until("return window.pasted")
    tab.press("Escape")
    tab.miss("input[type=search]")
    return str(text)


def test_links_and_lines_are_copied(ann: Tab, long: Producer) -> None:
    opened(ann, long, "#L10000-L10001")
    ann.click(".marking button", "Copy link")
    ann.see(".said", "copied")
    assert pasted(ann) == f"{ann.site}/runs/{long.run_id}#L10000-L10001"
    ann.click(".marking button", "Copy text")
    ann.see(".said", "2 lines copied")
    assert pasted(ann) == "row 10000\nrow 10001"


def test_lines_that_are_not_loaded_are_copied(ann: Tab, long: Producer) -> None:
    opened(ann, long, "#L1-L15000")
    ann.click(".marking button", "Copy text")
    ann.see(".said", "15,000 lines copied")
    assert pasted(ann) == "\n".join(f"row {number}" for number in range(1, 15_001))


def test_keys_walk_through_the_log(ann: Tab, long: Producer) -> None:
    walk: list[tuple[str, Callable[[], object]]] = [
        ("Home", lambda: ann.see("#L1", "row 1")),
        ("PageDown", lambda: ann.until("return (() => {" + LAST + "})() > 40;")),
        ("End", lambda: ann.see("#L20000", "row 20000")),
    ]
    opened(ann, long)
    ann.click(".log")
    for key, seen in walk:
        ann.press(key)
        seen()
