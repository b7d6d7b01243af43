"""Whatever an address, a form, a session or an answer says to the page of the login, it is text and leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from playwright.sync_api import BrowserContext, Route, expect

from runtail.auth.login_codes import FRAGMENT
from tests.browser.conftest import Complaints, Site, StartSite
from tests.browser.watched import SECONDS, Watched, batches, no_more_than
from tests.support.hostile import CORPUS, Hostile, seen_as_name
from tests.support.logins import PASSWORD, write_users

pytestmark = pytest.mark.browser

#: Longer ones lead to the list, whatever they are.
LONGEST_ADDRESS = 900
#: What could be an address by itself.
ADDRESS = re.compile("[^<\"'`\x1b]{0,30}?[:/\\\\]")


@pytest.fixture
def locked(start_site: StartSite, tmp_path: Path, complaints: Complaints) -> Site:
    """A site with an administrator."""
    complaints.expect("401 (UNAUTHORIZED)")
    users = write_users(tmp_path / "users", admin="admins")
    return start_site(auth_mode="password", auth_users_file=users)


@pytest.fixture
def watched(context: BrowserContext, complaints: Complaints, locked: Site) -> Iterator[Watched]:
    """A page on the site with a login; the policy is on."""
    made = Watched(context, complaints, locked)
    yield made
    assert made.happened == []


def log_in(watched: Watched) -> None:
    """Log in as a person does."""
    page = watched.open("/login")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".account summary")).to_contain_text("admin")


def rename_session(watched: Watched, name: str) -> None:
    """Give the only session another name in the store, which is not trusted."""
    store = watched.site.store
    (key,) = store.client.scan_iter(f"{store.keys.auth_prefix}session:*")
    store.client.hset(key, "name", name)


def test_an_address_to_go_on_to_leads_to_no_other_site(watched: Watched) -> None:
    log_in(watched)

    def show(texts: Sequence[Hostile]) -> None:
        whole = [one.text[:LONGEST_ADDRESS] for one in texts if ADDRESS.match(one.text)]
        # In the middle of a path of ours, and behind the `#`, which is kept.
        within = ["".join(one.text[:75] for one in some) for some in batches(texts, 12)]
        for query in [
            *(f"?next={quote(text, safe='')}" for text in whole),
            *(f"?next=/{quote(text, safe='')}#{quote(text, safe='')}" for text in within),
        ]:
            page = watched.open(f"/login{query}")
            on = page.get_by_role("link", name="Continue")
            expect(on).to_be_visible(timeout=SECONDS)
            assert on.evaluate("(link) => new URL(link.href).origin === location.origin"), query
            watched.look()

    no_more_than(watched, show, CORPUS)


def test_the_name_of_who_is_logged_in_is_text(watched: Watched) -> None:
    log_in(watched)

    def show(texts: Sequence[Hostile]) -> None:
        for some in batches(texts, 20):
            name = " · ".join(one.text for one in some)
            rename_session(watched, f"{name} ")
            page = watched.open("/login")
            shown = page.locator("main .who")
            expect(shown).to_be_visible(timeout=SECONDS)
            assert shown.text_content() == seen_as_name(f"{name} ")
            page = watched.open("/tokens")
            page.locator(".account summary").click()
            expect(page.locator(".account .menu")).to_be_visible()
            watched.look()

    no_more_than(watched, show, CORPUS)


def test_what_the_server_says_is_text(watched: Watched, complaints: Complaints) -> None:
    complaints.expect("400")
    answers: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        route.fulfill(status=400, content_type="application/problem+json", body=orjson.dumps(answers[-1]))

    def show(texts: Sequence[Hostile]) -> None:
        page = watched.open("/login")
        page.route(re.compile("/auth/login$"), answer)
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill("x")
        for number, some in enumerate(batches(texts, 10)):
            words = f"{number}: " + " · ".join(one.text for one in some)
            answers.append({"title": words, "detail": f"detail {words}", "code": words, "limit": words})
            page.get_by_role("button", name="Log in").click()
            problem = page.get_by_role("alert")
            expect(problem).to_contain_text(f"detail {number}: ", timeout=SECONDS)
            assert seen_as_name(words) in (problem.text_content() or "")
            watched.look()
        page.unroute(re.compile("/auth/login$"))

    no_more_than(watched, show, CORPUS)


def test_what_is_typed_is_text(watched: Watched, complaints: Complaints) -> None:
    # More wrong passwords than somebody may try, and names that nobody can have.
    complaints.expect("422")
    complaints.expect("429")

    def show(texts: Sequence[Hostile]) -> None:
        for some in batches(texts, 20):
            page = watched.open("/login")
            # A body has a limit, too.
            text = "".join(one.text[:200] for one in some)
            page.get_by_label("Name").fill(text)
            page.get_by_label("Password").fill(text)
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("alert")).to_be_visible(timeout=SECONDS)
            watched.look()

    no_more_than(watched, show, CORPUS)


def test_what_a_link_brings_is_text(context: BrowserContext, complaints: Complaints, start_site: StartSite) -> None:
    for status in ("400", "401", "422", "429"):
        complaints.expect(status)
    watched = Watched(context, complaints, start_site(auth_mode="link"))

    def show(texts: Sequence[Hostile]) -> None:
        for some in batches(texts, 20):
            code = quote("".join(one.text for one in some)[:LONGEST_ADDRESS], safe="")
            watched.open("/api")
            page = watched.open(f"/login#{FRAGMENT}{code}")
            expect(page.get_by_role("alert")).to_be_visible(timeout=SECONDS)
            expect(page).to_have_url(f"{watched.site.web.url}/login")
            watched.look()

    no_more_than(watched, show, CORPUS)
