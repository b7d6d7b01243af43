"""One reading of where a service listens."""

from __future__ import annotations

import errno
import re
import socket

import pytest

from runtail.listening import listen, plain, reachable, shown
from runtail.settings import load_settings


@pytest.mark.parametrize(
    ("host", "clients"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("0.0.0.0", ["127.0.0.1"]),
        ("::", ["127.0.0.1", "::1"]),
        ("[::]", ["127.0.0.1", "::1"]),
        ("::1", ["::1"]),
        ("[::1]", ["::1"]),
        ("localhost", ["127.0.0.1"]),
        (" 127.0.0.1 ", ["127.0.0.1"]),
    ],
)
def test_who_reaches_it(host: str, clients: list[str]) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        for client in clients:
            socket.create_connection((client, port), timeout=5).close()
        if "::" in clients[-1]:
            assert shown(host, port).startswith("[::")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("", "cannot listen on port 1 without an address: write 127.0.0.1, or 0.0.0.0 or :: for all addresses"),
        ("[]", "without an address"),
        ("no.such.name.invalid", "cannot listen on no.such.name.invalid:1: "),
        ("0.0.0.0:8000", "cannot listen on [0.0.0.0:8000]:1: "),
        ("192.0.2.1", "cannot listen on 192.0.2.1:1: Cannot assign requested address"),
        ("x" * 70, "cannot listen on xxx"),
    ],
)
def test_what_cannot_be(host: str, why: str) -> None:
    with pytest.raises(OSError, match=re.escape(why)):
        listen(host, 1)


def test_a_taken_port_and_one_that_does_not_exist() -> None:
    with listen("::", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=re.escape(f"cannot listen on [::]:{port}: Address already in use")) as raised:
            listen("::", port)
    assert raised.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError, match="cannot listen on port 65536: the highest port is 65535"):
        listen("127.0.0.1", 65536)


def test_an_address_as_a_client_knows_it() -> None:
    assert plain("::ffff:10.1.2.3") == "10.1.2.3"
    for address in ("10.1.2.3", "::1", "2001:db8::7", "::ffff:a01:203"):
        assert plain(address) == address


def test_where_it_is_reached_from_here() -> None:
    assert [reachable(host) for host in ("0.0.0.0", "::", "[::]", "::1", "[::1]", "box", "10.0.0.1")] == [
        "127.0.0.1", "127.0.0.1", "127.0.0.1", "[::1]", "[::1]", "box", "10.0.0.1",
    ]  # fmt: skip
    assert load_settings({"RUNTAIL_WEB_HOST": "[::]"}).web_host == "[::]"
