"""Forged tokens of an OpenID provider: each is refused, and the good one of the same provider is not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from runtail_web.login.oidc.kept import mark_of
from tests.support.forging_provider import CLIENT_ID, CLIENT_SECRET, Claims, ForgingProvider
from tests.support.installation import Installation
from tests.support.logins import browser
from tests.support.waiting import wait_for

EVENT: Claims = {"http://schemas.openid.net/event/backchannel-logout": {}}
Site = tuple[Installation, ForgingProvider]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Site]:
    with ForgingProvider() as provider:
        made = Installation(tmp_path_factory.mktemp("forged"), redis_url, services=("web",), auth_mode="oidc")
        made.web.configure(
            public_url=made.web.url, auth_oidc_issuer=provider.issuer, auth_oidc_client_id=CLIENT_ID,
            auth_oidc_client_secret=CLIENT_SECRET, limit_requests=0, limit_changes=0,
        )  # fmt: skip
        with made:
            yield made, provider


def with_session(provider: ForgingProvider, sid: str, claims: Claims) -> str:
    return provider.sign(claims | {"sid": sid})


def part(value: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: Claims, name: str = "none") -> str:
    return f"{part({'alg': name, 'typ': 'JWT'})}.{part(claims)}."


def with_secret(claims: Claims, secret: bytes) -> str:
    """Return a token that is signed with something that is not secret to everybody."""
    text = f"{part({'alg': 'HS256', 'kid': 'ours'})}.{part(claims)}"
    signature = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def now(seconds: int) -> int:
    return int(time.time()) + seconds


#: By what is forged: makes the token, and what web's log says of it.
FORGED: dict[str, tuple[Callable[[ForgingProvider, Claims], str], str]] = {
    "alg none": (lambda _p, c: unsigned(c), "none"),
    "alg None": (lambda _p, c: unsigned(c, "None"), "None"),
    "HS256 with the public key": (lambda p, c: with_secret(c, p.key.as_pem(private=False)), "HS256"),
    "HS256 with the client's secret": (lambda _p, c: with_secret(c, CLIENT_SECRET.encode()), "HS256"),
    "a key in the header": (
        lambda p, c: p.sign(c, key=p.foreign, jwk=p.foreign.as_dict(private=False)), "bad_signature",
    ),
    "a key in the header alone": (
        lambda p, c: p.sign(c, key=p.foreign, kid="foreign", jwk=p.foreign.as_dict(private=False)), "kid",
    ),
    "a foreign kid": (lambda p, c: p.sign(c, key=p.foreign, kid="foreign"), "kid"),
    "a foreign key with our kid": (lambda p, c: p.sign(c, key=p.foreign), "bad_signature"),
    "another issuer": (lambda p, c: p.sign(c | {"iss": "https://evil.test"}), "iss"),
    "another audience": (lambda p, c: p.sign(c | {"aud": "another"}), "aud"),
    "another audience, for us": (lambda p, c: p.sign(c | {"aud": "another", "azp": CLIENT_ID}), "aud"),
    "another nonce": (lambda p, c: p.sign(c | {"nonce": "another"}), "nonce"),
    "no nonce": (lambda p, c: p.sign({k: v for k, v in c.items() if k != "nonce"}), "nonce"),
    "another azp": (lambda p, c: p.sign(c | {"azp": "another"}), "azp"),
    "two audiences without azp": (lambda p, c: p.sign(c | {"aud": [CLIENT_ID, "another"]}), "azp"),
    "expired": (lambda p, c: p.sign(c | {"iat": now(-7200), "exp": now(-3600)}), "exp"),
    "without an end": (lambda p, c: p.sign({k: v for k, v in c.items() if k != "exp"}), "exp"),
    "issued in the future": (lambda p, c: p.sign(c | {"iat": now(3600), "exp": now(7200)}), "future"),
    "no subject": (lambda p, c: p.sign(c | {"sub": ""}), "sub"),
    "another's access token": (lambda p, c: p.sign(c | {"at_hash": "x"}), "at_hash"),
    "no token": (lambda _p, _c: "", "no id token"),
    "not a token": (lambda _p, _c: "a.b.c", "token must not be believed"),
}  # fmt: skip


def why(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["why"][0]


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_lets_nobody_in(site: Site, name: str) -> None:
    installation, provider = site
    make, told = FORGED[name]
    with browser(installation.web.url) as client:
        provider.forge = lambda claims: make(provider, claims)

        def is_refused_and_told() -> bool:
            before = len(installation.web.process.output())
            assert why(client.get(provider.begin(client, installation.web.url))) == "refused"
            assert client.get("/api/v1/session").status_code == 401
            return told in installation.web.process.output()[before:]

        # The log tells of ten failed logins a second, and these tests make more.
        wait_for(is_refused_and_told, 10, interval_seconds=0.3)
        # And it was the forgery: without it the same browser gets in.
        provider.forge = provider.sign
        assert client.get(provider.begin(client, installation.web.url)).headers["Location"] == "/"
        assert client.get("/api/v1/session").status_code == 200


def test_a_code_that_is_replayed_lets_nobody_in(site: Site) -> None:
    installation, provider = site
    provider.forge = provider.sign
    with browser(installation.web.url) as ann, browser(installation.web.url) as thief:
        back = provider.begin(ann, installation.web.url)
        assert ann.get(back).headers["Location"] == "/"
        assert why(ann.get(back)) == "expired"
        # In a login of the thief's own: the provider gives the token of the first login again.
        nonce = provider.nonce
        again = provider.begin(thief, installation.web.url)
        provider.nonce = nonce
        assert why(thief.get(again)) == "refused"
        assert thief.get("/api/v1/session").status_code == 401


def test_a_state_of_another_browser_lets_nobody_in(site: Site) -> None:
    installation, provider = site
    provider.forge = provider.sign
    with browser(installation.web.url) as ann, browser(installation.web.url) as victim:
        back = provider.begin(ann, installation.web.url)
        provider.begin(victim, installation.web.url)
        assert why(victim.get(back)) == "expired"
        assert victim.get("/api/v1/session").status_code == 401
        assert why(victim.get(back.replace("state=", "state=x"))) == "expired"
        assert why(victim.get(f"{installation.web.url}/auth/oidc/callback")) == "expired"


def test_an_answer_of_another_provider_lets_nobody_in(site: Site) -> None:
    installation, provider = site
    provider.forge = provider.sign
    with browser(installation.web.url) as ann:
        back = provider.begin(ann, installation.web.url)
        assert why(ann.get(f"{back}&iss=https%3A%2F%2Fevil.test")) == "refused"
        assert ann.get("/api/v1/session").status_code == 401


def logout_token(provider: ForgingProvider, **changes: object) -> Claims:
    """Return the claims of a good logout token of ann's."""
    claims = provider.claims(jti=f"{time.time_ns()}", events=EVENT) | changes
    return {
        name: value for name, value in claims.items() if value is not None and (name != "nonce" or changes.get(name))
    }


