"""Every page opens, says what it is about, fits into the window, and complains about nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtail.protocol import OUTPUT, RunState
from tests.browsers.conftest import HEIGHT, PICTURES, WIDTH
from tests.browsers.tab import Tab
from tests.support.installation import Installation
from tests.support.logins import browser, log_in
from tests.support.relay import Producer, now_ms
from tests.support.scenery import LOG
from tests.support.sharing import make

pytestmark = pytest.mark.browser

#: As narrow as the browsers' own windows become.
NARROW = 500


@dataclass
class Shown:
    """A run, and the path of a link for guests to some of its lines."""

    run_id: str
    guests: str


@pytest.fixture(scope="module")
def shown(installation: Installation) -> Iterator[Shown]:
    """A run that is still going on, one that failed, and a link."""
    failed = Producer(installation.store)
    failed.write(3)
    failed.writer.end(RunState.FAILED, "ValueError: 3 rows have no key", t_ms=now_ms(), exit_status=1)
    running = Producer(installation.store)
    for _ in range(4):
        running.writer.add(OUTPUT, LOG.encode(), now_ms())
    running.writer.flush()
    with browser(installation.web.url) as client:
        assert log_in(client, "ann").status_code == 200
        link = make(client, running.run_id, **{"from": 2, "to": 9})
    yield Shown(running.run_id, link["address"])
    running.end()


def fits(tab: Tab) -> None:
    """Wait until nothing is wider than the window."""
    tab.until("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def keep(tab: Tab, what: str) -> None:
    """Keep a picture, where they are wanted."""
    if PICTURES:
        tab.picture(Path(PICTURES) / f"{what}-{tab.driver.name.partition(' ')[0].lower()}.png")


def test_every_page(ann: Tab, shown: Shown) -> None:
    pages = {
        "list": ("/", ".runs tbody tr", "3 rows have no key"),
        "form": ("/#start=etl.load", ".form", "Load one day of a region"),
        "run": (f"/runs/{shown.run_id}", ".row.line", "install libxml2-dev"),
        "watch": (f"/watch?run={shown.run_id}", ".pane .row.line", "install libxml2-dev"),
        "text": (f"/runs/{shown.run_id}/text", "pre, main", "install libxml2-dev"),
        "missing": ("/runs/there-is-none", "main", "There is no such run"),
        "audit": ("/audit", ".audit tbody tr", "Login"),
        "tokens": ("/tokens", "main", "You have no tokens."),
        "cli": ("/cli", "h1", "Log in a command line"),
        "again": ("/login", "main", "You are logged in as ann."),
    }
    looks = [(theme, width) for theme in ("light", "dark") for width in (WIDTH, NARROW)]
    for theme, width in looks if PICTURES else looks[::3]:
        ann.look("localStorage.setItem('runtail.theme', arguments[0])", theme)
        ann.resize(width, HEIGHT)
        ann.open("/")
        ann.until("return document.documentElement.dataset.theme === arguments[0]", theme)
        for name, (path, css, text) in pages.items():
            ann.open(path)
            ann.see(css, text)
            fits(ann)
            keep(ann, f"{name}-{theme}-{width}")


def test_the_pages_of_who_is_not_logged_in(tab: Tab, shown: Shown) -> None:
    pages = {"login": ("/login", "button", "Log in"), "guest": (shown.guests, ".shared-log .row", "building wheel")}
    for name, (path, css, text) in pages.items():
        tab.open(path)
        tab.see(css, text)
        fits(tab)
        keep(tab, f"{name}-light-{WIDTH}")


def test_the_theme_is_switched_and_kept(ann: Tab) -> None:
    for theme in ("light", "dark"):
        ann.click("button.theme")
        ann.until("return document.documentElement.dataset.theme === arguments[0]", theme)
    dark = ann.look("return getComputedStyle(document.body).backgroundColor")
    ann.open("/audit")
    ann.until("return getComputedStyle(document.body).backgroundColor === arguments[0]", dark)
    ann.click("button.theme")
    ann.until("return document.documentElement.dataset.theme === 'system'")


def test_the_help_opens_and_closes(ann: Tab) -> None:
    ann.press("?")
    ann.see("dialog h2", "Keyboard shortcuts")
    ann.press("Escape")
    ann.miss("dialog h2")
