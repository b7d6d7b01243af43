"""Everything that viewers are sent, as complete frames. Pure: bytes in, bytes out.

An event is one Socket.IO EVENT packet of namespace ``/tail`` in one Engine.IO
message in one WebSocket text frame, encoded once for all its readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, Literal

import orjson

from runtail.protocol import EVENT, VERSION, Clip, Cursor, Cut, Entry
from runtail.protocol.event import END, decode
from runtail_socket.transport import NAMESPACE
from runtail_socket.transport.websocket import Frame, text_frame

#: The events sent to viewers, and the reasons why a view cannot go on. A test compares both with docs/protocol.md.
Sent = Literal["tail-message", "tail-live", "tail-end", "tail-reset", "run", "store", "denied", "renew"]
Reason = Literal["epoch", "chain", "store-lost", "ahead", "execution"]

#: The largest size of everything around the entries of a frame.
ENVELOPE_BYTES = 256


class Shape(Enum):
    """The form in which a viewer wants the log."""

    #: Entries with positions and digests.
    ENTRIES = "entries"
    #: Lines as plain strings, as in the tutorial.
    LINES = "lines"


def event(name: Sent, data: bytes) -> Frame:
    """Return the frame of an event whose only argument is the JSON *data*."""
    return text_frame(b'42%b,["%b",%b]' % (NAMESPACE.encode(), name.encode(), data))


def message(name: Sent, data: dict[str, Any]) -> Frame:
    """Return the frame of an event, with the protocol's version."""
    return event(name, orjson.dumps({"v": VERSION, **data}))


class Chunk:
    """Consecutive items of one run that travel in one frame.

    :param after: the position of a reader that has them.
    """

    __slots__ = (
        "_encoded",
        "_frames",
        "_part_bytes",
        "after",
        "epoch",
        "items",
        "newest_ms",
        "payload_bytes",
        "run_id",
    )

    def __init__(self, run_id: str, items: list[Entry | Cut], encoded: list[bytes], after: Cursor) -> None:
        self.run_id = run_id
        self.epoch = after.epoch
        self.items = items
        self.after = after
        self._encoded = encoded
        self._frames: dict[Shape | Clip, Frame | None] = {}
        self._part_bytes: dict[Clip, int] = {}
        entries = [item for item in items if isinstance(item, Entry)]
        #: Bytes of the entries' payloads: what clients count and acknowledge.
        self.payload_bytes = sum(len(entry.payload) for entry in entries)
        #: When the newest entry was written, by the store's clock.
        self.newest_ms = entries[-1].t_ms if entries else None

    def frame(self, shape: Shape | Clip) -> Frame | None:
        """Return the frame, which is made once; None if there is nothing to send in this shape.

        :param shape: a clip: what guests get who may see these lines.
        """
        if shape not in self._frames:
            if isinstance(shape, Clip):
                self._frames[shape] = self._part(shape)
            else:
                self._frames[shape] = self._entries(self._encoded) if shape is Shape.ENTRIES else self._lines()
        return self._frames[shape]

    def bytes_in(self, shape: Shape | Clip) -> int:
        """Return how many bytes of payload are in a frame that was made."""
        return self._part_bytes.get(shape, 0) if isinstance(shape, Clip) else self.payload_bytes

    def release(self) -> None:
        """Drop the data that frames are made of; the frames already made belong to the caller."""
        self.items, self._encoded, self._frames = [], [], {}

    def _entries(self, encoded: list[bytes]) -> Frame:
        return event(
            "tail-message",
            b'{"v":%d,"run":%b,"epoch":%d,"entries":[%b]}'
            % (VERSION, orjson.dumps(self.run_id), self.epoch, b",".join(encoded)),
        )

    def _part(self, clip: Clip) -> Frame | None:
        items = clip.items(self.items)
        self._part_bytes[clip] = sum(len(item.payload) for item in items if isinstance(item, Entry))
        return self._entries([orjson.dumps(item.wire()) for item in items]) if items else None

    def _lines(self) -> Frame | None:
        texts = [line for item in self.items if (line := plain(item)) is not None]
        return event("tail-message", orjson.dumps("\n".join(texts))) if texts else None


def plain(item: Entry | Cut) -> str | None:
    """Return an item as text without its last newline; None if it is not text."""
    if isinstance(item, Cut):
        return f"… lines {item.from_line:,} to {item.to_line:,} were cut …"
    if item.type == EVENT:
        return None
    return item.payload.decode("utf-8", "replace").removesuffix("\n")


def chunks(run_id: str, start: Cursor, items: Sequence[Entry | Cut], frame_bytes: int) -> Iterator[Chunk]:
    """Divide items into frames of at most *frame_bytes*.

    Entries travel whole, so an entry that is larger by itself makes a larger frame.

    :param start: the position that the first item continues.
    """
    at = start
    pending: list[Entry | Cut] = []
    encoded: list[bytes] = []
    size = ENVELOPE_BYTES
    for item in items:
        data = orjson.dumps(item.wire())
        if pending and size + len(data) > frame_bytes:
            yield Chunk(run_id, pending, encoded, at)
            pending, encoded, size = [], [], ENVELOPE_BYTES
        pending.append(item)
        encoded.append(data)
        size += len(data) + 1
        at = after(start.epoch, item)
    if pending:
        yield Chunk(run_id, pending, encoded, at)


def after(epoch: int, item: Entry | Cut) -> Cursor:
    """Return a reader's position after an item."""
    if isinstance(item, Cut):
        return Cursor(epoch, item.last, item.to_line + 1, item.chain)
    return Cursor(epoch, item.id, item.next_line, item.chain)


def terminal(item: Entry | Cut) -> dict[str, Any] | None:
    """Return the end that an item declares; None if it is not the terminal entry."""
    if isinstance(item, Cut) or item.type != EVENT:
        return None
    value = decode(item)
    return value if value["kind"] == END else None


def tail_end(run_id: str, end: dict[str, Any]) -> Frame:
    """Return the event that follows the terminal entry."""
    names = ("state", "why", "exit_status", "signal", "lines", "bytes", "chain")
    return message("tail-end", {"run": run_id, **{name: end.get(name) for name in names}})


def part_end(run_id: str, state: str | None) -> Frame:
    """Return the event that follows the last line of a part that was shared: no totals, and not why the run ended."""
    return message("tail-end", {"run": run_id, "state": state})


def tail_reset(run_id: str, epoch: int, reason: Reason, why: str) -> Frame:
    """Return the event that ends a subscription whose view cannot go on.

    :param reason: for programs.
    :param why: a sentence for people.
    """
    return message("tail-reset", {"run": run_id, "epoch": epoch, "reason": reason, "why": why})


def tail_live(run_id: str, live: dict[str, Any]) -> Frame:
    """Return the event with the unfinished line."""
    return message("tail-live", {"run": run_id, **live})


def denied(run_id: str | None, code: Literal["login", "forbidden"], why: str) -> Frame:
    """Return the event that ends a subscription, or everything, because a right or a login is gone.

    :param run_id: the run of the subscription; None for everything: the connection ends after this event.
    :param why: a sentence for people.
    """
    return message("denied", {"run": run_id, "code": code, "why": why})


def renew() -> Frame:
    """Return the event after which the connection ends, so that a proxy judges who the client is now."""
    return message("renew", {})


def run_changed(summary: dict[str, Any]) -> Frame:
    """Return the event that says that a run's state changed."""
    return message("run", {"run": summary})


def store_answers(answers: bool) -> Frame:
    """Return the event that says whether the store answers."""
    return message("store", {"answers": answers})
