"""The lines of the load, and how each subject's viewers ask for them and get them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from tests.support.wire import SOCKET_IO_PATH

#: A line is ``<number, 9 digits> <microseconds since 1970, 16 digits> xxx…`` and a newline.
LINE_BYTES = 100
_FILLER = b"x" * (LINE_BYTES - 28)


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


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a subject's viewers speak.

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
