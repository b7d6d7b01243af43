"""The page of a run for somebody who may read its log and not its record, and for one who may not read its log."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Complaints, OpenPage, Site, StartSite
from tests.support.logins import PASSWORD, write, write_users
from tests.support.runs import finish, open_run, write_lines

pytestmark = pytest.mark.browser

SECONDS = 20_000
CANARY = "canary-of-the-record"
POLICY = """
[[grant]]
to = ["user:lea"]
rights = ["log:read"]

[[grant]]
to = ["user:rob"]
rights = ["run:read"]
"""


@pytest.fixture
def locked(start_site: StartSite, tmp_path: Path, complaints: Complaints) -> Site:
    """A site where lea reads logs, and rob reads records."""
    complaints.expect("401 (UNAUTHORIZED)")
    complaints.expect("403 (FORBIDDEN)")
    return start_site(
        auth_mode="password",
        auth_users_file=write_users(tmp_path / "users", lea="", rob=""),
        auth_policy_file=write(tmp_path / "policy.toml", POLICY),
        lease_seconds=600,
    )


@pytest.mark.parametrize("who", ["lea", "rob"])
def test_each_sees_what_they_may(locked: Site, open_page: OpenPage, who: str) -> None:
    writer = open_run(locked.store, "one", task="build.web")
    write_lines(writer, 1, 3)
    locked.store.client.hset(locked.store.keys.run("one"), "who", CANARY)
    page = open_page(f"{locked.web.url}/login?next=/runs/one")
    page.get_by_label("Name").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    note = page.get_by_text("You may read the log of this run")
    if who == "rob":
        expect(page.get_by_text(CANARY).first).to_be_visible(timeout=SECONDS)
        expect(page.locator(".connection")).to_contain_text("takes the right log:read", timeout=SECONDS)
        expect(page.locator("#L1")).to_have_count(0)
        expect(note).to_have_count(0)
        return
    expect(page.locator("#L3")).to_be_visible(timeout=SECONDS)
    expect(note).to_be_visible()
    expect(page.locator(".problem")).to_have_count(0)
    # It goes on as for everybody.
    write_lines(writer, 4, 4)
    expect(page.locator("#L4")).to_be_visible(timeout=SECONDS)
    finish(writer)
    expect(page.locator(".connection")).to_contain_text("Ended", timeout=SECONDS)
    expect(page.get_by_text(CANARY)).to_have_count(0)
