"""The page with API tokens, and the one where the code of a command line is typed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from runtail.auth.command_line import CommandLines
from runtail.auth.tokens import Tokens
from tests.browser.conftest import Complaints, OpenPage, Site, StartSite
from tests.browser.looks import overflows, violations
from tests.browser.watched import Watched, batches, no_more_than
from tests.support.hostile import CORPUS, Hostile, seen_as_name
from tests.support.logins import PASSWORD, write_users
from tests.support.processes import StartProcess
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

SECONDS = 20_000
DAY_MS = 86_400_000


@pytest.fixture
def locked(start_site: StartSite, tmp_path: Path, complaints: Complaints) -> Site:
    """A site with users: admin and ann, who only looks."""
    complaints.expect("401 (UNAUTHORIZED)")
    users = write_users(tmp_path / "users", admin="admins", ann="")
    return start_site(auth_mode="password", auth_users_file=users)


def enter(page: Page, site: Site, name: str, path: str) -> None:
    """Log in, and go to a page."""
    page.goto(f"{site.web.url}/login?next={path}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".account summary")).to_contain_text(name)


def make(page: Page, name: str, days: str = "90") -> str:
    """Make a token on the page; return it."""
    page.get_by_text("Make a token").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Days until it ends").fill(days)
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name=f"The token {name}")).to_be_focused()
    return page.locator(".new-token .secret").inner_text()


def status(site: Site, token: str) -> int:
    """Return what the API says to a token."""
    return httpx.get(f"{site.web.url}/api/v1/runs", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_is_made_shown_once_used_and_revoked(
    locked: Site, open_page: OpenPage, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/tokens")
    expect(page).to_have_title("Tokens · Runtail")
    expect(page.locator("main")).to_contain_text("You have no tokens.")
    page.get_by_text("Make a token").click()
    boxes = page.get_by_role("group", name="Rights").get_by_role("checkbox")
    assert [box.is_checked() for box in boxes.all()] == [True] * 5 + [False]
    expect(page.get_by_role("group", name="Rights").locator("code").last).to_have_text("token:own")
    page.get_by_text("Make a token").click()
    token = make(page, "deploy", "3")
    expect(page.locator(".tokens td.side").last).to_have_text("never")
    assert status(locked, token) == 200
    expect(page.locator(".new-token")).to_contain_text("it is not shown again")
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("button", name="Copied the token")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_role("button", name="Copied the command")).to_be_visible()
    curl = page.evaluate("navigator.clipboard.readText()")
    assert curl == f"curl -H \"Authorization: Bearer $RUNTAIL_TOKEN\" '{locked.web.url}/api/v1/runs'"
    row = page.locator(".tokens tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("deploy")
    expect(row.locator(".ends")).to_have_class("ends soon")
    page.reload()
    expect(row).to_have_count(1)
    expect(page.locator(".new-token")).to_have_count(0)
    expect(row.locator("td.side").last).to_have_text(re.compile("now|ago"))
    assert token not in page.content()
    page.get_by_role("button", name="Revoke deploy").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert status(locked, token) == 200
    page.get_by_role("button", name="Revoke deploy").click()
    page.get_by_role("button", name="Yes, revoke the token").click()
    expect(row).to_have_count(0)
    assert status(locked, token) == 401


def test_a_token_gets_only_the_rights_that_are_chosen(locked: Site, open_page: OpenPage) -> None:
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/tokens")
    page.get_by_text("Make a token").click()
    group = page.get_by_role("group", name="Rights")
    for box in group.get_by_role("checkbox").all():
        box.uncheck()
    expect(page.get_by_role("button", name="Make the token")).to_be_disabled()
    group.get_by_label("tasks:read").check()
    page.get_by_text("Make a token").click()
    token = make(page, "tasks only")
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{locked.web.url}/api/v1/tasks", headers=headers).status_code == 200
    assert status(locked, token) == 403
    expect(page.locator(".tokens tbody .ends")).to_have_class("ends")


def test_what_the_server_refuses_is_said(locked: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("422 (UNPROCESSABLE")
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/tokens")
    page.get_by_text("Make a token").click()
    page.get_by_label("Name", exact=True).fill("long")
    page.get_by_label("Days until it ends").fill("5000")
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("main .fault")).to_contain_text("RUNTAIL_AUTH_TOKEN_MAX_DAYS")
    expect(page.get_by_label("Name", exact=True)).to_have_value("long")


def test_administrators_see_the_tokens_of_everybody(locked: Site, open_page: OpenPage) -> None:
    _, anns = Tokens(locked.store).make("anns", "user:ann", "ann", {"run:read"}, 30)
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/tokens")
    expect(page.locator(".tokens tbody tr")).to_have_count(1)
    expect(page.get_by_label("Of everybody")).to_have_count(0)
    enter(page, locked, "admin", "/tokens")
    expect(page.locator("main")).to_contain_text("You have no tokens.")
    page.get_by_label("Of everybody").check()
    row = page.locator(".tokens tbody tr")
    expect(row.locator(".who")).to_have_text("ann")
    page.get_by_role("button", name="Revoke anns").click()
    page.get_by_role("button", name="Yes, revoke the token").click()
    expect(row).to_have_count(0)
    assert Tokens(locked.store).find_all([anns.id]) == [None]


def test_a_command_line_that_waits_is_let_in(
    locked: Site, open_page: OpenPage, start_process: StartProcess, tmp_path: Path
) -> None:
    command = start_process(
        sys.executable, "-m", "runtail", "login", locked.web.url,
        name="login", environment={"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    wait_for(lambda: re.search("[A-Z]{4}-[A-Z]{4}", command.output()), 30, command.evidence)
    found = re.search("[A-Z]{4}-[A-Z]{4}", command.output())
    assert found
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/cli")
    expect(page.get_by_label("The code that runtail login shows")).to_be_focused()
    page.keyboard.type(found.group().lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Let this command line in?")).to_be_focused()
    asked = page.locator(".asked")
    expect(asked).to_contain_text("127.0.0.1")
    expect(asked).to_contain_text("ann")
    expect(asked).to_contain_text("30 days")
    expect(asked.locator("li code")).to_have_text(["tasks:read", "workers:read", "run:read", "params:read", "log:read"])
    page.get_by_role("button", name="Let it in", exact=True).click()
    expect(page.locator(".outcome")).to_contain_text("is logged in. You can close this page.")
    wait_for(lambda: f"You are logged in at {locked.web.url} as ann." in command.output(), 30, command.evidence)
    page.goto(f"{locked.web.url}/tokens")
    expect(page.locator(".tokens tbody tr")).to_contain_text("command line")


def test_a_command_line_can_be_left_out(locked: Site, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("404 (NOT FOUND)")
    lines = CommandLines(locked.store)
    waiting = lines.begin("192.0.2.7", "box")
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/cli")
    page.get_by_label("The code that runtail login shows").fill("BBBB-BBBB")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("No command line waits with this code.")
    page.get_by_label("The code that runtail login shows").fill(waiting.code)
    page.keyboard.press("Enter")
    expect(page.locator(".asked")).to_contain_text("box")
    expect(page.locator(".asked")).to_contain_text("192.0.2.7")
    page.get_by_role("button", name="Do not let it in").click()
    expect(page.locator(".outcome")).to_contain_text("It was not let in.")
    assert lines.take(waiting.secret) is True  # it still waits


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A context in one theme whose pages let axe-core in."""
    with browser.new_context(bypass_csp=True, color_scheme=request.param, reduced_motion="reduce") as made:
        yield made


