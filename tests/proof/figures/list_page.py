"""The page with the list of 100,000 runs in a real Chromium; and what the last lines of running runs cost."""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import ExitStack
from typing import Any

import httpx
import psutil
from playwright.sync_api import Browser

from runtail.protocol import OUTPUT
from runtail.runs.index import is_ready
from runtail.store import Store
from tests.proof.figures import Figure
from tests.proof.figures.page import stage
from tests.proof.figures.run_list import RUNS, filled
from tests.support.beating import beating
from tests.support.relay import Producer, now_ms
from tests.support.services import Service
from tests.support.waiting import wait_for

REPEATED = 7
MOST_PAINT_MS, MOST_FILTER_MS = 300.0, 150.0
RUNNING, VIEWERS, SECONDS = 50, 10, 15.0
MOST_VIEWER_PART = 0.01

#: Runs in the page from its start on: when the first row was on the screen.
WATCH = """() => {
    const look = () => {
        if (!document.querySelector(".runs tbody tr")) return requestAnimationFrame(look);
        globalThis.rowsAt = performance.now();
    };
    requestAnimationFrame(look);
}"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
#: Presses a state's button and waits until all rows are in it; of all runs, until the newest is there again.
FILTER = """async (state) => {
    const buttons = [...document.querySelectorAll(".sieve .segments button")];
    const began = performance.now();
    buttons.find((one) => one.textContent.toLowerCase().startsWith(state)).click();
    while (performance.now() - began < 20000) {
        await new Promise(requestAnimationFrame);
        const rows = [...document.querySelectorAll(".runs tbody tr")];
        const mixed = new Set(rows.map((row) => row.className)).size > 1;
        if (state === "all" ? mixed : rows.length > 0 && rows.every((row) => row.classList.contains(state))) {
            return performance.now() - began;
        }
    }
    return -1;
}"""


def measure() -> list[Figure]:
    """On one site."""
    with stage() as (store, web, browser):
        filled(store)
        # Web had begun its index in the midst of that; so it builds it anew.
        store.client.delete(store.keys.index("kept"))
        wait_for(lambda: is_ready(store), 1200)
        return [*_page(web, browser), *_last_lines(store, web)]


def _page(web: Service, browser: Browser) -> list[Figure]:
    painted, rows, filtered = [], [], []
    # The first one fills the caches of the server and of the browser, as the reader's first visit does.
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        for _ in range(REPEATED + 1):
            page = context.new_page()
            page.add_init_script(f"({WATCH})()")
            page.goto(web.url)
            page.wait_for_function("() => globalThis.rowsAt")
            painted.append(page.evaluate(PAINTED))
            rows.append(page.evaluate("() => globalThis.rowsAt"))
            for state in ("failed", "all", "succeeded"):
                filtered.append(page.evaluate(FILTER, state))
            page.close()
    assert min(*painted, *filtered) >= 0, (painted, filtered)
    paint, row, filter_ = (statistics.median(found) for found in (painted[1:], rows[1:], filtered[3:]))
    of = f"the list of {RUNS:,} runs in Chromium"
    return [
        Figure(f"{of}: first paint", f"{paint:.0f} ms", f"<= {MOST_PAINT_MS:.0f} ms", paint <= MOST_PAINT_MS),
        Figure(f"{of}: first row on the screen", f"{row:.0f} ms", "", True),
        Figure(f"{of}: from a press on a state to its rows on the screen", f"{filter_:.0f} ms",
               f"<= {MOST_FILTER_MS:.0f} ms", filter_ <= MOST_FILTER_MS),
    ]  # fmt: skip


def _last_lines(store: Store, web: Service) -> list[Figure]:
    main = psutil.Process(web.process.pid)
    processes = [main, *main.children(recursive=True)]

    def used() -> float:
        return sum(sum(one.cpu_times()[:2]) for one in processes)

    def share(seconds: float) -> float:
        before, began = used(), time.monotonic()
        time.sleep(seconds)
        return (used() - before) / (time.monotonic() - began)

    with ExitStack() as stack:
        stack.enter_context(beating(store))
        producers = [Producer(store) for _ in range(RUNNING)]
        over = threading.Event()
        stack.callback(over.set)

        def write() -> None:
            number = 0
            while not over.wait(0.5):
                number += 1
                for producer in producers:
                    line = b"\x1b[33mstep %d\x1b[0m of the build: %s\n" % (number, b"x" * 60)
                    producer.writer.add(OUTPUT, line * 20, now_ms())
                    producer.writer.flush()

        query: list[tuple[str, Any]] = [("id", producer.run_id) for producer in producers]

        def view(client: httpx.Client) -> None:
            while not over.wait(1.0):
                lines = client.get("/run-lines", params=query).raise_for_status().json()["lines"]
                assert len(lines) == RUNNING, lines

        threading.Thread(target=write, daemon=True).start()
        idle = share(SECONDS)
        for _ in range(VIEWERS):
            client = stack.enter_context(httpx.Client(base_url=f"{web.url}/api/v1", timeout=30))
            threading.Thread(target=view, args=(client,), daemon=True).start()
        part = (share(SECONDS) - idle) / VIEWERS
        over.set()
        time.sleep(1.5)  # until the last answers are there
    name = f"last lines of {RUNNING} running runs, {VIEWERS} viewers: CPU of web for each, of one core"
    return [Figure(name, f"{part:.2%}", f"<= {MOST_VIEWER_PART:.0%}", part <= MOST_VIEWER_PART)]
