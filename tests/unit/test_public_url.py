"""What people's address says: origins, cookies, links; and what is refused as one."""

import pytest

from runtail import public_url
from runtail.errors import ConfigError
from runtail.origins import parse_origin
from runtail.settings import Settings, load_settings


def settings(**environ: str) -> Settings:
    return load_settings({f"RUNTAIL_{name.upper()}": value for name, value in environ.items()})


@pytest.mark.parametrize(
    ("url", "origin", "https", "host"),
    [
        ("", "", False, ""),
        ("https://runtail.example", "https://runtail.example", True, "runtail.example"),
        ("https://runtail.example/", "https://runtail.example", True, "runtail.example"),
        ("HTTPS://Runtail.Example:443", "https://runtail.example", True, "runtail.example"),
        ("https://runtail.example:8443", "https://runtail.example:8443", True, "runtail.example:8443"),
        ("https://runtail.example:80", "https://runtail.example:80", True, "runtail.example:80"),
        ("http://10.0.0.1:80", "http://10.0.0.1", False, "10.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000", False, "[::1]:8000"),
    ],
)
def test_the_origin_is_the_one_that_browsers_send(url: str, origin: str, https: bool, host: str) -> None:
    found = settings(public_url=url)
    assert public_url.origin(found) == origin
    assert public_url.is_https(found) is https
    assert public_url.host(found) == host


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://runtail.example/tools", "has a path; RUNTAIL_BASE_PATH"),
        ("https://runtail.example//", "has a path"),
        ("https://ann:hush@runtail.example", "has a user"),
        ("https://münchen.example", "xn--"),
        ("runtail.example", "is not an address"),
        ("ws://runtail.example", "is not an address"),
        ("https://", "is not an address"),
        ("https://runtail.example:0", "is not an address"),
        ("https://runtail.example:65536", "is not an address"),
        ("https://runtail.example?x=1", "is not an address"),
        ("https://[::1", "is not an address"),
        ("https://run tail.example", "is not an address"),
        ("https://runtail.example\n", ""),
    ],
)
def test_what_is_no_public_url_is_refused_with_a_sentence(url: str, why: str) -> None:
    if not why:
        assert public_url.origin(settings(public_url=url)) == "https://runtail.example"
        return
    with pytest.raises(ConfigError, match="RUNTAIL_PUBLIC_URL=") as refused:
        settings(public_url=url)
    assert why in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("path", ["", "/a", "/a/b", "/tools/runtail-2", "/~ann/run_tail", "/v1.2"])
def test_a_base_path_is_a_plain_path(path: str) -> None:
    found = settings(base_path=path)
    assert found.base_path == path
    assert public_url.cookie_path(found) == (path or "/")
    assert public_url.address(found, "/runs/x") == f"{path}/runs/x"


@pytest.mark.parametrize(
    "path",
    ["a", "/", "/a/", "//a", "/a//b", "/a/../b", "/.", "/.well-known", "/a b", "/a%20b", "/a?b", "/a#b", "/a;b", "/ä",
     "/a\n", "https://h/a", "/a\\b", '/"'],
)  # fmt: skip
def test_another_base_path_is_refused_with_a_sentence(path: str) -> None:
    with pytest.raises(ConfigError, match="RUNTAIL_BASE_PATH="):
        settings(base_path=path)


def test_hops_are_counted_from_none() -> None:
    assert settings().proxy_hops == 0
    assert settings(proxy_hops="2").proxy_hops == 2
    with pytest.raises(ConfigError, match="RUNTAIL_PROXY_HOPS='-1' must not be negative"):
        settings(proxy_hops="-1")


@pytest.mark.parametrize(
    ("url", "path", "name"),
    [
        ("", "", "runtail-8000"),
        ("", "/a/b", "runtail-8000"),
        ("http://runtail.example", "", "runtail-8000"),
        ("https://runtail.example", "", "__Host-runtail"),
        ("https://runtail.example", "/a/b", "__Secure-runtail"),
    ],
)
def test_the_cookies_name_says_how_safe_it_is(url: str, path: str, name: str) -> None:
    assert public_url.cookie_name(settings(public_url=url, base_path=path), 8000) == name


def test_links_begin_with_the_public_url() -> None:
    found = settings(public_url="https://runtail.example", base_path="/a/b")
    assert public_url.address(found, "/runs/x") == "https://runtail.example/a/b/runs/x"


@pytest.mark.parametrize(
    "text", ["null", "", "http://", "http://a.", "http://.a", "file:///x", "http://a/", "http://a,b"]
)
def test_other_texts_are_no_origins(text: str) -> None:
    assert parse_origin(text) is None
