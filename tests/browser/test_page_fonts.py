"""The pages' fonts: what is drawn with lines, blocks, dots and arrows stands in columns, as on a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from runtail_web.shell import STATIC
from tests.browser.conftest import OpenPage, Site
from tests.browser.logs import write
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

SECONDS = 20_000
LETTERS = "The quick brown fox jumps over the lazy dog: 0123456789 {}[]()<>=>!=->"
#: What each block of characters has besides letters: all of it, or what programs use of it.
DRAWN = {
    "accents": "ÀÉÎÕÜßàéîõü ŁłŒœŠšŽž €–—…•",
    "boxes": "".join(map(chr, range(0x2500, 0x2580))),
    "blocks": "".join(map(chr, range(0x2580, 0x25A0))),
    "braille": "".join(map(chr, range(0x2800, 0x2900))),
    "arrows": "←↑→↓↔↕↖↗↘↙⇒⇤⇥⇧⇨➜",
    "signs": "■□▪▲▶▼◀◆○●◐◑◒◓✓✔✕✗★⚡❯√∞≈≠≤≥",
    "controls": "".join(map(chr, range(0x2400, 0x2420))),
}
#: The widths of a line's characters, in px.
WIDTHS = """(row) => {
    const widths = new Set();
    const range = document.createRange();
    const walker = document.createTreeWalker(row.querySelector(".text"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
        for (let at = 0; at < node.length; at += 1) {
            range.setStart(node, at);
            range.setEnd(node, at + 1);
            widths.add(Math.round(range.getBoundingClientRect().width * 100) / 100);
        }
    return [...widths];
}"""
#: The families and weights of a log with all kinds of characters.
FAMILIES = [
    "Inter 400 650",
    "JetBrains Mono 400",
    "JetBrains Mono 700",
    "Runtail Signs 100 900",
    "Runtail More Signs 100 900",
]
ALL_LOADED = """(families) => {
    const loaded = [...document.fonts].filter((font) => font.status === "loaded");
    const names = new Set(loaded.map((font) => `${font.family.replaceAll('"', "")} ${font.weight}`));
    return families.every((family) => names.has(family));
}"""


def widths(page: Page, line: int) -> list[float]:
    """Return the widths that a line's characters have."""
    found: list[float] = page.locator(f"#L{line}").evaluate(WIDTHS)
    return found


def test_everything_drawn_stands_in_columns(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, LETTERS, f"\x1b[1m{LETTERS}\x1b[0m", *DRAWN.values())
    write(producer, *(f"\x1b[1m{drawn}\x1b[0m" for drawn in DRAWN.values()))
    page = open_page(site.run_page(producer.run_id))
    fetched: list[Response] = []

    def on_response(response: Response) -> None:
        fetched.append(response)

    page.on("response", on_response)
    page.reload()
    expect(page.locator(f"#L{2 + 2 * len(DRAWN)}")).to_be_visible(timeout=SECONDS)
    page.wait_for_function(ALL_LOADED, arg=FAMILIES, timeout=SECONDS)
    (column,) = widths(page, 1)
    assert column == pytest.approx(12.5 * 0.6, abs=0.02)
    names = ["letters", "bold letters", *DRAWN, *(f"bold {name}" for name in DRAWN)]
    found = {name: widths(page, line) for line, name in enumerate(names, 1)}
    assert found == {name: [column] for name in names}
    fonts = {response.url.rpartition("/")[2]: response for response in fetched if response.url.endswith(".woff2")}
    assert len(fonts) >= 5
    for response in fonts.values():
        assert response.url.startswith(f"{site.web.url}/static/assets/")
        assert response.headers["content-type"] == "font/woff2"
        assert "immutable" in response.headers["cache-control"]


def test_letters_of_a_log_are_not_joined(site: Site, open_page: OpenPage) -> None:
    producer = Producer(site.store)
    write(producer, "a => b != c")
    page = open_page(site.run_page(producer.run_id))
    expect(page.locator("#L1")).to_be_visible(timeout=SECONDS)
    style: dict[str, Any] = page.locator("#L1 .text").evaluate(
        "(text) => ({ ligatures: getComputedStyle(text).fontVariantLigatures })"
    )
    assert style == {"ligatures": "none"}
    page.wait_for_function(ALL_LOADED, arg=FAMILIES[:2], timeout=SECONDS)


def test_the_fonts_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (STATIC / "assets").glob("*.woff2")}
    print(f"fonts: {sum(sizes.values()) / 1000:.1f} KB, {sizes}")
    assert len(sizes) == 6
    assert sum(sizes.values()) <= 90_000
