"""The frames of a WebSocket client, as bytes: for viewers by the hundred and for those that break the rules."""

from __future__ import annotations

import struct

#: Masking with zeroes is allowed, and costs neither side anything.
_MASK = b"\0\0\0\0"

SOCKET_IO_PATH = "/socket.io/?EIO=4&transport=websocket"


def upgrade(path: str, host: str, headers: str = "") -> bytes:
    r"""Return the request that opens a WebSocket. No extension is offered: no compression.

    :param headers: more lines, each with its ``\r\n``.
    """
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    ).encode()


def client_frame(text: str) -> bytes:
    """Return a masked text frame of less than 64 KiB."""
    payload = text.encode()
    size = len(payload)
    head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0xFE, size)
    return head + _MASK + payload


def frame_at(data: bytes | bytearray, at: int = 0) -> tuple[int, int] | None:
    """Return where the payload of the frame at *at* begins and ends; None while its header is incomplete."""
    if len(data) - at < 2:
        return None
    size, begin = data[at + 1] & 0x7F, at + 2
    if size == 126:
        if len(data) - at < 4:
            return None
        size, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
    elif size == 127:
        if len(data) - at < 10:
            return None
        size, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
    return begin, begin + size
