"""Which hosts and origins are ours: the same for web and relay."""

from __future__ import annotations

import pytest

from runtail.door import Door, host_name
from runtail.errors import ConfigError
from runtail.settings import load_settings

PUBLIC = "https://runtail.example"
PORTAL = "https://portal.example"


def door(**settings: str) -> Door:
    return Door(load_settings({f"RUNTAIL_{name.upper()}": value for name, value in settings.items()}))


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LocalHost:1", "127.0.0.1:8000", "[::1]:8000", "[::1]"]
)
def test_loopback_is_known(host: str) -> None:
    assert door().knows_host(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.test", "localhost.evil.test", "localhost.", "localhost:x", "localhost:", "localhost@evil.test",
     "localhost,evil.test", "localhost evil.test", "[::1", "::1", "[::2]", "127.0.0.1.", "runtail.example", ":8000"],
)  # fmt: skip
def test_other_hosts_are_not(host: str) -> None:
    assert not door().knows_host(host)


def test_a_host_is_listed_with_or_without_its_port() -> None:
    one = door(allowed_hosts="a.example, B.example:8080")
    assert all(map(one.knows_host, ("a.example", "a.example:1", "b.example:8080")))
    assert not any(map(one.knows_host, ("b.example", "b.example:1")))


def test_the_public_host_is_known_at_any_port() -> None:
    one = door(public_url=f"{PUBLIC}:8443")
    assert all(map(one.knows_host, ("runtail.example", "runtail.example:8443", "RUNTAIL.example:80", "localhost")))
    assert not one.knows_host("evil.runtail.example")


def test_without_a_public_url_pages_of_the_requests_host_are_ours() -> None:
    one = door()
    for scheme in ("http", "https"):
        assert one.is_own(f"{scheme}://localhost:8000", "localhost:8000")
        assert not one.is_own(f"{scheme}://localhost:8001", "localhost:8000")
        assert not one.is_own(f"{scheme}://localhost", "localhost:8000")
    # A port that is the scheme's own is left out by browsers, and not by all proxies.
    assert one.is_own("https://localhost", "localhost:443")
    assert one.is_own("http://localhost", "localhost:80")
    assert not one.is_own("http://localhost", "localhost:443")


def test_with_a_public_url_its_scheme_counts() -> None:
    one = door(public_url=PUBLIC)
    assert one.is_own(PUBLIC, "runtail.example")
    # Behind a proxy that writes its own name for us.
    assert one.is_own(PUBLIC, "runtail-web-http:8000")
    # Whoever sits between can make pages under this one.
    assert not one.is_own("http://runtail.example", "runtail.example")
    assert not one.is_own("https://runtail.example:8443", "runtail.example")
    # Through a port-forward.
    assert one.is_own("http://127.0.0.1:8000", "127.0.0.1:8000")


@pytest.mark.parametrize("origin", ["null", "", "*", "http://", "https://evil.test", "file://", "undefined"])
def test_no_other_origin_is_ours(origin: str) -> None:
    for host in ("runtail.example", "localhost:8000", "", origin):
        assert not door(public_url=PUBLIC).is_own(origin, host)
        assert not door(allowed_origins=PORTAL).is_listed(origin)


def test_listed_origins_are_not_ours() -> None:
    one = door(allowed_origins=f"{PORTAL}:443/, http://docs.test:8080, chrome-extension://abc")
    assert one.listed == {PORTAL, "http://docs.test:8080", "chrome-extension://abc"}
    assert one.is_listed(PORTAL)
    assert not one.is_own(PORTAL, "localhost")
    assert not one.is_listed(f"{PORTAL}/")
    assert not one.is_listed("http://portal.example")


def test_the_public_origin_needs_no_leave_of_the_list() -> None:
    one = door(public_url=PUBLIC, allowed_origins=PUBLIC)
    assert one.listed == frozenset()
    assert one.is_own(PUBLIC, "localhost")


@pytest.mark.parametrize("origins", ["*", "https://a.example, *", "null", "NULL"])
def test_nobody_in_particular_cannot_be_listed(origins: str) -> None:
    with pytest.raises(ConfigError, match=r"RUNTAIL_ALLOWED_ORIGINS has .* the pages of anybody"):
        door(allowed_origins=origins)


@pytest.mark.parametrize(
    ("host", "name"), [("H:80", "h"), ("[::1]:80", "[::1]"), ("h:", ""), ("h/x", ""), ("", ""), ("ü", ""), ("h\n", "")]
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name
