"""Share links on the page: made from lines of a run, read by a guest, revoked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Complaints, OpenPage, Site, StartSite
from tests.browser.logs import sharing
from tests.browser.looks import overflows, violations
from tests.support.logins import PASSWORD, grant, write, write_users
from tests.support.runs import finish, open_run

pytestmark = pytest.mark.browser

SECRET = "not-for-guests"


@pytest.fixture
def locked(start_site: StartSite, tmp_path: Path, complaints: Complaints) -> Site:
    """A site with users: ann starts and shares runs, bob only looks."""
    complaints.expect("401 (UNAUTHORIZED)")
    complaints.expect("404 (NOT FOUND)")
    return start_site(
        auth_mode="password",
        auth_users_file=write_users(tmp_path / "users", ann="builders", bob="lookers"),
        auth_policy_file=write(
            tmp_path / "policy.toml", grant("group:builders", "operator") + grant("group:lookers", "viewer")
        ),
        lease_seconds=600,
    )


@pytest.fixture
def guest(browser: Browser, complaints: Complaints) -> Iterator[Page]:
    """A page in the browser of somebody else."""
    with browser.new_context(viewport={"width": 1200, "height": 800}, bypass_csp=True) as made:
        page = made.new_page()
        complaints.watch(page)
        yield page


def enter(page: Page, site: Site, name: str, path: str) -> None:
    """Log in, and go to a page."""
    page.goto(f"{site.web.url}/login?next={path}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".account summary")).to_contain_text(name)


def line(number: int) -> str:
    """Return a line's text: 5 to 9 are for guests; the colour of line 5 goes on."""
    if number == 5:
        return "\x1b[32mgreen 5 <b>&amp;"
    return f"line {number}" if 5 <= number <= 9 else f"{SECRET} {number}"


def write_run(site: Site, run_id: str, lines: int = 12, *, over: bool = True) -> None:
    """Make a run whose entries have four lines each."""
    writer = open_run(site.store, run_id, task="build.web")
    for first in range(1, lines + 1, 4):
        writer.add("o", "".join(f"{line(n)}\n" for n in range(first, first + 4)).encode(), 1_764_000_000_000)
        writer.flush()
    if over:
        finish(writer)


def make_link(page: Page) -> str:
    """Make a link in the dialog; return it."""
    page.get_by_role("button", name="Make a link").click()
    secret = page.get_by_role("dialog").locator(".made .secret").first
    expect(secret).to_be_visible()
    return secret.inner_text()


def shown(page: Page) -> list[str]:
    """Return the lines that a guest sees, with their numbers."""
    return [row.inner_text().replace("\n", " ") for row in page.locator(".shared-log .row").all()]


