"""The settings of mode ``proxy``, and which address the proxy may connect from."""

from __future__ import annotations

import pytest

from runtail.auth.authenticator import make_authenticator
from runtail.auth.policy_file import PolicyFile
from runtail.auth.proxy_settings import SECRET_HEADER, read_proxy_settings
from runtail.errors import ConfigError
from runtail.settings import load_settings
from runtail.store import Store
from tests.support.proxied import GROUPS, NAME, SECRET, SETTINGS, USER


def test_the_settings_are_read() -> None:
    found = read_proxy_settings(load_settings({}, **SETTINGS))
    assert found.headers == (USER, GROUPS, NAME, SECRET_HEADER)
    assert SECRET not in repr(found)
    bare = read_proxy_settings(
        load_settings({}, **{**SETTINGS, "auth_proxy_groups_header": "", "auth_proxy_name_header": ""})
    )
    assert bare.headers == (USER, SECRET_HEADER)


@pytest.mark.parametrize(
    ("cidrs", "peer", "trusted"),
    [
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", False),
        ("10.1.2.0/24, 192.0.2.7", "192.0.2.7", True),
        ("10.1.2.0/24", "10.1.3.0", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", "10.1.2.3", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.1.2.0/24", "", False),
        ("10.1.2.0/24", "unix:", False),
    ],
)
def test_who_may_connect(cidrs: str, peer: str, trusted: bool) -> None:
    assert read_proxy_settings(load_settings({}, **{**SETTINGS, "auth_proxy_cidrs": cidrs})).trusts(peer) is trusted


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("cidrs", "", "RUNTAIL_AUTH_PROXY_CIDRS is empty"),
        ("cidrs", " , ", "RUNTAIL_AUTH_PROXY_CIDRS is empty"),
        ("cidrs", "0.0.0.0/0", "RUNTAIL_AUTH_PROXY_CIDRS: 0.0.0.0/0 is every address there is"),
        ("cidrs", "10.0.0.0/8, ::/0", "RUNTAIL_AUTH_PROXY_CIDRS: ::/0 is every address there is"),
        ("cidrs", "0.0.0.0/0.0.0.0", "is every address there is"),
        ("cidrs", "::ffff:0:0/96", "stands for IPv4 addresses. Write them as IPv4"),
        ("cidrs", "::ffff:10.1.2.3", "stands for IPv4 addresses. Write them as IPv4"),
        ("cidrs", "10.1.2.3/24", "'10.1.2.3/24' is no address and no network"),
        ("cidrs", "proxy.example", "'proxy.example' is no address and no network"),
        ("secret", "", "RUNTAIL_AUTH_PROXY_SECRET is empty"),
        ("secret", "short", "RUNTAIL_AUTH_PROXY_SECRET cannot be used. Take at least 16"),
        ("secret", "a secret with an end\n", "RUNTAIL_AUTH_PROXY_SECRET cannot be used"),
        ("secret", "a secret that is no ASCÏI", "RUNTAIL_AUTH_PROXY_SECRET cannot be used"),
        ("user_header", "", "RUNTAIL_AUTH_PROXY_USER_HEADER is empty"),
        ("user_header", "Remote_User", "RUNTAIL_AUTH_PROXY_USER_HEADER='Remote_User' cannot be used"),
        ("groups_header", "Remote Groups", "RUNTAIL_AUTH_PROXY_GROUPS_HEADER='Remote Groups' cannot be used"),
        ("groups_header", "x-forwarded-user", "must name different headers"),
        ("name_header", SECRET_HEADER.lower(), f"none of them {SECRET_HEADER}"),
        ("logout_url", "javascript:alert(1)", "RUNTAIL_AUTH_PROXY_LOGOUT_URL='javascript:alert(1)' cannot be used"),
        ("logout_url", "//evil.example", "RUNTAIL_AUTH_PROXY_LOGOUT_URL"),
        ("logout_url", "/a\\b", "RUNTAIL_AUTH_PROXY_LOGOUT_URL"),
        ("logout_url", "https://login.example/ out", "RUNTAIL_AUTH_PROXY_LOGOUT_URL"),
        ("stream_seconds", 0.0, "RUNTAIL_AUTH_PROXY_STREAM_SECONDS is 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_its_name(setting: str, value: str | float, sentence: str) -> None:
    settings = load_settings({}, **{**SETTINGS, f"auth_proxy_{setting}": value})
    with pytest.raises(ConfigError) as refused:
        make_authenticator(Store(settings), PolicyFile(settings), touch=False)
    assert sentence in str(refused.value)
    assert str(value) == "" or setting != "secret" or str(value) not in str(refused.value)


@pytest.mark.parametrize("url", ["", "https://login.example/logout?rd=https%3A%2F%2Frt.example", "/oauth2/sign_out"])
def test_where_logging_out_may_lead(url: str) -> None:
    read_proxy_settings(load_settings({}, **SETTINGS, auth_proxy_logout_url=url))
