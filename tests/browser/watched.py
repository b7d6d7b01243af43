"""A page on which foreign texts are shown, and what they brought about: elements, scripts, windows, requests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.hostile import Hostile, seen_as_name
from tests.support.relay import Producer

if TYPE_CHECKING:
    from tests.browser.conftest import Complaints, Site

SECONDS = 20_000

BENIGN = [
    Hostile(text, seen)
    for text, seen in {
        "plain": "plain",
        "\x1b[1;2;3;4;7;9;31;44mall\x1b[0m": "all",
        "\x1b[8mconcealed\x1b[0m": "concealed",
        "\x1b]8;;https://ok.test/\x07link\x1b]8;;\x07": "link",
        "\x1b[32m\x1b]8;;https://ok.test/\x07coloured link\x1b]8;;\x07\x1b[0m": "coloured link",
        "see https://ok.test/ there": "see https://ok.test/ there",
        "l" * 5_000: "l" * 5_000,
    }.items()
]

#: The kinds of elements and attributes in the document, and what must not be there at all.
_CENSUS = """() => {
    const address = /^(href|src|action|formaction|data|xlink:href)$/;
    const ours = /^(https?:[/][/]|[/](?![/])|[?]|#)/;
    const kinds = new Set(), bad = [];
    for (const one of document.querySelectorAll("*")) {
        kinds.add(one.localName);
        for (const { name, value } of one.attributes) {
            kinds.add(`${one.localName} ${name}`);
            if (name.startsWith("on") || (address.test(name) && !ours.test(value)))
                bad.push(`${one.localName} ${name}=${value}`);
        }
    }
    if ("owned" in window) bad.push("a script ran");
    return { kinds: [...kinds], bad };
}"""

#: Through the whole log, a screen at a time.
_WALK = """async () => {
    const log = document.querySelector(".log");
    if (log.clientHeight < 300) throw new Error(`the log has ${log.clientHeight} px`);
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const lines = new Map(), notes = new Set(), kinds = new Set();
    // The bar shows pixels only while no line is wrapped.
    document.querySelector('.bar [title^="Wrap"][aria-pressed="true"]')?.click();
    await drawn();
    for (let top = 0; ; top += log.clientHeight) {
        log.scrollTop = top;
        await drawn();
        for (const row of log.querySelectorAll(".row:not(.pinned):not(.hole)")) {
            const text = row.querySelector(".text").textContent;
            if (row.classList.contains("line")) lines.set(Number(row.querySelector(".number").textContent), text);
            else notes.add(text);
        }
        for (const one of document.querySelectorAll("*"))
            for (const name of ["", ...one.getAttributeNames()]) kinds.add(`${one.localName} ${name}`.trim());
        if (top >= log.scrollHeight - log.clientHeight) break;
    }
    return { lines: [...lines].sort(([a], [b]) => a - b), notes: [...notes], kinds: [...kinds] };
}"""


class Watched:
    """A page that notices what a text has brought about."""

    def __init__(self, context: BrowserContext, complaints: Complaints, site: Site) -> None:
        self.site = site
        self.page = context.new_page()
        self.happened: list[str] = []
        self.kinds: set[str] = set()
        self._ours = (site.web.url, site.relay.url, site.relay.url.replace("http", "ws"), "about:blank")
        complaints.watch(self.page)
        context.on("page", lambda page: self.happened.append(f"window {page.url}"))
        self.page.on("dialog", self._dialog)
        self.page.on("download", lambda download: self.happened.append(f"download {download.url}"))
        self.page.on("request", lambda request: self._address("request", request.url))
        self.page.on("frameattached", lambda frame: self.happened.append(f"frame {frame.url}"))

    def _dialog(self, dialog: Any) -> None:
        self.happened.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _address(self, what: str, address: str) -> None:
        if not address.startswith(self._ours):
            self.happened.append(f"{what} {address}")

    def open(self, path: str) -> Page:
        """Open one of our pages."""
        self.page.goto(self.site.web.url + path)
        return self.page

    def open_run(self, run_id: str) -> Page:
        """Open a run's page and wait until all of it is drawn: its parts come by different ways, in any order."""
        self.open(f"/runs/{run_id}")
        for part in (".about .facts time", ".log .row", "canvas.strip[width]"):
            expect(self.page.locator(part).first).to_be_attached(timeout=SECONDS)
        return self.page

    def look(self) -> None:
        """Note which elements and attributes there are now."""
        found = self.page.evaluate(_CENSUS)
        assert found["bad"] == []
        self.kinds |= set(found["kinds"])

    def walk(self) -> dict[str, Any]:
        """Go through a log and note what is in it."""
        found: dict[str, Any] = self.page.evaluate(_WALK)
        self.kinds |= set(found["kinds"])
        self.look()
        return found

    def taken(self) -> set[str]:
        """What was noted, and nothing happened meanwhile."""
        assert self.happened == []
        kinds, self.kinds = self.kinds, set()
        return kinds


def no_more_than(watched: Watched, show: Callable[[Sequence[Hostile]], None], texts: Sequence[Hostile]) -> None:
    """Show benign texts, then these; both need the same kinds of elements and attributes."""
    show(BENIGN)
    allowed = watched.taken()
    assert "script" in allowed, "the census saw the page"
    show(texts)
    more = watched.taken() - allowed
    assert more == set(), f"with the hostile texts came {sorted(more)}"


def batches(texts: Sequence[Hostile], size: int) -> Iterator[list[Hostile]]:
    """Some at a time."""
    items = iter(texts)
    while some := list(itertools.islice(items, size)):
        yield some


def noted(text: str) -> str:
    """How an event's words are shown: as a name's, and a tab or a line's end is no whitespace of the page."""
    return seen_as_name(text).replace("\n", "\u240a")


def made(watched: Watched, fields: dict[str, str], kwargs: dict[str, Any]) -> Producer:
    """A run with these words in its record."""
    producer = Producer(watched.site.store)
    values: dict[Any, Any] = {**fields, "kwargs": orjson.dumps(kwargs)}
    watched.site.store.client.hset(watched.site.store.keys.run(producer.run_id), mapping=values)
    return producer