LOGOUTS: dict[str, Callable[[ForgingProvider], str]] = {
    "alg none": lambda p: unsigned(logout_token(p)),
    "HS256 with the public key": lambda p: with_secret(logout_token(p), p.key.as_pem(private=False)),
    "a foreign key": lambda p: p.sign(logout_token(p), key=p.foreign),
    "another issuer": lambda p: p.sign(logout_token(p, iss="https://evil.test")),
    "another audience": lambda p: p.sign(logout_token(p, aud="another")),
    "an id token": lambda p: p.sign(logout_token(p, nonce="n")),
    "no event": lambda p: p.sign(logout_token(p, events=None)),
    "another event": lambda p: p.sign(logout_token(p, events={"x": {}})),
    "no id": lambda p: p.sign(logout_token(p, jti=None)),
    "nobody": lambda p: p.sign(logout_token(p, sub=None)),
    "old": lambda p: p.sign(logout_token(p, iat=now(-3600))),
    "expired": lambda p: p.sign(logout_token(p, exp=now(-600))),
    "from the future": lambda p: p.sign(logout_token(p, iat=now(3600))),
    "nothing": lambda _p: "",
}


@pytest.mark.parametrize("name", LOGOUTS)
def test_a_forged_log_out_ends_nothing(site: Site, name: str) -> None:
    installation, provider = site
    provider.forge = provider.sign
    with browser(installation.web.url) as ann:
        ann.get(provider.begin(ann, installation.web.url))
        address = f"{installation.web.url}/auth/oidc/backchannel"
        answer = httpx.post(address, data={"logout_token": LOGOUTS[name](provider)})
        assert (answer.status_code, answer.json()["code"]) == (400, "logout-token")
        assert ann.get("/api/v1/session").status_code == 200


