"""The text of a line is one: page, plain text, search and copying agree, across the cuts of long lines as well."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import OUTPUT
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, numbered, opened, write
from tests.support.line_vectors import TEXTS
from tests.support.relay import Producer, now_ms
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

#: Puts what is copied into a variable.
TAKE = """() => document.addEventListener("copy", (event) => {
    globalThis.copied = event.clipboardData.getData("text/plain");
})"""

#: What is drawn as marks in a row, and where they begin: columns of its text. Marks side by side are one.
MARKS = """(text) => {
    const found = [];
    for (const mark of text.querySelectorAll("mark")) {
        const before = document.createRange();
        before.setStart(text, 0);
        before.setEndBefore(mark);
        const at = before.toString().length;
        const last = found[found.length - 1];
        if (last && last[0] + last[1].length === at) last[1] += mark.textContent;
        else found.push([at, mark.textContent]);
    }
    return found;
}"""


def search(site: Site, producer: Producer, q: str, **query: Any) -> dict[int, list[list[int]]]:
    """Lines with hits, as the server says it."""
    answer = httpx.get(f"{site.web.url}/api/v1/runs/{producer.run_id}/log/search", params={"q": q, **query}, timeout=30)
    found = [orjson.loads(line) for line in answer.text.splitlines()]
    return {one["line"]: one["spans"] for one in found if "line" in one}


def look_for(page: Page, text: str, *, regex: bool = False) -> None:
    """Look for something, and wait until all lines were looked at."""
    page.locator(".log").press("/")
    page.get_by_role("searchbox").fill(text)
    page.get_by_label(".*").set_checked(regex)
    expect(page.locator(".found")).to_contain_text("searched all lines", timeout=SECONDS)


def expect_marks(page: Page, found: dict[int, list[list[object]]]) -> None:
    """Wait until exactly this is marked in these lines; marks of the search before may still stand there."""

    def marked() -> dict[int, list[list[object]]]:
        return {line: page.locator(f"#L{line} .text").evaluate(MARKS) for line in found}

    wait_for(lambda: marked() == found, SECONDS, marked)


def stored_in_pieces(producer: Producer, *pieces: bytes) -> None:
    """Store a long line in pieces, each an entry of its own."""
    for piece in pieces[:-1]:
        producer.writer.add(OUTPUT, piece, now_ms(), continues=True)
        producer.writer.flush()
    producer.writer.add(OUTPUT, pieces[-1] + b"\n", now_ms())
    producer.writer.flush()


def test_page_plain_text_and_copy_are_the_same(site: Site, open_page: OpenPage) -> None:
    texts = {line: text for line, text in TEXTS.items() if text.strip() and len(text) < 200}
    producer = Producer(site.store)
    write(producer, *texts)
    producer.end()
    page = opened(site, open_page, producer, "#L1")
    page.set_viewport_size({"width": 1200, "height": 3000})
    expect(page.locator(f"#L{len(texts)} .text")).to_be_visible(timeout=SECONDS)
    shown = page.locator(".row.line .text").evaluate_all("(all) => all.map((one) => one.textContent)")
    assert shown == list(texts.values())
    page.evaluate(TAKE)
    page.evaluate("() => getSelection().selectAllChildren(document.querySelector('.rows'))")
    page.keyboard.press("Control+c")
    assert page.evaluate("() => globalThis.copied") == "\n".join(texts.values())
    page.goto(f"{site.run_page(producer.run_id)}/text")
    assert page.locator("pre span").evaluate_all("(all) => all.map((one) => one.textContent)") == shown


def test_what_is_found_is_marked_where_it_is_seen(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(
        producer,
        "one needle\r",
        "needle two\r",
        "30 % needl\rneedle",
        "ab\bneedle\x1b[K",
        "\x1b]0;needle in a title\x07\x1b[1mneed\x1b[22mle",
        "needlx\x1b[De",
        "needle\x1b[2Kgone",
        "日本\x1b[00Kneedle\x0f",
    )
    page = opened(site, open_page, producer, "#L1")
    look_for(page, "needle")
    expected = {1: 4, 2: 0, 3: 0, 4: 1, 5: 0, 6: 0, 8: 2}
    expect_marks(page, {line: [[expected[line], "needle"]] if line in expected else [] for line in range(1, 9)})
    assert search(site, producer, "needle") == {line: [[at, at + 6]] for line, at in expected.items()}
    look_for(page, "needle$", regex=True)
    expect(page.locator(".found")).to_contain_text("of 5")
    assert list(search(site, producer, "needle$", regex="true")) == [1, 4, 5, 6, 8]


def test_search_goes_over_the_cuts_of_a_long_line(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    # Characters of several bytes, and colours, around the cuts.
    stored_in_pieces(producer, "ä".encode() * 2_000 + b"\x1b[32mCROSS-", b"\x1b[0mINGS" + b"x" * 3_000, b"y" * 3_000)
    write(producer, "CROSS-", "INGS")
    assert search(site, producer, "cross-ings") == {2: [[2_000, 2_006]], 3: [[0, 4]]}
    assert search(site, producer, "cross-ings", direction="backward") == {3: [[0, 4]], 2: [[2_000, 2_006]]}
    # From a place between the pieces, too.
    assert search(site, producer, "cross-ings", **{"from": 3}) == {3: [[0, 4]]}
    assert search(site, producer, "cross-ings", direction="backward", **{"from": 2}) == {2: [[2_000, 2_006]]}
    assert search(site, producer, "^INGS$", regex="true") == {6: [[0, 4]]}
    assert search(site, producer, "xy+$", regex="true") == {3: [[3_003, 3_004]], 4: [[0, 3_000]]}
    page = opened(site, open_page, producer, "#L1")
    look_for(page, "cross-ings")
    expect(page.locator(".found")).to_contain_text("of 2")
    expect_marks(page, {2: [[2_000, "CROSS-"]], 3: [[0, "INGS"]]})
    # Too long for an expression in the page: the server says where.
    look_for(page, "cross-[a-z]{4}x", regex=True)
    expect(page.locator("#L3 mark")).to_have_text("INGSx", timeout=SECONDS)
    expect(page.locator(".found")).to_contain_text("of 2")
    expect_marks(page, {3: [[0, "INGSx"]]})


def test_an_address_goes_over_the_cut_of_a_long_line(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    stored_in_pieces(producer, b"." * 600 + b" see https://example.org/some", b"/where?a=(b) for more" + b"." * 600)
    page = opened(site, open_page, producer, "#L1")
    whole = "https://example.org/some/where?a=(b)"
    for line, part in ((1, "https://example.org/some"), (2, "/where?a=(b)")):
        expect(page.locator(f"#L{line} a.address")).to_have_text(part)
        expect(page.locator(f"#L{line} a.address")).to_have_attribute("href", whole)


def test_a_long_line_is_copied_as_one(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "before")
    stored_in_pieces(producer, b"a" * 5_000, b"b" * 5_000, b"c" * 10)
    numbered(producer, 5)
    page = opened(site, open_page, producer, "#L1")
    page.evaluate(TAKE)
    page.evaluate(
        """() => {
            const [from, to] = ["L1", "L4"].map((id) => document.getElementById(id).querySelector(".text"));
            getSelection().setBaseAndExtent(from, 0, to, 1);
        }"""
    )
    page.keyboard.press("Control+c")
    assert page.evaluate("() => globalThis.copied") == "before\n" + "a" * 5_000 + "b" * 5_000 + "c" * 10
