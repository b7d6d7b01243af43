"""Logging in and out in a browser: the page, where it leads, and what ends with a login."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from runtail.auth.login_codes import FRAGMENT, make_login_code
from tests.browser.conftest import Complaints, OpenPage, Site, StartSite
from tests.browser.logs import more
from tests.browser.looks import overflows, violations
from tests.support.logins import PASSWORD, browser, grant, log_in, write, write_users
from tests.support.relay import Producer
from tests.support.runs import open_run
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

#: Whoever is not logged in yet is told so by statuses, which browsers write into their console.
UNKNOWN = "401 (UNAUTHORIZED)"
#: What a browser says of a handshake that a relay refuses.
REFUSED = "WebSocket connection to"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Who may do what: ann everything but to delete, bob looks at runs."""
    return write(
        tmp_path / "policy.toml",
        grant("group:admins", "admin") + grant("group:builders", "operator") + grant("group:guests", "viewer"),
    )


@pytest.fixture
def locked(start_site: StartSite, tmp_path: Path, policy: Path, complaints: Complaints) -> Site:
    """A site with users: admin, ann and bob."""
    complaints.expect(UNKNOWN)
    complaints.expect(REFUSED)
    users = write_users(tmp_path / "users", admin="admins", ann="builders", bob="guests")
    return start_site(auth_mode="password", auth_users_file=users, auth_policy_file=policy)


def fill_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Type into the form of the login, and press Enter."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def enter(page: Page, name: str) -> None:
    """Log in on the page of the login, and wait until another page says who came in."""
    fill_in(page, name)
    expect(page.locator(".account summary")).to_contain_text(name)


def menu(page: Page, entry: str) -> None:
    """Choose from the menu of who is logged in."""
    page.locator(".account summary").click()
    page.locator(".account .menu").get_by_text(entry, exact=True).click()


def test_the_login_leads_to_the_page_that_was_asked_for(locked: Site, open_page: OpenPage) -> None:
    producer = Producer(locked.store)
    producer.write(30)
    page = open_page(f"{locked.run_page(producer.run_id)}?x=1#L5")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    expect(page).to_have_title("Log in · Runtail")
    name, password = page.get_by_label("Name"), page.get_by_label("Password")
    expect(name).to_be_focused()
    assert [one.get_attribute("autocomplete") for one in (name, password)] == ["username", "current-password"]
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.insert_text(PASSWORD)  # as pasting does
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{locked.run_page(producer.run_id)}?x=1#L5")
    expect(page.locator(".account summary")).to_contain_text("ann")
    expect(page.locator("#L5")).to_be_visible()
    expect(page.locator(".connection")).to_contain_text("Live")


def test_a_wrong_password_is_said_and_another_can_be_typed(locked: Site, open_page: OpenPage) -> None:
    page = open_page(f"{locked.web.url}/login")
    fill_in(page, "ann", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong. Check both.")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("ann")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{locked.web.url}/")
    expect(page.locator(".account summary")).to_contain_text("ann")


@pytest.mark.parametrize("next_", ["//evil.test/", "/%5Cevil.test", "/%09/evil.test", "https://evil.test", "/login"])
def test_a_hostile_address_leads_to_the_list(locked: Site, open_page: OpenPage, next_: str) -> None:
    page = open_page(f"{locked.web.url}/login?next={next_}")
    enter(page, "ann")
    expect(page).to_have_url(f"{locked.web.url}/")


def test_whoever_is_logged_in_already_is_told_so(locked: Site, open_page: OpenPage) -> None:
    page = open_page(f"{locked.web.url}/login?next=/audit")
    other = open_page(f"{locked.web.url}/login")
    enter(other, "admin")
    page.reload()
    expect(page.locator("main")).to_contain_text("You are logged in as admin.")
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(f"{locked.web.url}/audit")


def test_caps_lock_is_mentioned(locked: Site, open_page: OpenPage) -> None:
    page = open_page(f"{locked.web.url}/login")
    page.get_by_label("Password").focus()
    hint = page.locator("#login-hint")
    expect(hint).to_be_empty()
    page.evaluate("""() => document.querySelector("#login-password")
        .dispatchEvent(new KeyboardEvent("keydown", {key: "A", modifierCapsLock: true, bubbles: true}))""")
    expect(hint).to_have_text("Caps Lock is on.")
    page.keyboard.press("a")
    expect(hint).to_be_empty()


def test_the_menu_has_what_somebody_may_do(locked: Site, open_page: OpenPage) -> None:
    page = open_page(f"{locked.web.url}/login")
    enter(page, "bob")
    summary, entries = page.locator(".account summary"), page.locator(".account .menu > :is(a, button)")
    summary.click()
    expect(entries).to_have_text(["Tokens", "Log out", "Log out everywhere"])
    page.keyboard.press("Escape")
    expect(entries.first).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    expect(entries.first).to_be_visible()
    page.get_by_role("heading", name="Runs", exact=True).click(force=True)
    expect(entries.first).to_be_hidden()
    menu(page, "Log out")
    expect(page).to_have_url(f"{locked.web.url}/login")
    enter(page, "admin")
    menu(page, "Audit log")
    expect(page).to_have_url(f"{locked.web.url}/audit")
    expect(page.locator(".audit tbody tr", has_text="Login").first).to_be_visible()