def test_looks(locked: Site, themed: BrowserContext) -> None:
    tokens = Tokens(locked.store)
    long = "a-very-long-name-without-any-place-to-break-" * 2
    for name, days in (("deploy", 300), ("soon", 3), (long, 30)):
        tokens.make(name, "user:admin", "admin", {"run:read", "log:read", "run:start", "params:read"}, days)
    waiting = CommandLines(locked.store).begin("2001:db8::1:2:3:4", long)
    page = themed.new_page()
    enter(page, locked, "admin", "/tokens")
    for width, height in ((1440, 900), (768, 900), (360, 740), (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{locked.web.url}/tokens")
        page.get_by_label("Of everybody").check()
        expect(page.locator(".tokens th", has_text="Owner")).to_be_attached()
        make(page, f"made at {width}")
        assert violations(page) == [], width
        assert overflows(page) == [], width
        page.get_by_role("button", name="Revoke deploy").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert violations(page) == [], width
        page.keyboard.press("Escape")
        page.goto(f"{locked.web.url}/cli")
        page.get_by_label("The code that runtail login shows").fill(waiting.code)
        assert violations(page) == [], width
        page.keyboard.press("Enter")
        expect(page.locator(".asked")).to_be_visible()
        assert violations(page) == [], width
        assert overflows(page) == [], width


def test_whatever_stands_there_is_text(locked: Site, watched_page: Watched) -> None:
    enter(watched_page.page, locked, "admin", "/")
    store, now = locked.store, int(time.time() * 1000)

    def show(texts: Sequence[Hostile]) -> None:
        made = [Tokens(store).make("name", "user:admin", "admin", {"run:read"}, 30)[1] for _ in texts]
        for one, token in zip(texts, made, strict=True):
            # Past the cleaning of what we write ourselves: the store is not trusted.
            fields: dict[Any, Any] = {"name": one.text, "owner_name": one.text, "made_ms": now}
            store.client.hset(store.keys.token(token.id), mapping=fields)
        page = watched_page.open("/tokens")
        page.get_by_label("Of everybody").check()
        expect(page.locator(".tokens tbody tr")).to_have_count(len(texts), timeout=SECONDS)
        seen = {seen_as_name(one.text) for one in texts if one.text}
        assert seen <= set(page.locator(".tokens .task").all_text_contents())
        assert seen <= set(page.locator(".tokens td.who").all_text_contents())
        watched_page.look()
        page.locator(".tokens tbody button").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        watched_page.look()
        for token in made:
            Tokens(store).revoke(token.id)

    no_more_than(watched_page, show, CORPUS)


def test_what_a_command_line_says_of_itself_is_text(locked: Site, watched_page: Watched) -> None:
    enter(watched_page.page, locked, "admin", "/")

    def show(texts: Sequence[Hostile]) -> None:
        page = watched_page.open("/cli")
        # Some at a time: no more logins than a minute allows.
        for some in batches(texts, 20):
            words = "".join(f"{one.text} " for one in some)
            waiting = CommandLines(locked.store).begin(words, words)
            page.get_by_label("The code that runtail login shows").fill(waiting.code)
            page.keyboard.press("Enter")
            seen = page.locator(".asked dd")
            expect(seen.first).to_be_visible(timeout=SECONDS)
            shown = seen_as_name(words)
            assert seen.all_text_contents()[:2] == [shown, shown]
            watched_page.look()
            page.get_by_role("button", name="Do not let it in").click()

    no_more_than(watched_page, show, CORPUS)


@pytest.fixture
def watched_page(context: BrowserContext, complaints: Complaints, locked: Site) -> Iterator[Watched]:
    """A page on the site with a login; the policy is on."""
    made = Watched(context, complaints, locked)
    yield made
    assert made.happened == []
