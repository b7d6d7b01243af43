"""What an OpenID provider's settings, claims and keys must be, without a provider."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from runtail.auth.modes import modes_of
from runtail.errors import ConfigError
from runtail.settings import load_settings
from runtail_web.login.oidc import signatures
from runtail_web.login.oidc.config import Config, is_safe, read_config
from runtail_web.login.oidc.errors import ProviderAway, TokenInvalid
from runtail_web.login.oidc.identity import claim_at, read_identity, subject_of
from runtail_web.login.oidc.signatures import ALGORITHMS, Signatures
from runtail_web.next_path import next_path

ISSUER = "https://login.example/realms/team"
GOOD = {
    "RUNTAIL_AUTH_MODE": "oidc",
    "RUNTAIL_PUBLIC_URL": "https://runtail.example",
    "RUNTAIL_AUTH_OIDC_ISSUER": ISSUER,
    "RUNTAIL_AUTH_OIDC_CLIENT_ID": "runtail",
    "RUNTAIL_AUTH_OIDC_CLIENT_SECRET": "a secret",
}


def config(**more: str) -> Config:
    return read_config(load_settings({**GOOD, **{f"RUNTAIL_{name}": value for name, value in more.items()}}))


def test_good_settings_say_where_the_provider_leads_back() -> None:
    made = config(BASE_PATH="/a/b")
    assert (made.issuer, made.client_secret) == (ISSUER, "a secret")
    assert made.callback == "https://runtail.example/a/b/auth/oidc/callback"
    assert made.home == "https://runtail.example/a/b/login"


@pytest.mark.parametrize("name", [name for name in GOOD if name != "RUNTAIL_AUTH_MODE"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"RUNTAIL_AUTH_MODE is oidc, but {name} is not set"):
        config(**{name.removeprefix("RUNTAIL_"): ""})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"AUTH_OIDC_ISSUER": "http://login.example"}, "begins with https://"),
        ({"AUTH_OIDC_ISSUER": "http://10.0.0.1"}, "begins with https://"),
        ({"AUTH_OIDC_ISSUER": "http://127.0.0.1.evil.test"}, "begins with https://"),
        ({"AUTH_OIDC_ISSUER": "login.example"}, "begins with https://"),
        ({"AUTH_OIDC_ISSUER": "https://login.example?x"}, "without a query"),
        ({"AUTH_OIDC_ISSUER": "https://user@login.example"}, "begins with https://"),
        ({"AUTH_OIDC_SCOPES": "profile"}, "RUNTAIL_AUTH_OIDC_SCOPES has no openid"),
        ({"AUTH_OIDC_CLIENT_SECRET": "sécret"}, "RUNTAIL_AUTH_OIDC_CLIENT_SECRET has letters that are not ASCII"),
        ({"AUTH_OIDC_REFRESH_SECONDS": "0"}, "RUNTAIL_AUTH_OIDC_REFRESH_SECONDS must be more than 0"),
        ({"AUTH_OIDC_CA_FILE": "/none.pem"}, "RUNTAIL_AUTH_OIDC_CA_FILE=/none.pem is not a file"),
    ],
)
def test_what_cannot_be_used_is_named(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config(**settings)
    assert sentence in str(refused.value)
    assert "a secret" not in str(refused.value)


def test_authorities_are_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert config(AUTH_OIDC_CA_FILE=str(tmp_path / "ca.pem")).ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost/x", "https://a.example"])
def test_a_provider_on_this_machine_needs_no_certificate(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url", ["http://[::", "https://", "ftp://a.example", "javascript:alert(1)", None, 7, ["https://a"]]
)
def test_what_is_no_address_is_not_safe(url: object) -> None:
    assert not is_safe(url)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("oidc", {"oidc"}), ("oidc,password", {"oidc", "password"}), (" password , oidc ", {"oidc", "password"})],
)
def test_modes_that_work_together(text: str, wanted: set[str]) -> None:
    assert modes_of(load_settings({"RUNTAIL_AUTH_MODE": text})) == wanted


@pytest.mark.parametrize(
    "text", ["", "basic", "oidc,", "none,oidc", "link,password", "password,password", "oidc password"]
)
def test_modes_that_do_not(text: str) -> None:
    with pytest.raises(ConfigError, match="is not one of"):
        modes_of(load_settings({"RUNTAIL_AUTH_MODE": text or "  "}))


def test_claims_say_who_somebody_is() -> None:
    made = config(AUTH_OIDC_GROUPS_CLAIM="realm_access.roles", AUTH_OIDC_NAME_CLAIM="nick")
    claims = {
        "sub": "7", "nick": "\x1b[31mann\u202e\n", "sid": "s", "realm_access": {"roles": ["b", "a", "a", 7, "", None]},
    }  # fmt: skip
    who = read_identity(claims, made)
    assert (who.who_id, who.name, who.groups, who.provider_session) == (f"oidc:{ISSUER}:7", "ann", ("a", "b"), "s")
    assert subject_of(who.who_id, ISSUER) == "7"
    assert subject_of(who.who_id, "https://another.example") == ""
    assert subject_of("user:7", ISSUER) == ""


@pytest.mark.parametrize(
    ("claims", "name", "groups"),
    [
        ({}, "7", ()),
        ({"preferred_username": 7, "email": "ann@example.com", "groups": None}, "ann@example.com", ()),
        ({"preferred_username": "  ", "name": "Ann", "groups": "one"}, "Ann", ("one",)),
        ({"groups": {"one": True}}, "7", ()),
        ({"groups": [["one"]]}, "7", ()),
        ({"groups": ["x" * 201]}, "7", ()),
    ],
)
def test_claims_that_are_odd_give_nothing(claims: dict[str, Any], name: str, groups: tuple[str, ...]) -> None:
    who = read_identity({"sub": "7", **claims}, config())
    assert (who.name, who.groups) == (name, groups)


@pytest.mark.parametrize("subject", [None, "", 7, "x" * 256, "a\nb"])
def test_a_subject_that_cannot_be_used(subject: object) -> None:
    with pytest.raises(TokenInvalid):
        read_identity({"sub": subject}, config())


def test_a_claim_with_dots_in_its_name_comes_first() -> None:
    assert claim_at({"https://a.b/groups": ["x"]}, "https://a.b/groups") == ["x"]
    assert claim_at({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert claim_at({"a": [{"b": 2}]}, "a.b") is None


@pytest.mark.parametrize("path", ["/", "/runs/x?line=3#L3", "/a/b/", "/ü"])
def test_a_path_is_gone_to(path: str) -> None:
    assert next_path(path, "/home") == path


@pytest.mark.parametrize(
    "path", ["", "runs", "//evil.test", "/\\evil.test", "https://evil.test", "/a\nb", "/a\x7f", "/" + "x" * 1000]
)
def test_anything_else_leads_home(path: str) -> None:
    assert next_path(path, "/home") == "/home"


class Keys:
    """The keys of a provider, which counts how often they are read."""

    def __init__(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": "first"})]
        self.reads = 0

    def read(self) -> Any:
        self.reads += 1
        symmetric = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}
        encryption = {**self.keys[0].as_dict(private=False), "kid": "enc", "use": "enc"}
        return {"keys": [*(key.as_dict(private=False) for key in self.keys), symmetric, encryption, {"kty": "new"}]}

    def token(self, key: RSAKey | OctKey, kid: str, alg: str = "RS256") -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": "7", "aud": "runtail", "iat": now, "exp": now + 60, "nonce": "n"}
        return jwt.encode({"alg": alg, "kid": kid}, claims, key, algorithms=[alg])


def check(made: Signatures, text: str, algorithms: frozenset[str] = ALGORITHMS) -> Any:
    return made.id_token(text, algorithms, nonce="n", access_token="")["sub"]


def test_a_new_key_is_found_and_unknown_ones_do_not_ask_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys()
    made = Signatures(ISSUER, "runtail", keys.read)
    assert check(made, keys.token(keys.keys[0], "first")) == "7"
    keys.keys.append(RSAKey.generate_key(2048, {"kid": "second"}))
    for _ in range(5):
        with pytest.raises(TokenInvalid):
            check(made, keys.token(keys.keys[1], "second"))
    assert keys.reads == 1
    monkeypatch.setattr(signatures, "NEW_KEYS_SECONDS", 0.0)
    assert check(made, keys.token(keys.keys[1], "second")) == "7"
    # A key that the provider withdraws is believed no longer than until they are read again.
    withdrawn = keys.keys.pop()
    monkeypatch.setattr(signatures, "KEYS_SECONDS", 0.0)
    with pytest.raises(TokenInvalid):
        check(made, keys.token(withdrawn, "second"))


def test_only_keys_and_algorithms_for_signatures_count() -> None:
    keys = Keys()
    made = Signatures(ISSUER, "runtail", keys.read)
    with pytest.raises(TokenInvalid):
        check(made, keys.token(keys.keys[0], "enc"))
    secret = OctKey.import_key("secret-secret-secret-secret")
    with pytest.raises(TokenInvalid):
        check(made, keys.token(secret, "secret", "HS256"), ALGORITHMS | {"HS256", "none"})
    with pytest.raises(TokenInvalid, match="RS256"):
        check(made, keys.token(keys.keys[0], "first"), frozenset(("ES256",)))
    with pytest.raises(TokenInvalid):
        check(made, keys.token(keys.keys[0], "first"), frozenset())


@pytest.mark.parametrize("document", [None, [], {}, {"keys": 7}, {"keys": [7]}, {"keys": [{"kty": "RSA"}]}])
def test_keys_that_cannot_be_read_mean_that_the_provider_is_away(document: Any) -> None:
    keys = Keys()
    made = Signatures(ISSUER, "runtail", lambda: document)
    with pytest.raises(ProviderAway):
        check(made, keys.token(keys.keys[0], "first"))
