"""Looks for values that must stand nowhere: in texts, in what a server holds, and in every command that it is sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from redis import Redis

#: What may be base64 of something, such as the body of a message.
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_DEADLINE_SECONDS = 60.0


def leaks(text: str | bytes, values: Collection[str]) -> list[str]:
    """Return the values that stand in a text: as they are, as JSON, a repr or base64 has them, or inside base64."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    inside = [_decoded(found[0]) for found in _BASE64.finditer(data)]
    shown = b"\n".join([data, data.replace(b"\\\\", b"\\").replace(b'\\"', b'"'), *inside]).decode("utf-8", "replace")
    found = []
    for value in values:
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")[:-1]
        if any(form in shown for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1], encoded)):
            found.append(value)
    return found


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text[: len(text) - len(text) % 4], validate=True)
    except binascii.Error:
        return b""


def everything(client: Redis) -> Iterator[tuple[bytes, bytes]]:
    """Yield every key of the server with what it holds, as one text."""
    for key in client.scan_iter(count=1_000):
        kind: Any = client.type(key)
        held: Any = None
        match kind:
            case b"string":
                held = client.get(key)
            case b"hash":
                held = client.hgetall(key)
            case b"list":
                held = client.lrange(key, 0, -1)
            case b"set":
                held = client.smembers(key)
            case b"zset":
                held = client.zrange(key, 0, -1)
            case b"stream":
                held = client.xrange(key)
        yield key, repr(held).encode().decode("unicode_escape").encode("utf-8", "replace")


@contextmanager
def commands(url: str) -> Iterator[bytearray]:
    """Collect every command that a server gets, as MONITOR tells it, until the end of the ``with``."""
    address = urlsplit(url)
    told = bytearray()
    with socket.create_connection((address.hostname, address.port or 6379), timeout=_DEADLINE_SECONDS) as connection:
        connection.sendall(b"MONITOR\r\n")
        told += connection.recv(65536)
        assert told.startswith(b"+OK"), told

        def read() -> None:
            while data := connection.recv(1 << 20):
                told.extend(data)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            connection.shutdown(socket.SHUT_RDWR)
            thread.join(_DEADLINE_SECONDS)
