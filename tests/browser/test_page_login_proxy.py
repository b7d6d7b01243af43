"""Logged in by a proxy in a browser: a stock nginx knows who somebody is by a cookie of its own, and adds headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from runtail.auth.proxy_settings import SECRET_HEADER
from tests.browser.conftest import Complaints
from tests.support.beating import beating
from tests.support.installation import Installation
from tests.support.logins import grant, write
from tests.support.nginx import nginx_before
from tests.support.proxied import GROUPS, NAME, SECRET, SETTINGS, USER
from tests.support.relay import Producer
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

SECONDS = 60_000
#: How often a page has to come back, in seconds.
STREAM_SECONDS = 2
RENEWALS = 3
#: Of the proxy: where people log in and out.
THEIR_LOGIN, THEIR_LOGOUT = "/their/login", "/their/logout?rd=%2F"

#: The login of the proxy is a cookie with the user's name. A header with an empty value is not sent.
PROXY = """
    proxy_http_version 1.1;
    location / {{
      if ($cookie_who = "") {{ return 302 {login}?rd=$uri; }}
      proxy_pass {web};
      proxy_set_header Host $http_host;
      {headers}
    }}
    location /socket.io/ {{
      if ($cookie_who = "") {{ return 302 {login}; }}
      proxy_pass {relay};
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      {headers}
    }}
    location {login} {{ default_type text/html; return 200 "<title>Their login</title>"; }}
    location /their/logout {{
      default_type text/html;
      add_header Set-Cookie "who=; Max-Age=0; Path=/";
      return 200 "<title>Goodbye</title>";
    }}
"""
HEADERS = f"""
      proxy_set_header {SECRET_HEADER} "{SECRET}";
      proxy_set_header {USER} $cookie_who;
      proxy_set_header {GROUPS} "builders";
      proxy_set_header {NAME} "Ann of $cookie_who";
"""
#: Notes every word that the page says about its connection.
WATCH = """
window.said = [];
document.addEventListener("DOMContentLoaded", () =>
  new MutationObserver(() => {
    for (const one of document.querySelectorAll(".connection, .problem")) {
      const text = `${one.className}: ${one.textContent}`;
      if (window.said.at(-1) !== text) window.said.push(text);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true }));
"""


@pytest.fixture
def installation(tmp_path: Path, redis_url: str) -> Iterator[Installation]:
    policy = write(tmp_path / "policy.toml", grant("group:builders", "operator"))
    settings: dict[str, Any] = {
        **SETTINGS,
        "auth_policy_file": policy,
        "auth_proxy_stream_seconds": STREAM_SECONDS,
        "auth_proxy_logout_url": THEIR_LOGOUT,
        "proxy_hops": 1,
    }
    with ExitStack() as stack:
        found = stack.enter_context(Installation(tmp_path, redis_url, services=("web", "socket"), **settings))
        stack.enter_context(beating(found.store))
        yield found


@pytest.fixture
def address(installation: Installation, tmp_path: Path) -> Iterator[str]:
    """Where the proxy is."""
    (tmp_path / "nginx").mkdir()
    where = {"web": installation.web.url, "relay": installation.relay.url, "login": THEIR_LOGIN, "headers": HEADERS}
    with nginx_before("", tmp_path / "nginx", body=PROXY.format(**where)) as url:
        yield url


@pytest.fixture
def page(context: BrowserContext, complaints: Complaints, address: str) -> Page:
    """A page whose user the proxy knows."""
    context.add_cookies([{"name": "who", "value": "ann", "url": address}])
    made = context.new_page()
    complaints.watch(made)
    made.add_init_script(WATCH)
    return made


def renewed(installation: Installation) -> float:
    """Return how often the relay has let somebody come back."""
    return installation.relay.metric('runtail_socket_sent_away_total{reason="proxy"}')


def test_a_log_is_followed_while_the_proxy_judges_again(installation: Installation, address: str, page: Page) -> None:
    producer = Producer(installation.store).start(100)
    page.goto(f"{address}/runs/{producer.run_id}")
    expect(page.locator(".account summary")).to_contain_text("Ann of ann")
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    page.evaluate("window.said = []")
    wait_for(lambda: renewed(installation) >= RENEWALS, 60)
    expect(page.locator(".connection")).to_contain_text("Live")
    said = page.evaluate("window.said")
    assert set(said) == {"connection connected: Live"}, said
    # Every line is there once: the digests say so.
    producer.stop()
    expect(page.locator(".verdict.ok")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".verdict.ok")).to_contain_text(f"{producer.count:,}")
    expect(page.get_by_text(producer.line(producer.count).decode(), exact=True)).to_be_visible()


def test_logging_out_leads_to_the_proxy(address: str, page: Page) -> None:
    page.goto(address)
    page.locator(".account summary").click()
    expect(page.get_by_role("button", name="Log out everywhere")).to_have_count(0)
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url(f"{address}{THEIR_LOGOUT}")
    page.goto(address)
    expect(page).to_have_title("Their login")


def test_a_login_that_the_proxy_ended_ends_the_stream(
    installation: Installation, address: str, page: Page, context: BrowserContext, complaints: Complaints
) -> None:
    """The relay asks within the time that is set; the page then follows the proxy to its login, and comes back."""
    complaints.expect("WebSocket connection to")
    producer = Producer(installation.store).start(20)
    page.goto(f"{address}/runs/{producer.run_id}")
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    context.clear_cookies()
    expect(page).to_have_title("Their login", timeout=SECONDS)
    there = page.url
    assert there.startswith(f"{address}{THEIR_LOGIN}?rd=/login"), there
    # Logged in again, they are led back to the run.
    context.add_cookies([{"name": "who", "value": "ann", "url": address}])
    page.goto(f"{address}/login?next=/runs/{producer.run_id}")
    page.wait_for_url(f"{address}/runs/{producer.run_id}")
    expect(page.locator(".connection")).to_contain_text("Live", timeout=SECONDS)
    producer.stop()


def test_without_a_proxy_nobody_is_known(
    installation: Installation, context: BrowserContext, complaints: Complaints
) -> None:
    page = context.new_page()
    complaints.watch(page)
    page.goto(installation.web.url)
    page.wait_for_url(re.compile(r"/login\?next=/$"))
    expect(page.get_by_text("Open Runtail at the proxy's address")).to_be_visible()