@pytest.mark.parametrize("entry", ["Log out", "Log out everywhere"])
def test_logging_out_in_one_tab_ends_the_other(locked: Site, open_page: OpenPage, entry: str) -> None:
    producer = Producer(locked.store)
    producer.write(5)
    page = open_page(f"{locked.web.url}/login")
    enter(page, "ann")
    watching = open_page(locked.run_page(producer.run_id))
    expect(watching.locator(".connection")).to_contain_text("Live")
    menu(page, entry)
    expect(page).to_have_url(f"{locked.web.url}/login")
    expect(watching).to_have_url(f"{locked.web.url}/login?next=%2Fruns%2F{producer.run_id}")
    enter(watching, "ann")
    expect(watching).to_have_url(locked.run_page(producer.run_id))
    expect(watching.locator(".connection")).to_contain_text("Live")


def test_logging_out_everywhere_ends_other_browsers(locked: Site, browser: Browser, open_page: OpenPage) -> None:
    page = open_page(f"{locked.web.url}/login")
    enter(page, "ann")
    with browser.new_context() as elsewhere:
        other = elsewhere.new_page()
        other.goto(f"{locked.web.url}/login")
        enter(other, "ann")
        expect(other.locator(".connection")).to_contain_text("Connected")
        menu(page, "Log out everywhere")
        expect(other).to_have_url(f"{locked.web.url}/login?next=%2F")


def test_a_login_that_ended_leads_to_the_login_from_wherever_it_is_noticed(
    locked: Site, open_page: OpenPage, context: BrowserContext
) -> None:
    page = open_page(f"{locked.web.url}/login")
    enter(page, "admin")
    page.goto(f"{locked.web.url}/audit?event=login")
    expect(page.locator(".audit tbody tr").first).to_be_visible()
    context.clear_cookies()
    page.get_by_role("button", name="Refresh").click()
    expect(page).to_have_url(f"{locked.web.url}/login?next=%2Faudit%3Fevent%3Dlogin")
    enter(page, "admin")
    expect(page).to_have_url(f"{locked.web.url}/audit?event=login")


def test_a_search_is_no_way_around_it(locked: Site, open_page: OpenPage, context: BrowserContext) -> None:
    producer = Producer(locked.store)
    producer.write(30)
    page = open_page(f"{locked.web.url}/login?next=/runs/{producer.run_id}")
    enter(page, "ann")
    expect(page.locator("#L30")).to_be_visible()
    context.clear_cookies()
    page.keyboard.press("/")
    page.get_by_label("Find in the log").fill("line 3")
    expect(page).to_have_url(re.compile("/login[?]next="))


def test_a_relay_that_refuses_leads_to_the_login(locked: Site, open_page: OpenPage, context: BrowserContext) -> None:
    producer = Producer(locked.store)
    producer.write(5)
    page = open_page(f"{locked.web.url}/login?next=/runs/{producer.run_id}")
    enter(page, "ann")
    expect(page.locator(".connection")).to_contain_text("Live")
    context.clear_cookies()
    locked.relay.process.kill()
    expect(page).to_have_url(re.compile("/login[?]next="))


def test_a_right_that_is_taken_away_is_said_and_ends_the_reading(
    locked: Site, open_page: OpenPage, policy: Path, complaints: Complaints
) -> None:
    complaints.expect("404 (NOT FOUND)")
    producer = Producer(locked.store)
    producer.write(5)
    page = open_page(f"{locked.web.url}/login?next=/runs/{producer.run_id}")
    enter(page, "bob")
    expect(page.locator(".connection")).to_contain_text("Live")
    # The page looks once at what is left of the run; after that it asks for nothing.
    with page.expect_response(lambda answer: answer.status == 404 and answer.url.endswith(producer.run_id)):
        write(policy, grant("group:admins", "admin"))
    expect(page.get_by_role("alert")).to_contain_text("You may no longer read this run.")
    expect(page.locator(".connection")).to_contain_text("You may no longer read this run.")
    producer.write(1)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.wait_for_timeout(3_000)
    assert asked == []
    expect(page.locator("#L6")).to_have_count(0)


