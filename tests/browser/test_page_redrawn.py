"""Rows that are drawn again, and lines with something to tell, on the page."""

import functools
import re

import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, opened, tell, write
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def live(producer: Producer, revision: int, *rows: str, progress: dict[str, object] | None = None) -> None:
    """As the shipper tells of rows that are not stored."""
    told = {"rev": revision, "line": producer.count + 1, "text": rows[-1], "progress": progress}
    producer.writer.flush(live={**told, "rows": list(rows)} if len(rows) > 1 else told)


def expect_live(page: Page, *rows: str) -> None:
    expect(page.locator(".row.live .text")).to_have_text(list(rows), timeout=SECONDS)


def has_copied(page: Page, text: str) -> bool:
    return bool(page.evaluate("globalThis.copied") == text)


def test_rows_change_in_place_and_become_lines(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "pulling", "a: waiting", "b: waiting")
    page = opened(site, open_page, producer)
    live(producer, 1, "a: 10 %", "b: 20 %")
    expect_live(page, "a: 10 %", "b: 20 %")
    tops = [row.bounding_box() for row in page.locator(".row.live").all()]
    assert tops[0] is not None
    assert tops[1] is not None
    assert tops[0]["y"] < tops[1]["y"]
    live(producer, 2, "\x1b[32ma: done\x1b[0m", "b: 90 %", "c: new")
    expect_live(page, "a: done", "b: 90 %", "c: new")
    expect(page.locator(".row.live .text").first.locator("span")).to_have_attribute("style", re.compile("color"))
    live(producer, 3, "b: 95 %")
    expect_live(page, "b: 95 %")
    tell(producer, events.REDRAWN, **{"from": 2, "to": 3})
    write(producer, "a: done", "b: done")
    expect(page.locator("#L5 .text")).to_have_text("b: done", timeout=SECONDS)
    expect(page.locator(".row.live")).to_have_count(0)
    expect(page.locator(".row.event .text", has_text="redrawn")).to_have_text(
        "Lines 2-3 were redrawn; what they show now follows"
    )


def test_the_progress_stands_once_with_rows_and_stays_when_they_are_stored(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "begin")
    page = opened(site, open_page, producer)
    live(producer, 1, "one", "two", progress={"value": 0.5, "text": "half"})
    expect(page.locator(".row.live")).to_have_count(2, timeout=SECONDS)
    expect(page.locator(".row.live progress")).to_have_count(1)
    write(producer, "one", "two")
    expect(page.locator(".row.live")).to_have_count(1, timeout=SECONDS)
    expect(page.locator(".row.live .text")).to_have_text(re.compile("half"))


def test_errors_and_warnings_are_rows_and_no_raw_text(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "begin", "::error::the disk \x1b[1mis full\x1b[0m", "::warning::slow", "says ::error::no")
    tell(producer, events.ERROR, text="the disk is full", line=2)
    tell(producer, events.WARNING, text="slow", line=3)
    page = opened(site, open_page, producer, "#L1")
    expect(page.locator("#L2.error .text")).to_have_text("Error: the disk is full", timeout=SECONDS)
    expect(page.locator("#L3.warning .text")).to_have_text("Warning: slow")
    expect(page.locator("#L4 .text")).to_have_text("says ::error::no")
    colours = [
        page.locator(f"#L{line} .text > :first-child").evaluate("e => getComputedStyle(e).color") for line in (2, 3)
    ]
    assert len(set(colours)) == 2
    # What is copied is what the line says, as it was written.
    page.evaluate(
        """() => document.addEventListener("copy", (event) => {
            globalThis.copied = event.clipboardData.getData("text/plain");
        })"""
    )
    for begin, copied in (("disk", "disk"), ("Error", "::error::the disk")):
        page.evaluate(
            """(begin) => {
                const find = (word) => {
                    const walk = document.createTreeWalker(document.querySelector("#L2 .text"), NodeFilter.SHOW_TEXT);
                    let node;
                    while ((node = walk.nextNode())) {
                        if (node.data.includes(word)) return [node, node.data.indexOf(word)];
                    }
                };
                const range = document.createRange();
                range.setStart(...find(begin));
                const [last, at] = find("disk");
                range.setEnd(last, at + 4);
                getSelection().removeAllRanges();
                getSelection().addRange(range);
            }""",
            begin,
        )
        page.keyboard.press("Control+c")
        wait_for(functools.partial(has_copied, page, copied), 20, lambda: page.evaluate("globalThis.copied"))
    # So is what linters write for other programs to read, wherever it is selected.
    write(producer, "::error file=a%2Cb.py,line=7,title=E501::too long%0Asee 50%25", "after")
    tell(producer, events.ERROR, text="a,b.py:7: E501: too long\nsee 50%", line=5)
    expect(page.locator("#L5.error .text")).to_have_text("Error: a,b.py:7: E501: too long ⏎ see 50%", timeout=SECONDS)
    # A hit in what follows the word is marked where it is.
    page.locator(".log").press("/")
    page.locator(".find input[type=search]").fill("full")
    expect(page.locator("#L2 mark")).to_have_text("full", timeout=SECONDS)
    hits = {"see 50": "see 50", "long%0Asee": "long ⏎ see", "line=7": "Error: a,b.py:7: E501: "}
    for wanted, marked in hits.items():
        page.locator(".find input[type=search]").fill(wanted)
        expect(page.locator("#L5 mark")).to_have_text(marked, timeout=SECONDS)