def test_marked_lines_are_shared_read_by_a_guest_and_revoked(
    locked: Site, open_page: OpenPage, context: BrowserContext, guest: Page
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    write_run(locked, "build")
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/runs/build#L5-L9")
    page.get_by_role("button", name="Share…", exact=True).click()
    dialog = page.get_by_role("dialog", name="Share with a guest")
    expect(dialog.get_by_role("radio", name="lines 5-9")).to_be_checked()
    link = make_link(page)
    assert re.fullmatch(re.escape(locked.web.url) + r"/s/[a-z2-7]{10}#[\w-]{43}", link)
    dialog.get_by_role("button", name="Copy the link").click()
    expect(dialog.get_by_role("button", name="Copied the link")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    expect(dialog.locator(".shares li")).to_contain_text("lines 5-9, by ann, until")

    guest.goto(link)
    expect(guest.get_by_role("heading", name="build.web")).to_be_visible()
    expect(guest.get_by_role("status")).to_have_text("These are all lines.")
    assert shown(guest) == ["5 green 5 <b>&amp;", *(f"{n} line {n}" for n in range(6, 10))]
    # The colour goes on, and nothing of the output is markup.
    colours = [guest.locator(".row .text span").nth(n).evaluate("(e) => e.style.color") for n in (0, 4)]
    assert colours[0] == colours[1] != ""
    expect(guest.locator("main")).to_contain_text("You see lines 5-9 of this run, and nothing else of it, until")
    expect(guest.locator("main")).to_contain_text("They are not verifiable")
    assert SECRET not in guest.content()
    with guest.expect_download() as download:
        guest.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_text() == "".join(f"{line(n)}\n" for n in range(5, 10))
    guest.get_by_role("link", name="Plain text").click()
    expect(guest.locator("pre span")).to_have_count(5)
    assert SECRET not in guest.content()
    guest.go_back()
    expect(guest.locator(".shared-log .row")).to_have_count(5)

    dialog.get_by_role("button", name="Revoke the link to lines 5-9").click()
    expect(dialog.locator(".shares li")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Make a link")).to_be_visible()
    guest.reload()
    expect(guest.get_by_role("alert")).to_contain_text("This link does not work")
    assert guest.locator(".shared-log").count() == 0


def test_a_guest_follows_a_live_link_until_it_is_revoked(
    locked: Site, open_page: OpenPage, guest: Page, complaints: Complaints
) -> None:
    complaints.expect("WebSocket")  # while the relay is down
    writer = open_run(locked.store, "live", task="build.web")
    writer.add("o", b"first\n", 1_764_000_000_000)
    writer.flush()
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/runs/live")
    sharing(page)
    page.get_by_role("button", name="Share with a guest…").click()
    page.get_by_label("all lines, and what follows").check()
    page.get_by_role("dialog").get_by_role("combobox").select_option("3600")
    link = make_link(page)
    guest.goto(link)
    expect(guest.get_by_role("status")).to_have_text("Live")
    assert shown(guest) == ["1 first"]
    writer.add("o", b"second\nthird\n", 1_764_000_000_000)
    writer.flush()
    expect(guest.locator(".shared-log .row")).to_have_count(3)
    locked.relay.process.kill()
    expect(guest.get_by_role("status")).to_contain_text("Retrying")
    writer.add("o", b"fourth\n", 1_764_000_000_000)
    writer.flush()
    locked.relay.restart()
    expect(guest.locator(".shared-log .row")).to_have_count(4)
    assert shown(guest)[-1] == "4 fourth"
    expect(guest.get_by_role("status")).to_have_text("Live")
    page.get_by_role("button", name="Revoke the link to all lines").click()
    expect(guest.get_by_role("status")).to_contain_text("This link does not work any more")
    writer.add("o", b"fifth\n", 1_764_000_000_000)
    writer.flush()
    assert len(shown(guest)) == 4


def test_the_end_of_a_live_run_is_said(locked: Site, open_page: OpenPage, guest: Page) -> None:
    writer = open_run(locked.store, "ends", task="build.web")
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/runs/ends")
    sharing(page)
    page.get_by_role("button", name="Share with a guest…").click()
    page.get_by_label("all lines, and what follows").check()
    guest.goto(make_link(page))
    expect(guest.get_by_role("status")).to_have_text("Live")
    writer.add("o", b"all\n", 1_764_000_000_000)
    finish(writer)
    expect(guest.get_by_role("status")).to_have_text("The run has ended.")
    assert shown(guest) == ["1 all"]


def test_many_lines_come_a_thousand_at_a_time(locked: Site, open_page: OpenPage, guest: Page) -> None:
    writer = open_run(locked.store, "many", task="build.web")
    writer.add("o", b"".join(b"line %d\n" % n for n in range(1, 2501)), 1_764_000_000_000)
    finish(writer)
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/runs/many")
    sharing(page)
    page.get_by_role("button", name="Share with a guest…").click()
    guest.goto(make_link(page))
    rows = guest.locator(".shared-log .row")
    # Entries are not divided: this one has them all.
    expect(rows).to_have_count(2500)
    expect(guest.get_by_role("status")).to_have_text("These are all lines.")
    assert shown(guest)[-1] == "2500 line 2500"


def test_who_may_not_share_is_not_offered_it(locked: Site, open_page: OpenPage) -> None:
    write_run(locked, "build")
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "bob", "/runs/build#L5-L9")
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    expect(page.get_by_role("button", name="Share…", exact=True)).to_have_count(0)
    sharing(page)
    expect(page.get_by_role("button", name="Copy the link")).to_be_visible()
    expect(page.get_by_role("button", name="Share with a guest…")).to_have_count(0)


def test_who_may_read_the_run_is_led_to_its_lines(locked: Site, open_page: OpenPage) -> None:
    write_run(locked, "build")
    page = open_page(f"{locked.web.url}/login")
    enter(page, locked, "ann", "/runs/build#L5-L9")
    page.get_by_role("button", name="Share…", exact=True).click()
    link = make_link(page)
    page.goto(link)
    expect(page).to_have_url(f"{locked.run_page('build')}#L5-L9")


@pytest.mark.parametrize(("hash_", "words"), [("", "what follows the # is missing"), ("#x", "does not work")])
def test_a_link_that_is_not_whole_is_explained(locked: Site, guest: Page, hash_: str, words: str) -> None:
    guest.goto(f"{locked.web.url}/s/aaaaaaaaaa{hash_}")
    expect(guest.get_by_role("alert")).to_contain_text(words)
    expect(guest.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_dialog_and_guest_page_are_good_to_look_at(
    locked: Site, browser: Browser, complaints: Complaints, tmp_path: Path, scheme: str, width: int
) -> None:
    write_run(locked, "build-2026-11-30-with-a-rather-long-name-of-a-run")
    looks = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme, "bypass_csp": True}
    with browser.new_context(**looks) as ours, browser.new_context(**looks) as theirs:  # type: ignore[arg-type]
        page, guest = ours.new_page(), theirs.new_page()
        complaints.watch(page)
        complaints.watch(guest)
        enter(page, locked, "ann", "/runs/build-2026-11-30-with-a-rather-long-name-of-a-run#L5-L9")
        page.get_by_role("button", name="Share…", exact=True).click()
        page.screenshot(path=tmp_path / "form.png")
        link = make_link(page)
        page.get_by_text("For programs").click()
        expect(page.locator(".shares li")).to_have_count(1)
        page.screenshot(path=tmp_path / "dialog.png")
        assert violations(page) == []
        assert overflows(page) == []
        guest.goto(link)
        expect(guest.locator(".shared-log .row")).to_have_count(5)
        guest.screenshot(path=tmp_path / "guest.png")
        assert violations(guest) == []
        assert overflows(guest) == []
