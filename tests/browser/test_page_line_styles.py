"""Colours and links of lines: carried over where a terminal carries them, and ended where it ends them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from runtail.protocol import OUTPUT, event
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import SECONDS, drawn, numbered, opened, tell, write
from tests.support.relay import Producer, now_ms

pytestmark = pytest.mark.browser

#: The colours of a row's text, one for each piece of it.
COLOURS = """(text) => {
    const walk = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walk.nextNode(); node; node = walk.nextNode())
        found.push([node.data, getComputedStyle(node.parentElement).color]);
    return found;
}"""

ESC = "\x1b"


def colours(page: Page, row: str) -> list[str]:
    """The colours of a row's text."""
    return [colour for _, colour in page.locator(f"{row} .text").evaluate(COLOURS)]


def links(page: Page, line: int) -> list[tuple[str, str]]:
    """The links of a line: their text, and where they lead."""
    found = page.locator(f"#L{line} a.address").evaluate_all(
        "(all) => all.map((one) => [one.textContent, one.getAttribute('href')])"
    )
    return [(text, href) for text, href in found]


def test_links_are_whole_whatever_is_coloured_in_them(site: Site, open_page: OpenPage) -> None:
    lines = {
        f"on {ESC}[36mhttp://127.0.0.1:{ESC}[1m8000{ESC}[22m/docs{ESC}[0m now": "http://127.0.0.1:8000/docs",
        f"grep: https://a.example/{ESC}[01;31m{ESC}[Kneedle{ESC}[m{ESC}[K?q=1.": "https://a.example/needle?q=1",
        "see (https://en.example/wiki/A_(b)), then": "https://en.example/wiki/A_(b)",
        "<http://x>": "http://x",
        "[text](https://a.example/[1]), [2]": "https://a.example/[1]",
        "http://x/(a)b)": "http://x/(a)b",
        "at http://[::1]:80/x!": "http://[::1]:80/x",
        f"{ESC}]8;;https://b.example/\x07an {ESC}[1mown{ESC}[22m link{ESC}]8;;\x07": "https://b.example/",
        "10 % \rhttps://c.example/\r": "https://c.example/",
    }
    producer = Producer(site.store)
    write(producer, *lines, "http:// and https://( are none", f"{ESC}]8;;javascript:x\x07no{ESC}]8;;\x07")
    page = opened(site, open_page, producer, "#L1")
    found = {line: links(page, line) for line in range(1, len(lines) + 3)}
    assert [[href for _, href in one] for one in found.values()] == [*[[href] for href in lines.values()], [], []]
    texts = [one[0][0] for one in found.values() if one]
    assert texts == [href if "own" not in line else "an own link" for line, href in lines.items()]
    # The colours within it stay.
    assert len(set(colours(page, "#L2"))) == 2


