"""A proxy's side of logins: requests as it writes them, byte for byte, from an address of one's choice."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from runtail.auth.proxy_settings import SECRET_HEADER

SECRET = "a secret of this proxy"
USER, GROUPS, NAME = "X-Forwarded-User", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username"
#: By setting; the proxy connects from here.
SETTINGS: Mapping[str, Any] = {
    "auth_mode": "proxy",
    "auth_proxy_cidrs": "127.0.0.1",
    "auth_proxy_secret": SECRET,
    "auth_proxy_groups_header": GROUPS,
    "auth_proxy_name_header": NAME,
}
#: What a browser sends for a WebSocket.
UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
SOCKET_PATH = "/socket.io/?EIO=4&transport=websocket"

Headers = Sequence[tuple[str, str]]


def logged_in(user: str = "ann", groups: str | None = None) -> dict[str, str]:
    """Return the headers that the proxy adds."""
    return {SECRET_HEADER: SECRET, USER: user, **({} if groups is None else {GROUPS: groups})}


def ask(port: int, headers: Headers, path: str = "/api/v1/session", source: str = "127.0.0.1") -> tuple[int, str]:
    """Send a request with exactly these headers, and those that every request has; return status and body.

    :param source: the address to connect from; any of 127.0.0.0/8.
    """
    host = f"127.0.0.1:{port}"
    shaking = UPGRADE if path == SOCKET_PATH else (("Connection", "close"),)
    whole = [("Host", host), ("Origin", f"http://{host}"), *shaking, *headers]
    text = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in whole) + "\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as connection:
        connection.sendall(text.encode("latin-1"))
        answer = b""
        # A WebSocket stays open; its first answer is enough.
        while b" 101 " not in answer.partition(b"\r\n")[0] and (data := connection.recv(65536)):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body.decode("utf-8", "replace")
