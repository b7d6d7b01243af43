"""The log of a run's page: runs to show in it, and what can be seen of them."""

from __future__ import annotations

import subprocess
import traceback
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Page, expect

from runtail.protocol import EVENT, OUTPUT
from runtail.protocol import event as events
from tests.browser.conftest import OpenPage, Site
from tests.support.relay import Producer, now_ms

SECONDS = 20_000
#: Height of a row of one line.
ROW_PX = 20

#: The first row that can be seen: number of its line, and how far it is above the edge.
TOP = """() => {
    const edge = document.querySelector(".viewport").getBoundingClientRect().top;
    for (const row of document.querySelectorAll(".row.line:not(.pinned)")) {
        const box = row.getBoundingClientRect();
        if (box.bottom > edge + 0.5) return [Number(row.querySelector(".number").textContent), box.top - edge];
    }
    return [0, 0];
}"""

#: Looks at every frame until what *look* returns has been the same for some, and is not null; fails after so many.
_UNCHANGED = """async ([frames, most]) => {
    const log = document.querySelector(".log");
    const rows = log.querySelector(".rows");
    const look = () => %s;
    let [last, same] = [null, 0];
    for (let frame = 0; frame < most; frame += 1) {
        await new Promise(requestAnimationFrame);
        const now = look();
        same = now !== null && now === last ? same + 1 : 0;
        last = now;
        if (same >= frames) return;
    }
    throw new Error(`the log does not come to rest: ${String(last).slice(0, 2000)}`);
}"""
_STILL = _UNCHANGED % '`${log.scrollTop} ${rows.style.transform} ${rows.querySelector(".line")?.id}`'
_DRAWN = _UNCHANGED % 'rows.querySelector(".line") && !rows.querySelector(".hole") ? rows.innerHTML : null'


def more(page: Page) -> None:
    """Open the menu with the actions that are seldom needed."""
    page.locator(".about summary", has_text="More actions").click()


def sharing(page: Page) -> None:
    """Open the menu with what can be copied, and given to others."""
    page.locator(".about summary", has_text="Share").click()


def top(page: Page) -> int:
    """The line at the upper edge of the log."""
    line, _ = page.evaluate(TOP)
    return int(line)


def numbered(producer: Producer, lines: int, *, per_entry: int = 4_000) -> None:
    """Store short lines, many to an entry."""
    for first in range(producer.count + 1, producer.count + lines + 1, per_entry):
        last = min(first + per_entry, producer.count + lines + 1)
        payload = b"".join(b"row %d\n" % number for number in range(first, last))
        producer.writer.add(OUTPUT, payload, now_ms())
        producer.writer.flush()
    producer.count += lines


def write(producer: Producer, *lines: str) -> None:
    """Store these lines as one entry."""
    producer.writer.add(OUTPUT, "".join(f"{line}\n" for line in lines).encode(), now_ms())
    producer.writer.flush()
    producer.count += len(lines)


def tell(producer: Producer, kind: str, **fields: object) -> None:
    """Store an event."""
    producer.writer.add(EVENT, events.encode(kind, **fields), now_ms())
    producer.writer.flush()


def failure() -> list[str]:
    """The lines of a traceback that goes through several libraries and ends in one."""
    try:
        with ThreadPoolExecutor() as pool:
            pool.submit(subprocess.run, ["/is/not/there"], check=True).result()
    except FileNotFoundError:
        return traceback.format_exc().splitlines()
    raise AssertionError


def opened(site: Site, open_page: OpenPage, producer: Producer, link: str = "") -> Page:
    """The page of the run, with all the text in it that it opens with: rows are drawn more than once until then."""
    page = open_page(site.run_page(producer.run_id) + link)
    expect(page.locator(".row.line:not(.hole)").first).to_be_visible(timeout=SECONDS)
    drawn(page)
    return page


def scrolled(page: Page) -> float:
    """Where the scroll bar of the log stands, in pixels."""
    return float(page.locator(".log").evaluate("(log) => log.scrollTop"))


def bar_error(page: Page, rows: int) -> float:
    """How far the scroll bar is from where it belongs, in pixels: it shows row numbers.

    :param rows: of the whole log.
    """
    row, above = page.evaluate(TOP)
    log = page.locator(".log").evaluate("(log) => [log.scrollTop, log.scrollHeight, log.clientHeight]")
    at, height, port = log
    place = (row - 1 - above / ROW_PX) / (rows - port / ROW_PX)
    return float(abs(at - place * (height - port)))


#: Pixel rows of the strip with a colour in a column, as [first, last] of each run of them.
_MARKS = """(strip, [x, colour]) => {
    const { width, height } = strip;
    // A copy is read: reading the page's own canvas makes the browser complain, and draw it otherwise.
    const copy = Object.assign(document.createElement("canvas"), { width, height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    if (width * height === 0) return [];
    context.drawImage(strip, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const at = (y) => "#" + [0, 1, 2].map((i) => data[(y * width + x) * 4 + i].toString(16).padStart(2, "0")).join("");
    const runs = [];
    for (let y = 0; y < height; y += 1) {
        if (at(y) !== colour) continue;
        if (runs.length && runs[runs.length - 1][1] === y - 1) runs[runs.length - 1][1] = y;
        else runs.push([y, y]);
    }
    return runs;
}"""

#: Kind of mark: a column that only it is drawn in, and its colour in the light theme.
_MARKED = {
    "error": (5, "#c0222c"),
    "warning": (3, "#7d4e00"),
    "hit": (8, "#6b4600"),
    "selected": (10, "#0550ae"),
    "group": (0, "#818b98"),
    "cut": (9, "#59636e"),
}


def marks(page: Page, kind: str) -> list[tuple[int, int]]:
    """The marks of a kind in the strip beside the scroll bar: first and last pixel row of each."""
    found = page.locator(".strip").evaluate(_MARKS, list(_MARKED[kind]))
    return [(first, last) for first, last in found]


def drawn(page: Page) -> None:
    """Wait until every line in sight is here, and drawn."""
    page.evaluate(_DRAWN, [10, 2_000])


def still(page: Page) -> None:
    """Wait until nothing moves in the log: every move of the mouse was handled and drawn."""
    page.evaluate(_STILL, [15, 1_000])
