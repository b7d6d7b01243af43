"""The run page in a real Chromium: 2,000,000 lines, then 5,000 lines a second live."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from runtail.protocol import OUTPUT
from runtail.store import Store
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.relay import Producer, Relay, make_store, now_ms
from tests.support.services import Service

LINES = 2_000_000
LINE_BYTES = 100
PER_ENTRY = 600
PREFIX = "figures:"
SETTINGS: dict[str, Any] = {"quota_bytes": 1024 * 1024 * 1024}
NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
ARGUMENTS = ["--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--enable-precise-memory-info"]
LIVE_SECONDS = 20.0
LINES_PER_SECOND = 5_000
FLUSHES_PER_SECOND = 20

#: Runs in the page from its start on: when the log's text was there, and every frame's length.
WATCH = """() => {
    const watch = { text: 0, frames: [], tops: [], recording: false, waits: [], newest: 0 };
    globalThis.watch = watch;
    let last = performance.now();
    const frame = (now) => {
        if (watch.recording) {
            watch.frames.push(now - last);
            watch.tops.push(Number(document.querySelector(".row.line .number")?.textContent));
        }
        last = now;
        const rows = document.querySelectorAll(".row.line:not(.hole) .text");
        if (!watch.text && rows.length > 10) watch.text = performance.now();
        const written = Number(/^t=(\\d+) /.exec(rows[rows.length - 1]?.textContent ?? "")?.[1] ?? 0);
        if (watch.recording && written > watch.newest) {
            watch.newest = written;
            watch.waits.push(Date.now() - written);
        }
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""

#: Goes to a line by its link and waits for its text.
JUMP = """async (line) => {
    const began = performance.now();
    location.hash = `#L${line}`;
    while (performance.now() - began < 20000) {
        await new Promise(requestAnimationFrame);
        const row = document.getElementById(`L${line}`);
        if (row && !row.classList.contains("hole")) return performance.now() - began;
    }
    return -1;
}"""


@contextmanager
def stage() -> Iterator[tuple[Store, Service, Browser]]:
    """Start Redis, relay, web and a browser; end them all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "redis").mkdir()
        server = stack.enter_context(RedisServer(folder / "redis"))

        def start(*command: str | Path, name: str | None = None,
                  environment: dict[str, str | None] | None = None) -> Process:  # fmt: skip
            return stack.enter_context(Process(command, folder, name=name, environment=environment))

        web = Service("web", folder, {"broker_url": server.url, "key_prefix": PREFIX, **SETTINGS})
        relay = Relay(start, server.url, PREFIX, allowed_origins=web.url, **SETTINGS)
        web.configure(socket_url=relay.url)
        stack.enter_context(web)
        relay.wait_until_ready()
        found = next((path for name in NAMES if (path := shutil.which(name))), None)
        if found is None:
            sys.exit(f"no Chromium on the PATH ({', '.join(NAMES)})")
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=found,
            args=[*ARGUMENTS, "--no-sandbox"] if os.getuid() == 0 else ARGUMENTS,
            # The thumb is dragged with the mouse.
            ignore_default_args=["--hide-scrollbars"],
        )
        stack.callback(browser.close)
        yield make_store(server.url, PREFIX, **SETTINGS), web, browser


def p95(values: list[float]) -> float:
    """The value that 95 of 100 stay below."""
    return sorted(values)[int(len(values) * 0.95)] if values else float("nan")


def long_run(store: Store) -> str:
    """Store a whole run; two lines in five are coloured."""
    producer = Producer(store)
    for first in range(1, LINES + 1, PER_ENTRY):
        lines = []
        for number in range(first, min(first + PER_ENTRY, LINES + 1)):
            text = (
                f"{number:>9} \x1b[3{number % 8}mstep {number % 977} done\x1b[0m "
                if number % 5 < 2
                else f"{number:>9} "
            )
            lines.append(text.ljust(LINE_BYTES - 1, ".").encode() + b"\n")
        producer.writer.add(OUTPUT, b"".join(lines), now_ms())
        if first // PER_ENTRY % 8 == 7:
            producer.writer.flush()
    producer.writer.flush()
    producer.end()
    return producer.run_id


def open_run(browser: Browser, web: Service, run_id: str) -> tuple[Page, Any]:
    """Open a run's page in a fresh profile and wait for its text."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    page.goto(f"{web.url}/runs/{run_id}")
    page.wait_for_function("() => globalThis.watch.text > 0", timeout=30_000)
    return page, context.new_cdp_session(page)


def memory(session: Any) -> str:
    """The heap after a collection, and the memory of the tab's process: long texts lie outside the heap."""
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    renderers = [
        child.memory_full_info().uss
        for child in psutil.Process().children(recursive=True)
        if "--type=renderer" in child.cmdline()
    ]
    return f"heap {metrics['JSHeapUsedSize'] / 2**20:.0f} MB, tab {max(renderers) / 2**20:.0f} MB"


def recorded(page: Page, work: Callable[[], object]) -> dict[str, Any]:
    """What the page saw while *work* went on."""
    page.evaluate("() => Object.assign(globalThis.watch, { recording: true, frames: [], tops: [], waits: [] })")
    work()
    page.evaluate("() => { globalThis.watch.recording = false; }")
    return dict(page.evaluate("() => globalThis.watch"))


def drag(page: Page, seconds: float) -> None:
    """Drag the thumb from the end to the beginning and back, with the mouse."""
    box = page.locator(".log").bounding_box()
    assert box is not None
    x, top, bottom = box["x"] + box["width"] - 7, box["y"] + 25, box["y"] + box["height"] - 27
    page.mouse.move(x, bottom)
    page.mouse.down()
    steps = int(seconds * 60)
    began = time.monotonic()
    for step in range(steps + 1):
        part = abs(1 - 2 * step / steps)
        page.mouse.move(x, top + (bottom - top) * part)
        time.sleep(max(0.0, began + step / 60 - time.monotonic()))
    page.mouse.up()


def history(browser: Browser, web: Service, run_id: str) -> None:
    """A run of 2,000,000 lines that is over."""
    paints, texts = [], []
    for _ in range(3):
        page, _session = open_run(browser, web, run_id)
        texts.append(page.evaluate("() => globalThis.watch.text"))
        paints.append(page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
        page.context.close()
    print(f"   first paint {statistics.median(paints):.0f} ms, text of the log {statistics.median(texts):.0f} ms")
    page, session = open_run(browser, web, run_id)
    page.wait_for_selector(".verdict")
    for line in (1, 1_234_567, 500_000, 1_999_999, 1, 1_234_567):
        print(f"   jump to line {line:,}: {page.evaluate(JUMP, line):.0f} ms")
    page.locator(".log").press("End")
    found = recorded(page, lambda: drag(page, 8))
    print(
        f"   thumb dragged end to end: frame p95 {p95(found['frames']):.1f} ms, longest {max(found['frames']):.0f} ms"
    )
    page.mouse.move(600, 600)

    def wheel() -> None:
        for _ in range(120):
            page.mouse.wheel(0, -240)
            time.sleep(0.016)

    found = recorded(page, wheel)
    print(f"   wheel: frame p95 {p95(found['frames']):.1f} ms")
    print(f"   {memory(session)}")
    began = time.monotonic()
    page.get_by_role("button", name="Verify all").click()
    page.wait_for_function(
        "() => /lines, verified$/.test(document.querySelector('.verdict').textContent)", timeout=300_000
    )
    print(f"   verify all: {time.monotonic() - began:.1f} s, {memory(session)}")
    page.context.close()


def live(browser: Browser, web: Service, store: Store) -> None:
    """5,000 lines a second while the page follows."""
    producer = Producer(store)
    producer.write(100)
    page, session = open_run(browser, web, producer.run_id)
    stop = threading.Event()

    def write() -> None:
        per_flush = LINES_PER_SECOND // FLUSHES_PER_SECOND
        due = time.monotonic()
        while not stop.is_set():
            line = f"t={now_ms()} ".ljust(LINE_BYTES - 1, ".").encode() + b"\n"
            producer.writer.add(OUTPUT, line * per_flush, now_ms())
            producer.writer.flush()
            due += 1 / FLUSHES_PER_SECOND
            stop.wait(max(0.0, due - time.monotonic()))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    page.wait_for_timeout(2_000)
    before = page.evaluate("() => performance.now()")
    session.send("Performance.enable")

    def busy() -> float:
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    busy_before = busy()
    found = recorded(page, lambda: page.wait_for_timeout(LIVE_SECONDS * 1000))
    share = (busy() - busy_before) / ((page.evaluate("() => performance.now()") - before) / 1000)
    stop.set()
    writer.join(10)
    producer.end()
    page.wait_for_selector(".verdict.ok", timeout=30_000)
    print(
        f"   {LINES_PER_SECOND:,} lines/s followed for {LIVE_SECONDS:.0f} s: frame p95 {p95(found['frames']):.1f} ms, "
        f"written to painted p50 {statistics.median(found['waits']):.0f} ms, p95 {p95(found['waits']):.0f} ms, "
        f"main thread {share:.0%}, {memory(session)}"
    )
    print(f"   {page.locator('.verdict').text_content()}")
    page.context.close()


def flood(browser: Browser, web: Service, store: Store) -> None:
    """2,000,000 lines as fast as they come, followed from the first to the last."""
    producer = Producer(store)
    producer.write(100)
    page, session = open_run(browser, web, producer.run_id)
    began = time.monotonic()

    def write() -> None:
        for first in range(0, LINES, PER_ENTRY):
            line = f"t={now_ms()} {first:>9} ".ljust(LINE_BYTES - 1, ".").encode() + b"\n"
            producer.writer.add(OUTPUT, line * PER_ENTRY, now_ms())
            producer.writer.flush()
        producer.end()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    found = recorded(page, lambda: page.wait_for_selector(".verdict", timeout=300_000))
    print(
        f"   2,000,000 lines in a flood: {time.monotonic() - began:.0f} s, frame p95 {p95(found['frames']):.1f} ms, "
        f"{memory(session)}; {page.locator('.verdict').text_content()}"
    )
    page.context.close()


def main() -> None:
    """Print the figures."""
    with stage() as (store, web, browser):
        began = time.monotonic()
        run_id = long_run(store)
        print(f"   stored {LINES:,} lines of {LINE_BYTES} bytes in {time.monotonic() - began:.0f} s", flush=True)
        history(browser, web, run_id)
        live(browser, web, store)
        flood(browser, web, store)
