"""Logging in at an OpenID provider that others wrote: what a login gives, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from runtail.auth.users import Users, digest_of
from runtail_web.login.oidc.kept import KeptSessions
from tests.support.installation import Installation
from tests.support.logins import PASSWORD, browser, cookie_header, log_in
from tests.support.oidc_provider import (
    CLIENT_SECRET,
    OidcProvider,
    begin_login,
    go,
    log_in_there,
    log_out_there,
    submit,
    until_callback,
)
from tests.support.oidc_site import RUN, oidc_site, until
from tests.support.relay import Client
from tests.support.services import Service
from tests.support.waiting import wait_for

#: What a notification may take.
BELL_SECONDS = 1.0
#: Groups are asked for again within this time.
REFRESH_SECONDS = 3.0
#: For what happens by itself, on a busy machine.
PATIENCE_SECONDS = 40.0

Site = tuple[Installation, OidcProvider]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Site]:
    """A provider and web, for tests that leave them as they are."""
    with oidc_site(tmp_path_factory.mktemp("oidc"), redis_url) as made:
        yield made


def why(answer: httpx.Response) -> str:
    """Return why a login failed, as the login page is told."""
    assert answer.status_code == 303, answer.text
    assert "runtail-" not in answer.headers.get("Set-Cookie", "")
    return parse_qs(urlsplit(answer.headers["Location"]).query)["why"][0]


def session_of(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/api/v1/session").json())


def may_start(client: httpx.Client, wanted: bool) -> bool:
    return ("run:start" in session_of(client)["rights"]) == wanted


def follow(installation: Installation, client: httpx.Client) -> Client:
    """Follow the run over the relay with a browser's login."""
    origin = f"Origin: {installation.web.url}"
    viewer = Client(installation.relay.url, headers=[cookie_header(client), origin], origin=False).join()
    assert viewer.emit("subscribe", {"v": 1, "run": RUN})["ok"]
    return viewer


def test_a_login_gives_what_the_policy_says(site: Site) -> None:
    installation, provider = site
    with browser(installation.web.url) as ann:
        answer = log_in_there(ann, installation.web.url, "ann", "/runs/one?line=3#L3")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/runs/one?line=3#L3")
        cookie = answer.headers["Set-Cookie"]
        assert f"runtail-{installation.web.port}=" in cookie
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/"))
        session = session_of(ann)
        assert session["id"] == f"oidc:{provider.issuer}:ann"
        assert (session["name"], session["modes"]) == ("ann", ["oidc"])
        assert "run:start" in session["rights"]
        assert ann.get("/api/v1/runs/one").status_code == 200
        assert ann.post("/auth/login", json={"name": "admin", "password": PASSWORD}).status_code == 404
    with browser(installation.web.url) as eve:
        # The provider lets in a whole company: who is in no group may do nothing.
        log_in_there(eve, installation.web.url, "eve")
        assert session_of(eve)["rights"] == []


def test_a_hostile_path_leads_home(site: Site) -> None:
    installation, _provider = site
    with browser(installation.web.url) as ann:
        assert log_in_there(ann, installation.web.url, "ann", "//evil.test/").headers["Location"] == "/"


def test_a_callback_works_once_and_in_its_own_browser(site: Site) -> None:
    installation, _provider = site
    web = installation.web.url
    with browser(web) as ann, browser(web) as other:
        back = until_callback(ann, web, "ann")
        assert why(other.get(back)) == "expired"
        begin_login(other, web)  # with a cookie of its own
        assert why(other.get(back)) == "expired"
        assert other.get("/api/v1/session").status_code == 401
        assert ann.get(back).headers["Location"] == "/"
        assert why(ann.get(back)) == "expired"


def test_two_tabs_can_log_in_at_once(site: Site) -> None:
    installation, _provider = site
    with browser(installation.web.url) as ann:
        first = until_callback(ann, installation.web.url, "ann", "/audit")
        second = until_callback(ann, installation.web.url, "ann", "/tokens")
        assert [ann.get(back).headers["Location"] for back in (first, second)] == ["/audit", "/tokens"]


@pytest.mark.parametrize(
    ("error", "shown"), [("access_denied", "denied"), ("server_error", "away"), ("unauthorized_client", "refused")]
)
def test_an_error_of_the_provider_is_said_on_the_login_page(site: Site, error: str, shown: str) -> None:
    installation, _provider = site
    web = installation.web.url
    with browser(web) as ann:
        state = parse_qs(urlsplit(begin_login(ann, web, "/audit")).query)["state"][0]
        answer = ann.get("/auth/oidc/callback", params={"error": error, "state": state})
        assert why(answer) == shown
        assert "next=%2Faudit" in answer.headers["Location"]
    assert f"the provider says {error}" in installation.web.process.output()


