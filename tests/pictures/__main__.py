"""``python -m tests.pictures <folder>``: takes pictures of the pages, and the frames of a moving one, as PNG files.

The tour's pictures come from its test, meanwhile, since the example that builds an image needs time to get somewhere.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from runtail.protocol import RunState
from runtail.runs.record import Run
from runtail.runs.retention import delete
from tests.support.chromium import launch
from tests.support.examples import Examples
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

WIDE, NARROW = (1200, 760), (360, 740)
THEMES = ("light", "dark")
WATCHED, MOVING = (1440, 700), (1000, 580)
#: The moving picture: how many times as fast its run is (13 s), and how long its end is recorded.
PACE, END_SECONDS = 14, 1.0
FRAME_SECONDS = 0.125
#: The example that builds an image has a few sections by then.
PATIENCE_SECONDS = 150.0


@contextmanager
def opened(browser: Browser, address: str, size: tuple[int, int], theme: str = "light") -> Iterator[Page]:
    """A page that has nothing left to load."""
    width, height = size
    with browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    ) as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator(".connection")).to_contain_text(re.compile("Connected|Live"))
        page.evaluate("() => document.fonts.ready")
        expect(page.locator(".thin.busy")).to_have_count(0)
        yield page


def take_list(browser: Browser, stack: Examples, folder: Path) -> None:
    """The list in both themes, and on a phone; the form beside it."""
    for theme in THEMES:
        with opened(browser, stack.web.url, WIDE, theme) as page:
            expect(page.get_by_text("images.build").first).to_be_visible()
            page.screenshot(path=folder / f"list-{theme}.png")
            page.get_by_role("button", name="Start a run").click()
            page.get_by_label("Task", exact=True).fill("load_orders")
            page.keyboard.press("Enter")
            page.get_by_label("shards").fill("many")
            page.get_by_role("button", name="Start etl.load_orders").click()
            expect(page.locator(".field.wrong", has_text="shards")).to_be_visible()
            page.screenshot(path=folder / f"form-{theme}.png")
    with opened(browser, stack.web.url, NARROW) as page:
        expect(page.get_by_text("images.build").first).to_be_visible()
        page.screenshot(path=folder / "list-narrow.png")


def take_run(browser: Browser, stack: Examples, folder: Path, run: Run) -> None:
    """A run that goes on in both themes, and on a phone."""
    address = f"{stack.web.url}/runs/{run.id}"
    for name, size, theme in (("light", WIDE, "light"), ("dark", WIDE, "dark"), ("narrow", NARROW, "light")):
        with opened(browser, address, size, theme) as page:
            expect(page.get_by_text("port 22 stays open").first).to_be_visible()
            page.screenshot(path=folder / f"run-{name}.png")


def take_watched(browser: Browser, stack: Examples, folder: Path) -> None:
    """Two runs that go on, and one that failed, beside each other."""
    runs = [run for run in stack.listed() if run.state is RunState.RUNNING]
    runs.append(next(run for run in stack.listed() if run.state is RunState.FAILED))
    address = f"{stack.web.url}/watch?{'&'.join(f'run={run.id}' for run in runs)}"
    with opened(browser, address, WATCHED, "dark") as page:
        expect(page.locator(".row.line.error").first).to_be_visible()
        expect(page.get_by_text("TASK [").first).to_be_visible()
        page.screenshot(path=folder / "watch-dark.png")


def take_moving(browser: Browser, stack: Examples, folder: Path) -> None:
    """A run from its start to its end, in frames whose names are their times in ms."""
    folder.mkdir()
    run_id = stack.start("images.build", {"name": "web", "roles": ["nginx", "app"], "branch": "main", "pace": PACE})
    with browser.new_context(viewport={"width": MOVING[0], "height": MOVING[1]}, color_scheme="light") as context:
        page = context.new_page()
        page.goto(f"{stack.web.url}/runs/{run_id}")
        expect(page.locator(".row.line").first).to_be_visible()
        session = context.new_cdp_session(page)
        began, ended = time.monotonic(), float("inf")
        while (now := time.monotonic()) < ended + END_SECONDS:
            shot = session.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True})
            (folder / f"{round((now - began) * 1000):06d}.png").write_bytes(base64.b64decode(shot["data"]))
            if ended == float("inf") and stack.run(run_id).state.terminal:
                ended = now
            time.sleep(max(0.0, now + FRAME_SECONDS - time.monotonic()))
    assert stack.run(run_id).state is RunState.SUCCEEDED


def main(folder: Path) -> None:
    """Take all of them."""
    folder.mkdir(parents=True)
    # The machine may be busy.
    expect.set_options(timeout=20_000)
    with ExitStack() as servers:
        directory = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="runtail-")))
        (directory / "redis").mkdir()
        server = servers.enter_context(RedisServer(directory / "redis"))
        stack = servers.enter_context(Examples(directory, server.url)).fill()
        began = time.monotonic()
        delete(stack.store, next(run.id for run in stack.listed() if run.text("task") == "examples.fill"))
        building = next(run for run in stack.listed() if run.text("task") == "images.build")
        tour = [sys.executable, "-m", "pytest", "--quiet", "tests/browser/test_tour.py"]
        subprocess.run(tour, env={**os.environ, "RUNTAIL_TEST_PICTURES": str(folder)}, check=True)
        with sync_playwright() as playwright:
            browser = launch(playwright)
            take_list(browser, stack, folder)
            take_moving(browser, stack, folder / "moving")
            wait_for(
                lambda: len(stack.events(building.id, "warning")) == 2,
                PATIENCE_SECONDS - (time.monotonic() - began),
                stack.evidence,
            )
            take_run(browser, stack, folder, building)
            take_watched(browser, stack, folder)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
