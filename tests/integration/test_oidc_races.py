"""Log-outs while the provider is being asked: what it answers afterwards brings nothing back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from runtail.auth.users import digest_of
from tests.support.forging_provider import CLIENT_ID, CLIENT_SECRET, Claims, ForgingProvider
from tests.support.installation import Installation
from tests.support.logins import browser
from tests.support.passing_time import fill, let_pass
from tests.support.waiting import wait_for

EVENT: Claims = {"http://schemas.openid.net/event/backchannel-logout": {}}
#: For what happens by itself, on a busy machine.
PATIENCE_SECONDS = 40.0
Site = tuple[Installation, ForgingProvider]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Site]:
    with ForgingProvider() as provider:
        made = Installation(tmp_path_factory.mktemp("races"), redis_url, services=("web",), auth_mode="oidc")
        made.web.configure(
            public_url=made.web.url, auth_oidc_issuer=provider.issuer, auth_oidc_client_id=CLIENT_ID,
            auth_oidc_client_secret=CLIENT_SECRET,
        )  # fmt: skip
        with made:
            yield made, provider


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """The provider gives a refresh token, and names its sessions."""
    _installation, provider = running
    provider.refresh_token = "a refresh token"
    yield running
    provider.forge, provider.refresh_token, provider.before_answer = provider.sign, "", lambda _kind: None


def in_session(provider: ForgingProvider, sid: str, claims: Claims) -> str:
    return provider.sign(claims | {"sid": sid})


def log_out_there(site: Site, **names: str) -> int:
    """Send the provider's log-out; return the answer's status."""
    installation, provider = site
    claims = {name: value for name, value in provider.claims().items() if name not in ("sub", "nonce")}
    token = provider.sign(claims | {"jti": f"{id(claims)}-{names}", "events": EVENT, **names})
    return httpx.post(
        f"{installation.web.url}/auth/oidc/backchannel", data={"logout_token": token}, timeout=30
    ).status_code


def kept(installation: Installation) -> set[str]:
    """Return the keys of sessions, and of what is kept of the provider for them."""
    client: Any = installation.store.client
    keys = installation.store.keys
    beginnings = (keys.session(""), keys.oidc_session(""))
    return {key.decode() for beginning in beginnings for key in client.keys(f"{beginning}*")}


@pytest.mark.parametrize(
    ("sid", "names"),
    [
        ("there", {"sid": "there"}), ("there", {"sid": "there", "sub": "ann"}), ("there", {"sub": "ann"}),
        # The provider never names its sessions to us, but does when it ends them.
        ("", {"sid": "there", "sub": "ann"}), ("", {"sub": "ann"}),
    ],
)  # fmt: skip
def test_a_log_out_while_a_code_is_redeemed_counts_for_that_login(site: Site, sid: str, names: dict[str, str]) -> None:
    """The provider has made the tokens, ends the session, and only then sends the tokens."""
    installation, provider = site
    answered: list[int] = []
    provider.forge = partial(in_session, provider, sid) if sid else provider.sign
    provider.before_answer = lambda _kind: answered.append(log_out_there(site, **names))
    before = kept(installation)
    with browser(installation.web.url) as ann:
        answer = ann.get(provider.begin(ann, installation.web.url))
        assert answered == [200]
        assert parse_qs(urlsplit(answer.headers["Location"]).query)["why"] == ["expired"]
        assert ann.get("/api/v1/session").status_code == 401
        assert kept(installation) == before
        # Logging in there again is another session.
        provider.forge = partial(in_session, provider, f"{sid}-again")
        provider.before_answer = lambda _kind: None
        log_in(site, ann)


def log_in(site: Site, client: httpx.Client) -> None:
    """Log in, which a log-out of the user refuses for the rest of its second."""
    installation, provider = site
    # The logins of the tests before have no share in the limit of this one.
    let_pass(installation.store, 60)

    def let_in() -> bool:
        client.get(provider.begin(client, installation.web.url))
        return client.get("/api/v1/session").status_code == 200

    # A quick machine would begin more logins in that second than the 30 a minute that an address may.
    wait_for(let_in, PATIENCE_SECONDS, interval_seconds=0.25)


@pytest.mark.parametrize("everywhere", [False, True], ids=["here", "everywhere"])
def test_a_log_out_while_groups_are_asked_for_leaves_nothing_behind(site: Site, everywhere: bool) -> None:
    """The provider gives a new refresh token for a session that has just ended: it must not be kept."""
    installation, provider = site
    client, keys = installation.store.client, installation.store.keys
    statuses: list[int] = []
    with browser(installation.web.url) as ann:
        log_in(site, ann)
        (cookie,) = (one.value for one in ann.cookies.jar if not one.name.endswith("-login"))
        digest = digest_of(str(cookie))
        key = keys.oidc_session(digest)
        before = client.get(key)
        assert before is not None

        def leave(kind: str) -> None:
            assert kind == "refresh_token"
            if not statuses:
                statuses.append(ann.post("/auth/logout", json={"everywhere": everywhere}).status_code)

        provider.before_answer = leave
        client.zadd(keys.oidc_refreshes(), {digest: 0}, xx=True)
        wait_for(lambda: bool(statuses), PATIENCE_SECONDS)
        assert statuses == [204]
        wait_for(lambda: not client.exists(keys.oidc_refreshing(digest)), PATIENCE_SECONDS)
        assert client.get(key) is None
        assert client.zscore(keys.oidc_refreshes(), digest) is None


def test_nothing_is_asked_about_a_session_that_ended_with_all_of_its_user(site: Site) -> None:
    """Logging out everywhere in another browser ends this session, too: its refresh token is worth nothing more."""
    installation, provider = site
    client, keys = installation.store.client, installation.store.keys
    asked: list[str] = []
    with browser(installation.web.url) as ann, browser(installation.web.url) as elsewhere:
        log_in(site, ann)
        log_in(site, elsewhere)
        (cookie,) = (one.value for one in ann.cookies.jar if not one.name.endswith("-login"))
        digest = digest_of(str(cookie))
        assert elsewhere.post("/auth/logout", json={"everywhere": True}).status_code == 204
        assert ann.get("/api/v1/session").status_code == 401
        provider.before_answer = asked.append
        client.zadd(keys.oidc_refreshes(), {digest: 0}, xx=True)
        wait_for(lambda: client.zscore(keys.oidc_refreshes(), digest) is None, PATIENCE_SECONDS)
        assert client.get(keys.oidc_session(digest)) is None
        assert asked == []


def test_logins_that_begin_are_counted_whoever_they_say_to_come_through(site: Site) -> None:
    """Each waits in the store for ten minutes, and nobody knows who begins it."""
    installation, _provider = site
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    headers, body = {"X-Forwarded-For": "192.0.2.1"}, {"next": "/"}
    with browser(installation.web.url) as client:
        other = httpx.Client(base_url=installation.web.url, headers=client.headers, transport=elsewhere, timeout=30)

        def refused(who: httpx.Client, limit: str) -> bool:
            answer = who.post("/auth/oidc/login", json=body, headers=headers)
            return answer.status_code == 429 and answer.json()["limit"] == limit

        with other:
            assert not refused(client, "")
            fill(installation.store, "provider-logins")
            assert refused(client, "provider-logins")
            assert not refused(other, "")
            fill(installation.store, "all-provider-logins")
            assert refused(other, "all-provider-logins")
            let_pass(installation.store, 60)
            assert other.post("/auth/oidc/login", json=body).status_code == 200