def test_the_request_to_the_provider_has_what_protects_it(site: Site) -> None:
    installation, provider = site
    web = installation.web.url
    with browser(web, Host="evil.test") as hostile, browser(web, Origin="http://evil.test") as foreign:
        assert [one.post("/auth/oidc/login", json={}).status_code for one in (hostile, foreign)] == [403, 403]
    # Another name of ours leads to the public one first, whose cookie counts.
    local = f"http://localhost:{installation.web.port}"
    with browser(web, Origin=local, Host=f"localhost:{installation.web.port}") as elsewhere:
        assert begin_login(elsewhere, web, "/audit") == f"{web}/login?next=%2Faudit"
    with browser(web) as ann:
        there = begin_login(ann, web, "/audit")
    assert there.startswith(f"{provider.issuer}/auth?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
    assert asked["redirect_uri"] == f"{web}/auth/oidc/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["scope"] == "openid profile email groups"
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))


def test_a_group_that_is_taken_away_counts_within_the_refresh_time(tmp_path: Path, redis_url: str) -> None:
    with oidc_site(tmp_path, redis_url, relay=True, auth_oidc_refresh_seconds=REFRESH_SECONDS) as (
        installation, provider,
    ), browser(installation.web.url) as ann:  # fmt: skip
        log_in_there(ann, installation.web.url, "ann")
        viewer = follow(installation, ann)
        provider.change(ann=[])
        told = until(viewer, lambda name, _data: name == "denied")
        assert (told["run"], told["code"]) == (RUN, "forbidden")
        assert session_of(ann)["rights"] == []
        provider.change(ann=["admins"])
        wait_for(lambda: "admin" in session_of(ann)["rights"], PATIENCE_SECONDS)
        # The provider no longer knows her.
        viewer = follow(installation, ann)
        provider.change(bob=["guests"])
        assert until(viewer, lambda name, _data: name == "denied")["code"] == "login"
        assert ann.get("/api/v1/session").status_code == 401


def test_two_services_ask_about_each_session_once(tmp_path: Path, redis_url: str) -> None:
    with oidc_site(tmp_path, redis_url, auth_oidc_refresh_seconds=1.0) as (installation, provider):
        second = Service("web", tmp_path, {}, installation.web.environment, label="second")
        with second, browser(installation.web.url) as ann:
            log_in_there(ann, installation.web.url, "ann")
            # A refresh token that is used twice would end the session at the provider.
            for groups in (["guests"], ["builders"]) * 3:
                provider.change(ann=groups)
                wait_for(partial(may_start, ann, groups == ["builders"]), PATIENCE_SECONDS)
        assert "grant.error" not in provider.process.output()


def test_a_log_out_at_the_provider_ends_session_and_streams(tmp_path: Path, redis_url: str) -> None:
    with oidc_site(tmp_path, redis_url, relay=True) as (installation, provider):
        web = installation.web.url
        with browser(web) as ann, browser(web) as bob:
            log_in_there(ann, web, "ann")
            log_in_there(bob, web, "bob")
            hers, his = follow(installation, ann), follow(installation, bob)
            log_out_there(ann, provider.issuer)
            began = time.monotonic()
            assert until(hers, lambda name, _data: name == "denied")["code"] == "login"
            assert time.monotonic() - began < BELL_SECONDS
            assert ann.get("/api/v1/session").status_code == 401
            assert his.emit("subscribe", {"v": 1, "run": RUN})["ok"]


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_log_out_here_can_lead_to_the_one_there(tmp_path: Path, redis_url: str, everywhere: bool) -> None:
    with oidc_site(tmp_path, redis_url, auth_oidc_logout="on") as (installation, provider):
        web = installation.web.url
        with browser(web) as ann:
            log_in_there(ann, web, "ann")
            answer = ann.post("/auth/logout", json={"everywhere": everywhere})
            assert answer.status_code == 200
            assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
            there = answer.json()["leads_to"]
            assert there.startswith(f"{provider.issuer}/session/end?")
            page = ann.get(there)
            answer = go(ann, submit(ann, page, logout="yes"), f"{web}/login")
            assert answer.next_request
            assert str(answer.next_request.url).startswith(f"{web}/login")
            # Nobody is logged in there any more.
            assert 'name="login"' in go(ann, ann.get(begin_login(ann, web)), web).text


