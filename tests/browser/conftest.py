"""A real Chromium, strict about errors; a page's services; runs to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from runtail.store import Store
from tests.browser.watched import Watched
from tests.support.beating import beating
from tests.support.chromium import launch
from tests.support.processes import StartProcess
from tests.support.relay import Relay, make_store
from tests.support.services import Service

OpenPage = Callable[[str], Page]

# The machine may be busy: only a failing test takes as long.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Drives the browsers."""
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The machine's own Chromium, without scroll bars."""
    chromium = launch(playwright)
    yield chromium
    chromium.close()


@pytest.fixture
def with_scroll_bars(playwright: Playwright) -> Iterator[Browser]:
    """The machine's own Chromium with scroll bars, whose thumbs can be dragged."""
    chromium = launch(playwright, scroll_bars=True)
    yield chromium
    chromium.close()


class Complaints:
    """What a page complained about: exceptions, console errors, violations of its policy."""

    def __init__(self) -> None:
        self.found: list[str] = []
        #: Texts of complaints that the test brings about itself.
        self.expected: list[str] = []

    def expect(self, text: str) -> None:
        """Let complaints with this text pass, e.g. while the relay is down."""
        self.expected.append(text)

    def watch(self, page: Page) -> None:
        """Collect what *page* complains about."""

        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.found.append(f"console {message.type}: {message.text}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        # Reported to the console as well, but not for every directive.
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) =>"
            " console.error(`policy ${event.violatedDirective} ${event.blockedURI}`))"
        )

    @property
    def unexpected(self) -> list[str]:
        """What nobody expected."""
        return [one for one in self.found if not any(text in one for text in self.expected)]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Collects complaints; any unexpected one fails the test."""
    made = Complaints()
    yield made
    assert made.unexpected == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    with browser.new_context(viewport={"width": 1200, "height": 800}) as made:
        yield made


@pytest.fixture
def open_page(context: BrowserContext, complaints: Complaints) -> OpenPage:
    """Opens an address in a page that is watched."""

    def open_(address: str) -> Page:
        page = context.new_page()
        complaints.watch(page)
        page.goto(address)
        return page

    return open_


class Site:
    """Store, relay and web under one prefix."""

    def __init__(self, store: Store, relay: Relay, web: Service) -> None:
        self.store, self.relay, self.web = store, relay, web

    def run_page(self, run_id: str) -> str:
        """The address of a run's page."""
        return f"{self.web.url}/runs/{run_id}"


StartSite = Callable[..., Site]


@pytest.fixture
def start_site(redis_url: str, key_prefix: str, tmp_path: Path, start_process: StartProcess) -> Iterator[StartSite]:
    """Starts a whole site; web and relay get the given settings. ``port``: of web, if that must be known first."""
    with ExitStack() as stack:

        def start(*, port: int = 0, **settings: Any) -> Site:
            told = {"broker_url": redis_url, "key_prefix": key_prefix, **settings}
            web = Service("web", tmp_path, told, port=port)
            relay = Relay(start_process, redis_url, key_prefix, allowed_origins=web.url, drain_seconds=2, **settings)
            web.configure(socket_url=relay.url)
            stack.enter_context(web)
            relay.wait_until_ready()
            store = make_store(redis_url, key_prefix)
            stack.enter_context(beating(store))
            return Site(store, relay, web)

        yield start


@pytest.fixture
def site(start_site: StartSite) -> Site:
    """A whole site."""
    return start_site()


@pytest.fixture
def watched(context: BrowserContext, complaints: Complaints, site: Site) -> Iterator[Watched]:
    """A page on the site; the policy is on."""
    made = Watched(context, complaints, site)
    yield made
    assert made.happened == []