def test_a_log_out_counts_once(site: Site) -> None:
    installation, provider = site
    provider.forge = provider.sign
    address = f"{installation.web.url}/auth/oidc/backchannel"
    with browser(installation.web.url) as ann:
        ann.get(provider.begin(ann, installation.web.url))
        # (Of the same second as a login, it would be about that one, too.)
        good = {"logout_token": provider.sign(logout_token(provider, iat=now(-1)))}
        assert httpx.post(address, data=good).status_code == 200
        assert ann.get("/api/v1/session").status_code == 401
        ann.get(provider.begin(ann, installation.web.url))
        assert httpx.post(address, data=good).status_code == 200
        assert ann.get("/api/v1/session").status_code == 200


def test_a_log_out_that_went_wrong_counts_when_it_comes_again(site: Site) -> None:
    installation, provider = site
    provider.forge = provider.sign
    address = f"{installation.web.url}/auth/oidc/backchannel"
    client, key = installation.store.client, installation.store.keys.oidc_provider_session(mark_of("broken", ""))
    with browser(installation.web.url) as ann:
        provider.forge = partial(with_session, provider, "broken")
        ann.get(provider.begin(ann, installation.web.url))
        good = {"logout_token": provider.sign(logout_token(provider, sid="broken"))}
        # What web has to read cannot be read for a moment.
        client.rename(key, f"{key}-aside")
        client.set(key, "no set")
        assert httpx.post(address, data=good).status_code >= 500
        client.rename(f"{key}-aside", key)
        assert ann.get("/api/v1/session").status_code == 200
        assert httpx.post(address, data=good).status_code == 200
        assert ann.get("/api/v1/session").status_code == 401


def test_what_a_provider_says_of_a_session_counts_for_that_session(site: Site) -> None:
    installation, provider = site
    address = f"{installation.web.url}/auth/oidc/backchannel"
    with browser(installation.web.url) as first, browser(installation.web.url) as second:
        for client, sid in ((first, "s1"), (second, "s2")):
            provider.forge = partial(with_session, provider, sid)
            client.get(provider.begin(client, installation.web.url))
        httpx.post(address, data={"logout_token": provider.sign(logout_token(provider, sid="s1"))})
        assert [one.get("/api/v1/session").status_code for one in (first, second)] == [401, 200]


def test_claims_of_somebody_else_let_nobody_in(site: Site) -> None:
    installation, provider = site
    provider.forge = lambda claims: provider.sign({k: v for k, v in claims.items() if k != "groups"})
    with browser(installation.web.url) as ann:
        for claims in ({"sub": "bob"}, {}):
            provider.userinfo = {"groups": ["admins"], **claims}
            assert why(ann.get(provider.begin(ann, installation.web.url))) == "refused"
        # A log-out of the test before counts for all of its second.
        second = int(time.time())
        wait_for(lambda: int(time.time()) > second, 5)
        provider.userinfo = {"sub": "ann"}  # of no group
        ann.get(provider.begin(ann, installation.web.url))
        assert ann.get("/api/v1/session").json()["rights"] == []
        provider.userinfo = {"sub": "ann", "groups": ["admins"]}
        ann.get(provider.begin(ann, installation.web.url))
        assert "admin" in ann.get("/api/v1/session").json()["rights"]
    provider.forge = provider.sign