def test_while_the_provider_is_away_sessions_go_on(tmp_path: Path, redis_url: str) -> None:
    # (This asks often.)
    with oidc_site(tmp_path, redis_url, auth_oidc_refresh_seconds=1.0, limit_changes=0) as (installation, provider):
        web = installation.web.url
        with browser(web) as ann, browser(web) as bob:
            log_in_there(ann, web, "ann")
            back = until_callback(bob, web, "bob", "/audit")
            provider.process.kill()
            installation.web.process.wait_for_log("sessions go on with the groups that they have", PATIENCE_SECONDS)
            assert why(bob.get(back)) == "away"
            assert bob.get("/api/v1/session").status_code == 401
            assert "run:start" in session_of(ann)["rights"]
            # Web starts without it, too.
            installation.web.restart()
            assert "run:start" in session_of(ann)["rights"]
            refused = bob.post("/auth/oidc/login", json={})
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert "The provider does not answer" in refused.json()["detail"]
            provider.start()
            wait_for(lambda: bob.post("/auth/oidc/login", json={}).status_code == 200, PATIENCE_SECONDS)
            assert log_in_there(bob, web, "bob").headers["Location"] == "/"


def test_without_a_refresh_token_a_session_lasts_an_hour(tmp_path: Path, redis_url: str) -> None:
    with oidc_site(tmp_path, redis_url, refresh=False) as (installation, _provider):
        with browser(installation.web.url) as ann:
            log_in_there(ann, installation.web.url, "ann")
            ends_ms = session_of(ann)["ends_ms"]
            assert 3500 < (ends_ms - installation.store.now_ms()) / 1000 <= 3600


def test_a_password_is_a_way_in_while_the_provider_is_away(tmp_path: Path, redis_url: str) -> None:
    with oidc_site(
        tmp_path, redis_url, auth_mode="oidc,password", auth_admin_password=PASSWORD
    ) as (installation, provider):  # fmt: skip
        web = installation.web.url
        with browser(web) as ann, browser(web) as admin:
            log_in_there(ann, web, "ann")
            provider.process.kill()
            assert log_in(admin).status_code == 200
            assert "admin" in session_of(admin)["rights"]
            assert session_of(admin)["modes"] == ["oidc", "password"]
            assert "run:start" in session_of(ann)["rights"]


def test_who_is_locked_out_is_told_so(site: Site) -> None:
    installation, provider = site
    with browser(installation.web.url) as ann:
        log_in_there(ann, installation.web.url, "ann")
        Users(installation.store).lock(f"oidc:{provider.issuer}:ann")
        assert ann.get("/api/v1/session").status_code == 401
        assert why(log_in_there(ann, installation.web.url, "ann")) == "locked"
        assert ann.get("/api/v1/session").status_code == 401
        Users(installation.store).unlock(f"oidc:{provider.issuer}:ann")


def test_tokens_of_who_has_left_do_not_work(site: Site) -> None:
    installation, provider = site
    web = installation.web.url
    with browser(web) as ann:
        log_in_there(ann, web, "ann")
        token = ann.post("/api/v1/tokens", json={"name": "ci"}).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{web}/api/v1/runs/{RUN}", headers=headers).status_code == 200
        user = installation.store.keys.user(digest_of(f"oidc:{provider.issuer}:ann"))
        long_ago_ms = installation.store.now_ms() - 46 * 86_400_000
        installation.store.client.hset(user, "seen_ms", long_ago_ms)
        answer = httpx.get(f"{web}/api/v1/runs/{RUN}", headers=headers)
        assert answer.status_code == 401
        assert "was not here for 45 days" in answer.json()["detail"]
        log_in_there(ann, web, "ann")
        assert httpx.get(f"{web}/api/v1/runs/{RUN}", headers=headers).status_code == 200


def test_nothing_of_the_provider_is_in_the_store_in_clear(site: Site) -> None:
    installation, _provider = site
    client = installation.store.client
    with browser(installation.web.url) as ann:
        log_in_there(ann, installation.web.url, "ann")
    kept = list(client.scan_iter(f"{installation.store.keys.auth_prefix}oidc-session:*"))
    assert kept
    for key in kept:
        sealed: Any = client.get(key)
        assert sealed.startswith(b"gAAAA")  # Fernet
        digest = key.decode().rpartition(":")[2]
        opened = KeptSessions(installation.store, CLIENT_SECRET).find(digest)
        assert opened
        assert len(opened.refresh_token) > 20
        # Neither with another secret, nor as another session's.
        assert KeptSessions(installation.store, "another secret").find(digest) is None
        client.copy(key, installation.store.keys.oidc_session("another"))
        assert KeptSessions(installation.store, CLIENT_SECRET).find("another") is None
        client.delete(installation.store.keys.oidc_session("another"))
        assert 0 < client.pttl(key) <= 43_200_000
