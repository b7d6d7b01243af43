"""Logging in and out at an OpenID provider, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, OpenPage, Site, StartSite
from tests.support.logins import PASSWORD, grant, write
from tests.support.oidc_provider import OidcProvider
from tests.support.ports import free_port
from tests.support.relay import Producer

pytestmark = pytest.mark.browser

NAME = "Example & Sons"


@pytest.fixture
def there(tmp_path: Path, start_site: StartSite, complaints: Complaints) -> Iterator[tuple[Site, OidcProvider]]:
    """A site whose people log in at a provider, or with a password."""
    # Of our pages; and of the provider's, which have a font from elsewhere and no icon.
    for expected in ("401 (UNAUTHORIZED)", "WebSocket connection to", "ERR_NAME_NOT_RESOLVED", "404 (Not Found)"):
        complaints.expect(expected)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    policy = write(tmp_path / "policy.toml", grant("group:builders", "operator") + grant("group:admins", "admin"))
    with OidcProvider(tmp_path, address, {"ann": ["builders"]}) as provider:
        settings = provider.settings(
            address, auth_mode="oidc,password", auth_admin_password=PASSWORD, auth_policy_file=policy,
            auth_oidc_display_name=NAME, auth_oidc_logout="on",
        )  # fmt: skip
        yield start_site(port=port, **settings), provider


def enter(page: Page, name: str) -> None:
    """Log in on the pages of the provider."""
    page.get_by_role("button", name=f"Log in with {NAME}").click()
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("x")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()


def test_the_login_leads_over_the_provider_to_the_page_and_out_again(
    there: tuple[Site, OidcProvider], open_page: OpenPage
) -> None:
    site, provider = there
    producer = Producer(site.store)
    producer.write(30)
    page = open_page(f"{site.run_page(producer.run_id)}?x=1#L5")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    # Both ways are there.
    expect(page.get_by_label("Password")).to_be_visible()
    enter(page, "ann")
    expect(page).to_have_url(f"{site.run_page(producer.run_id)}?x=1#L5")
    expect(page.locator(".account summary")).to_contain_text("ann")
    expect(page.locator("#L5")).to_be_visible()
    expect(page.locator(".connection")).to_contain_text("Live")
    page.locator(".account summary").click()
    page.locator(".account .menu").get_by_text("Log out", exact=True).click()
    expect(page).to_have_url(re.compile(f"^{re.escape(provider.issuer)}/session/end"))
    page.get_by_role("button", name="Yes").click()
    expect(page).to_have_url(re.compile(f"^{re.escape(site.web.url)}/login"))
    expect(page.get_by_role("button", name=f"Log in with {NAME}")).to_be_visible()


def test_what_fails_at_the_provider_is_said_on_the_login_page(
    there: tuple[Site, OidcProvider], open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("503 (SERVICE UNAVAILABLE)")
    site, provider = there
    page = open_page(f"{site.web.url}/login?next=/audit")
    page.get_by_role("button", name=f"Log in with {NAME}").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(f"{site.web.url}/login?why=denied&next=%2Faudit")
    expect(page.get_by_role("alert")).to_have_text(
        "The provider did not let you in, or you stopped there. You can try again."
    )
    # A word that is not ours says nothing, and nothing of the address is shown.
    page.goto(f"{site.web.url}/login?why=<b>evil</b>")
    expect(page.get_by_role("button", name=f"Log in with {NAME}")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    provider.process.kill()
    # (Its metadata is known; what is asked next is not answered.)
    site.web.restart()
    page.get_by_role("button", name=f"Log in with {NAME}").click()
    expect(page.get_by_role("alert")).to_contain_text("The provider does not answer")
    # The password is a way in meanwhile.
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".account summary")).to_contain_text("admin")
