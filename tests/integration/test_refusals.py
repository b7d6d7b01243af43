"""What servers answer before an application is asked has the headers of all other answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import Message
from email.parser import BytesParser

import pytest

from runtail.browser_headers import NO_PAGE
from tests.support.services import Service

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SOCKET = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
#: By service: what is sent, and the status of the answer.
REFUSED = {
    "web": [
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\n\r\n", 400),
        (GET + b"No colon here\r\n\r\n", 400),
        (GET + b"Content-Length: x\r\n\r\n", 400),
        (GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414),
        (GET + b"X-Long: " + b"x" * 70_000, 431),
        (GET + b"".join(b"X-%d: x\r\n" % n for n in range(200)) + b"\r\n", 431),
        (GET + b"Expect: a miracle\r\n\r\n", 417),
    ],
    "socket": [
        (GET + b"\r\n", 404),
        (SOCKET + b"Host: evil.example\r\n\r\n", 421),
        (SOCKET + b"Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n\r\n", 403),
        (SOCKET + HOST + UPGRADE + b"Sec-WebSocket-Version: 13\r\n\r\n", 401),
        (SOCKET + HOST + UPGRADE + b"Authorization: Bearer x\r\n\r\n", 401),
    ],
    "open": [
        (SOCKET + b"Host: 127.0.0.1\r\n\r\n", 400),
        (SOCKET + HOST + UPGRADE + b"Sec-WebSocket-Version: 8\r\n\r\n", 426),
        (SOCKET.replace(b"EIO=4", b"EIO=3") + HOST + UPGRADE + b"Sec-WebSocket-Version: 13\r\n\r\n", 400),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def services(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """Web and a relay with a login, and a relay of the other kind without one."""
    folder = tmp_path_factory.mktemp("refusals")
    common = {"broker_url": redis_url, "key_prefix": "t-refusals:", "public_url": "https://runtail.example"}
    locked = {**common, "auth_mode": "password", "auth_admin_password": "a-long-password"}
    with ExitStack() as stack:
        yield {
            "web": stack.enter_context(Service("web", folder, locked)),
            "socket": stack.enter_context(Service("socket", folder, locked)),
            "open": stack.enter_context(Service("socket", folder, {**common, "socket_async_mode": "gevent"})),
        }


def answer_to(service: Service, data: bytes) -> tuple[int, Message]:
    """Send bytes as they are; return status and headers of the answer."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(data)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            assert piece, head
            head += piece
    first, _, rest = head.partition(b"\r\n")
    return int(first.split()[1]), BytesParser().parsebytes(rest.partition(b"\r\n\r\n")[0], headersonly=True)


@pytest.mark.parametrize(
    ("name", "data", "status"), [(name, *one) for name, refused in REFUSED.items() for one in refused]
)
def test_a_refusal_has_the_headers_of_every_answer(
    services: dict[str, Service], name: str, data: bytes, status: int
) -> None:
    found, headers = answer_to(services[name], data)
    assert found == status
    assert headers.get_all("Content-Security-Policy") == [NO_PAGE]
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Cache-Control"] == "no-store"
    assert "camera=()" in headers["Permissions-Policy"]
    if status == 401:
        assert headers["WWW-Authenticate"] == 'Bearer realm="runtail"'