def test_an_attempt_begins_without_what_the_last_one_left(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    tell(producer, event.START, attempt=1)
    write(producer, "plain", f"{ESC}[35;4mleft on", f"{ESC}]8;;https://left.example/\x07and open", "still")
    tell(producer, event.RETRY, retries=1, max=3, reason="x")
    tell(producer, event.START, attempt=2)
    write(producer, "second", f"{ESC}[32mgreen")
    numbered(producer, 2_400)
    page = opened(site, open_page, producer, "#L1")
    left = colours(page, "#L4")
    assert left != colours(page, "#L1")
    assert links(page, 4) == [("still", "https://left.example/")]
    assert colours(page, "#L5") == colours(page, "#L1")
    assert page.locator("#L5 .text").inner_html() == "second"
    # Its own style goes on, over lines that were not here when the page was opened.
    page.locator(".log").press("End")
    expect(page.locator("#L2406 .text")).to_be_visible(timeout=SECONDS)
    drawn(page)
    green = colours(page, "#L2406")
    assert green != left
    page.locator(".log").press("Home")
    expect(page.locator("#L6 .text")).to_be_visible(timeout=SECONDS)
    drawn(page)
    assert colours(page, "#L6") == green != colours(page, "#L5")


@pytest.mark.parametrize("reset", ["c", "[!p", "[m", "[0;0m", "[;m"])
def test_a_reset_ends_colours(site: Site, open_page: OpenPage, reset: str) -> None:
    producer = Producer(site.store)
    write(producer, f"{ESC}[34;1;7mon", f"{ESC}{reset}off", "still off")
    page = opened(site, open_page, producer, "#L1")
    assert [page.locator(f"#L{line} .text").inner_html() for line in (2, 3)] == ["off", "still off"]


def test_what_began_above_is_known_where_the_page_opens(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, f"{ESC}[33m{ESC}]8;;https://above.example/a\x07begins")
    numbered(producer, 6_000, per_entry=100)
    write(producer, f"{ESC}[0m{ESC}]8;;\x07ends", "after")
    producer.end()
    page = opened(site, open_page, producer)
    expect(page.locator("#L6003 .text")).to_have_text("after", timeout=SECONDS)
    expect(page.locator("#L6001 a.address")).to_have_attribute("href", "https://above.example/a", timeout=SECONDS)
    assert page.locator("#L6003 .text").inner_html() == "after"
    # A line between, whose surroundings were never loaded, and on from there in both directions.
    page.goto(f"{site.run_page(producer.run_id)}#L2700")
    expect(page.locator("#L2700 a.address")).to_have_attribute("href", "https://above.example/a", timeout=SECONDS)
    yellow = colours(page, "#L2700 ")
    page.locator(".log").press("PageUp")
    expect(page.locator(".row.line a.address").first).to_be_visible()
    drawn(page)
    assert {tuple(colours(page, f"#{id_}")) for id_ in page.locator(".row.line").evaluate_all(
        "(rows) => rows.filter((row) => !row.matches('.hole, .pinned')).map((row) => row.id)"
    )} == {tuple(yellow)}  # fmt: skip


def test_the_unfinished_line_has_the_colours_in_force(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "plain", f"{ESC}[31mred from here", "and on")
    page = opened(site, open_page, producer, "#L1")
    red = colours(page, "#L3")
    producer.writer.flush(live={"rev": 1, "line": 4, "text": f"half{ESC}[0m done", "progress": None})
    expect(page.locator(".row.live .text")).to_have_text("half done", timeout=SECONDS)
    assert colours(page, ".row.live")[0] == red[0]
    assert colours(page, ".row.live")[1] != red[0]
    # Behind a piece of a long line as well.
    producer.writer.add(OUTPUT, f"half{ESC}[0m done\n{ESC}[32mlong".encode(), now_ms(), continues=True)
    producer.writer.flush()
    producer.writer.flush(live={"rev": 2, "line": 6, "text": "er", "progress": None})
    expect(page.locator(".row.live .text")).to_have_text("er", timeout=SECONDS)
    assert colours(page, ".row.live") == colours(page, "#L5")


def test_titles_are_read_without_their_codes(site: Site, open_page: OpenPage) -> None:
    title = f"{ESC}[1;34mBuild{ESC}[0m {ESC}]0;x\x07wheels\x0f"
    producer = Producer(site.store)
    tell(producer, event.GROUP, title=title)
    write(producer, "inside", f"::group::{title}", "deeper")
    tell(producer, event.GROUP, title=title, line=2)
    tell(producer, event.ERROR, text=f"{ESC}[31mno compiler{ESC}(B{ESC}[m")
    numbered(producer, 60)
    page = opened(site, open_page, producer, "#L1")
    heads = page.locator(".row .fold")
    expect(heads).to_have_count(2)
    assert heads.all_inner_texts() == ["Build wheels", "Build wheels"]
    assert len(set(colours(page, "#L2"))) > 1
    expect(page.locator(".row.event.error .text")).to_have_text("Error: no compiler")
    page.locator(".log").press("G")
    expect(page.locator(".sticky .fold")).to_have_text("Build wheels › Build wheels")
    # What the server tells of a log that is not loaded, and the plain page.
    outline = page.evaluate("(run) => fetch(`/api/v1/runs/${run}/outline`).then((one) => one.json())", producer.run_id)
    assert {group["title"] for group in outline["groups"]} == {"Build wheels"}
    page.goto(f"{site.run_page(producer.run_id)}/text")
    expect(page.locator("pre")).not_to_contain_text("␛")
