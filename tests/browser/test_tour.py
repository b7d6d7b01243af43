"""docs/tour.md, walked as it says: start a task, watch it, share a line, search, cancel. It makes its pictures."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from runtail.protocol import RunState
from tests.support.documentation import commands
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
TOUR = ROOT / "docs" / "tour.md"
IMAGES = ROOT / "docs" / "images"
#: The folder for the pictures, if they are wanted (`make pictures`); they differ a little from machine to machine.
PICTURES = os.environ.get("RUNTAIL_TEST_PICTURES")

SECONDS = 60_000


@pytest.fixture
def stack() -> Iterator[Stack]:
    """What `make run` starts, in a folder whose name may stand in a picture."""
    with tempfile.TemporaryDirectory(prefix="runtail-") as name, ExitStack() as servers:
        folder = Path(name)
        (folder / "redis").mkdir()
        server = servers.enter_context(RedisServer(folder / "redis"))
        stack = Stack(
            folder, server.url, app="runtail_worker.app", cancel_grace_seconds=2, worker_options={"cwd": folder}
        )
        stack.web.configure(socket_url=stack.relay.url)
        stack.relay.configure(allowed_origins=stack.web.url)
        with stack:
            yield stack


def picture(page: Page, name: str) -> None:
    """Make a picture of the tour, where one is wanted."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"tour-{name}.png")


def button(page: Page, name: str) -> Locator:
    """Return a button that the tour names, in bold."""
    assert f"**{name}**" in TOUR.read_text(), f"docs/tour.md does not name {name}"
    return page.get_by_role("button", name=name, exact=True)


def test_the_tour(stack: Stack, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 1100, "height": 620}, color_scheme="light") as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=stack.web.url)
        page = context.new_page()

        # Start
        page.goto(stack.web.url)
        page.get_by_role("button", name="Start a run").click()
        page.get_by_label("Task", exact=True).fill("build")
        page.keyboard.press("Enter")
        page.get_by_role("textbox", name="roles").fill("app\ndb")
        picture(page, "start")
        page.get_by_role("button", name="Start demo.build_image").click()
        page.wait_for_url(re.compile("/runs/.+"))

        # Watch
        expect(page.locator("h1 .chip")).to_contain_text("running", timeout=SECONDS)
        expect(page.get_by_text("Setting up libpq5")).to_be_visible(timeout=SECONDS)
        expect(page.locator(".connection")).to_contain_text("Live")
        expect(page.get_by_text("Logging in with token ***")).to_have_count(1)
        picture(page, "log")

        # Share
        page.locator("#L6").get_by_role("link", name="6").click()
        page.locator("#L9").get_by_role("link", name="9").click(modifiers=["Shift"])
        expect(page.locator(".marking")).to_contain_text("Lines 6-9")
        picture(page, "share")
        button(page, "Copy link").click()
        copied = str(page.evaluate("navigator.clipboard.readText()"))
        assert copied.endswith("#L6-L9")
        other = context.new_page()
        other.goto(copied)
        expect(other.locator("#L6")).to_be_in_viewport(timeout=SECONDS)
        expect(other.locator(".marking")).to_contain_text("Lines 6-9")
        other.close()

        # Search
        page.keyboard.press("Escape")
        button(page, "Find").click()
        page.get_by_label("Find in the log").fill("setting up")
        expect(page.locator(".found")).to_contain_text(re.compile(r"\d"), timeout=SECONDS)
        picture(page, "find")
        page.keyboard.press("Escape")

        # Cancel
        button(page, "Cancel").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        picture(page, "cancel")
        button(page, "Yes, cancel the run").click()
        expect(page.locator("h1 .chip")).to_contain_text("cancelled", timeout=SECONDS)
        expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
        picture(page, "cancelled")
        assert stack.run(page.url.rpartition("/")[2].partition("#")[0]).state is RunState.CANCELLED


def test_the_tours_pictures_are_those_of_the_test() -> None:
    made = set(re.findall(r'picture\(page, "(\w+)"\)', Path(__file__).read_text()))
    shown = re.findall(r"!\[[^\]]+\]\(images/tour-(\w+)\.png\)", TOUR.read_text())
    assert set(shown) == made
    assert {name for name in made if not (IMAGES / f"tour-{name}.png").exists()} == set()


def test_the_tour_begins_with_make_run() -> None:
    assert commands(TOUR)[0] == "make run"