def test_what_somebody_may_not_do_is_not_offered(locked: Site, open_page: OpenPage) -> None:
    open_run(locked.store, "going", task="build.web")
    page = open_page(f"{locked.web.url}/login?next=/runs/going")
    enter(page, "bob")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_disabled()
    expect(cancel).to_have_attribute("title", "It takes the right run:cancel. Ask whoever grants rights here.")
    more(page)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("link", name="Run again with changes…")).to_have_count(0)
    menu(page, "Log out")
    expect(page).to_have_url(f"{locked.web.url}/login")
    page.goto(f"{locked.web.url}/login?next=/runs/going")
    enter(page, "ann")
    expect(cancel).to_be_enabled()
    more(page)
    expect(page.get_by_role("link", name="Run again with changes…")).to_be_visible()


def test_a_refusal_is_shown_in_words(locked: Site, open_page: OpenPage, complaints: Complaints, policy: Path) -> None:
    complaints.expect("403 (FORBIDDEN)")
    open_run(locked.store, "going", task="build.web")
    page = open_page(f"{locked.web.url}/login?next=/runs/going")
    enter(page, "ann")
    expect(page.get_by_role("button", name="Cancel")).to_be_enabled()
    write(policy, grant("group:builders", "viewer"))
    with browser(locked.web.url) as client:
        assert log_in(client, "ann").status_code == 200
        wait_for(lambda: "run:cancel" not in client.get("/api/v1/session").json()["rights"], 30)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes, cancel the run").click()
    expect(page.get_by_role("alert")).to_contain_text("You may not do this. It takes the right run:cancel.")


def test_a_login_link_lets_in_once(start_site: StartSite, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect(UNKNOWN)
    site = start_site(auth_mode="link")
    code = make_login_code(site.store)
    page = open_page(f"{site.web.url}/?state=failed#{FRAGMENT}{code}")
    expect(page).to_have_url(f"{site.web.url}/?state=failed")
    expect(page.locator(".account summary")).to_contain_text("127.0.0.1")
    menu(page, "Log out")
    expect(page).to_have_url(f"{site.web.url}/login")
    expect(page.get_by_label("Password")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("whoever opens a login link")
    again = open_page(f"{site.web.url}/#{FRAGMENT}{code}")
    expect(again.get_by_role("alert")).to_contain_text("This link does not work any more.")
    expect(again).to_have_url(f"{site.web.url}/login?next=/")
    assert code not in site.web.process.output()


def test_a_login_link_does_not_stay_in_the_address_of_who_is_logged_in(
    start_site: StartSite, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect(UNKNOWN)
    site = start_site(auth_mode="link")
    page = open_page(f"{site.web.url}/#{FRAGMENT}{make_login_code(site.store)}")
    expect(page.locator(".account summary")).to_be_visible()
    other = open_page(f"{site.web.url}/audit#{FRAGMENT}{make_login_code(site.store)}")
    expect(other).to_have_url(f"{site.web.url}/audit")
    expect(other.locator(".account summary")).to_be_visible()


def test_without_a_login_nothing_is_said_of_one(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.web.url)
    expect(page.locator(".connection")).to_contain_text("Connected")
    expect(page.get_by_role("link", name="Audit log")).to_be_visible()
    expect(page.locator(".account, .exposed")).to_have_count(0)
    page.goto(f"{site.web.url}/login")
    expect(page).to_have_url(f"{site.web.url}/")


def test_a_site_that_everybody_reaches_says_so_on_every_page(start_site: StartSite, open_page: OpenPage) -> None:
    site = start_site(auth_none_anywhere="on")
    producer = Producer(site.store)
    producer.write(3)
    said = "There is no login: everybody who reaches this address is an administrator."
    for path in ("/", "/audit", f"/runs/{producer.run_id}", f"/runs/{producer.run_id}/text"):
        page = open_page(site.web.url + path)
        expect(page.locator(".exposed")).to_have_text(said)


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A context in one theme whose pages let axe-core in."""
    with browser.new_context(bypass_csp=True, color_scheme=request.param, reduced_motion="reduce") as made:
        yield made


def test_looks(locked: Site, themed: BrowserContext) -> None:
    producer = Producer(locked.store)
    producer.write(3)
    page = themed.new_page()
    for width, height in ((1440, 900), (768, 900), (360, 740), (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{locked.web.url}/login")
        expect(page.get_by_label("Name")).to_be_focused()
        fill_in(page, "ann", "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == [], width
        assert overflows(page) == [], width
        enter(page, "admin")
        for path in ("/", f"/runs/{producer.run_id}"):
            page.goto(locked.web.url + path)
            expect(page.locator(".account summary")).to_contain_text("admin")
            assert violations(page) == [], (path, width)
            assert overflows(page) == [], (path, width)
            page.locator(".account summary").click()
            expect(page.get_by_role("link", name="Tokens")).to_be_visible()
            expect(page.locator(".account .menu")).to_be_in_viewport(ratio=1)
            # What the open menu covers is no target meanwhile.
            assert [one for one in violations(page) if "account" in one or "target-size" not in one] == [], path
            assert overflows(page) == [], (path, width)
        page.get_by_role("button", name="Log out", exact=True).click()
        expect(page).to_have_url(f"{locked.web.url}/login")
