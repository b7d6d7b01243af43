"""What goes over a viewer's socket: the frames of a WebSocket client, and what each contestant puts into them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import orjson

#: A line is ``<number, 9 digits> <microseconds since 1970, 16 digits> xxx…`` and a newline.
LINE_BYTES = 100
_FILLER = b"x" * (LINE_BYTES - 28)

#: Masking with zeroes is allowed, and costs neither side anything.
_MASK = b"\0\0\0\0"

SOCKET_IO_PATH = "/socket.io/?EIO=4&transport=websocket"


def make_line(number: int, stamp_us: int) -> bytes:
    """Return a line of :data:`LINE_BYTES` bytes with its newline."""
    return b"%09d %016d %b\n" % (number, stamp_us, _FILLER)


def read_line(line: bytes) -> tuple[int, int]:
    """Return number and time (µs since 1970) of a line without its newline.

    :raises ValueError: if it is not one of ours, whole.
    """
    if len(line) != LINE_BYTES - 1 or line[27:] != _FILLER:
        raise ValueError(f"not a line of the load: {line[:60]!r}")
    return int(line[:9]), int(line[10:26])


def upgrade(path: str, host: str) -> bytes:
    """Return the request that opens a WebSocket. No extension is offered: no compression."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
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


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a contestant's viewers speak.

    :param join: the packet that joins the namespace; empty: nothing is said, lines simply come.
    :param subscribe: makes the packet that subscribes to a run.
    :param answer: how the answer to it begins.
    :param data: how a message with lines begins; others are not counted.
    :param lines: the lines of such a message, without newlines.
    """

    path: str
    join: str
    subscribe: Callable[[str], str]
    answer: bytes
    data: bytes
    lines: Callable[[bytes], list[bytes]]


def _entries(payload: bytes) -> list[bytes]:
    (_, message) = orjson.loads(payload[payload.index(b"[") :])
    return [
        line for entry in message["entries"] if entry.get("type") == "o" for line in entry["text"].encode().splitlines()
    ]


def _subscribe(argument: dict[str, object]) -> str:
    return f'42/tail,1["subscribe",{orjson.dumps(argument).decode()}]'


def _one_line(payload: bytes) -> list[bytes]:
    (_, text) = orjson.loads(payload[payload.index(b"[") :])
    return [text.encode()]


_RUNTAIL_DATA = b'42/tail,["tail-message",'

DIALECTS = {
    "runtail": Dialect(
        SOCKET_IO_PATH,
        "40/tail,",
        lambda run: _subscribe({"v": 1, "run": run}),
        b"43/tail,1[",
        _RUNTAIL_DATA,
        _entries,
    ),
    # Begins at the end: with the entry that holds the last line.
    "runtail-end": Dialect(
        SOCKET_IO_PATH,
        "40/tail,",
        lambda run: _subscribe({"v": 1, "run": run, "from": -1}),
        b"43/tail,1[",
        _RUNTAIL_DATA,
        _entries,
    ),
    # One emit per line to a room.
    "room": Dialect(
        SOCKET_IO_PATH, "40", lambda run: f'421["subscribe","{run}"]', b"431[", b'42["line",', _one_line
    ),
    "tutorial": Dialect(
        SOCKET_IO_PATH, "40/tail,", lambda run: f'42/tail,1["subscribe","{run}"]', b"43/tail,1[", _RUNTAIL_DATA,
        _one_line,
    ),
    "floor": Dialect("/", "", lambda _run: "", b"", _RUNTAIL_DATA, _entries),
}  # fmt: skip
