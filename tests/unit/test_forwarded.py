"""Whose address a request has, behind any number of proxies, and whatever a visitor writes into the header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from runtail.forwarded import PEER, Forwarded, visitor_address

PEER_ADDRESS = "10.0.0.1"
VISITOR = "192.0.2.7"


@pytest.mark.parametrize("header", ["", VISITOR, f"6.6.6.6, {VISITOR}", "unknown"])
def test_without_proxies_the_header_is_not_read(header: str) -> None:
    assert visitor_address(PEER_ADDRESS, header, 0) == PEER_ADDRESS


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "6.6.6.6",
        "6.6.6.6, 7.7.7.7",
        '"6.6.6.6',
        '6.6.6.6, "x',
        'for="6.6.6.6',
        "6.6.6.6;",
        ",,,",
        "\\",
        "a\tb",
        "ü",
    ],
)
def test_behind_one_proxy_the_visitor_is_who_asked_it(forged: str) -> None:
    assert visitor_address(PEER_ADDRESS, ", ".join(filter(None, [forged, VISITOR])), 1) == VISITOR


@pytest.mark.parametrize("forged", ["", "6.6.6.6", '"6.6.6.6', "6.6.6.6, 7.7.7.7"])
def test_behind_two_proxies_it_is_who_asked_the_first(forged: str) -> None:
    header = ", ".join(filter(None, [forged, VISITOR, "10.0.0.9"]))
    assert visitor_address(PEER_ADDRESS, header, 2) == VISITOR


def test_who_came_past_the_first_proxy_is_who_asked_the_second() -> None:
    assert visitor_address(PEER_ADDRESS, VISITOR, 2) == VISITOR
    assert visitor_address(PEER_ADDRESS, "", 2) == PEER_ADDRESS


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_an_address_is_read_as_proxies_write_it(written: str, address: str) -> None:
    assert visitor_address(PEER_ADDRESS, written, 1) == address


@pytest.mark.parametrize(
    "written", ["unknown", "_hidden", "fe80::1%<b>", "192.0.2.256", "192.0.2.7:x", "ann", "", "  ", "1" * 5000]
)
def test_what_is_no_address_is_not_believed(written: str) -> None:
    assert visitor_address(PEER_ADDRESS, f"6.6.6.6, {written}", 1) == PEER_ADDRESS


def seen(hops: int, **headers: str) -> dict[str, Any]:
    """Return the environment that an application behind *hops* proxies gets."""
    got: dict[str, Any] = {}

    def app(environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        got.update(environ)
        return []

    environ = {"REMOTE_ADDR": PEER_ADDRESS, "wsgi.url_scheme": "http", "HTTP_HOST": "h", "SCRIPT_NAME": ""}
    sent = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    Forwarded(app, hops)({**environ, **sent}, lambda *_: None)
    return got


def test_the_peer_stays_known() -> None:
    assert seen(1, x_forwarded_for=VISITOR)[PEER] == PEER_ADDRESS
    assert seen(1, x_forwarded_for=VISITOR)["REMOTE_ADDR"] == VISITOR
    assert seen(0, x_forwarded_for=VISITOR)["REMOTE_ADDR"] == PEER_ADDRESS


@pytest.mark.parametrize(
    ("hops", "header", "scheme"),
    [(0, "https", "http"), (1, "https", "https"), (2, "http, HTTPS", "https"), (1, "https, http", "http"),
     (1, "javascript", "http"), (1, "", "http")],
)  # fmt: skip
def test_the_last_proxy_says_the_scheme(hops: int, header: str, scheme: str) -> None:
    assert seen(hops, x_forwarded_proto=header)["wsgi.url_scheme"] == scheme


def test_nothing_else_is_taken_from_proxies() -> None:
    headers = {
        "x_forwarded_host": "evil.test",
        "x_forwarded_prefix": "/evil",
        "x_forwarded_port": "1",
        "forwarded": "h",
    }
    before, after = seen(2), seen(2, **headers)
    assert {key: value for key, value in after.items() if key in before} == before
