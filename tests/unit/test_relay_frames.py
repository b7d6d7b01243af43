"""Frames: what a viewer is sent, byte for byte."""

import struct

import orjson
import pytest

from runtail.protocol import EVENT, GENESIS, OUTPUT, Cursor, Cut, Entry, EntryId, View
from runtail.protocol import event as events
from runtail_socket.delivery.frames import Shape, chunks, plain, tail_end, terminal
from runtail_socket.transport.websocket import Frame, text_frame


def decode(frame: Frame | None) -> tuple[str, object]:
    """Unpack a frame as a browser does."""
    assert frame is not None
    assert frame[0] == 0x81
    length, start = frame[1], 2
    if length == 126:
        (length,), start = struct.unpack("!H", frame[2:4]), 4
    elif length == 127:
        (length,), start = struct.unpack("!Q", frame[2:10]), 10
    payload = frame[start:]
    assert len(payload) == length
    prefix = b"42/tail,"
    assert payload.startswith(prefix)
    name, data = orjson.loads(payload[len(prefix) :])
    return name, data


def log(payloads: list[bytes]) -> list[Entry]:
    entries: list[Entry] = []
    line, chain = 1, GENESIS
    for seq, payload in enumerate(payloads, 1):
        entries.append(Entry.make(EntryId(1, seq), OUTPUT, line, 1000 + seq, payload, chain))
        line, chain = entries[-1].next_line, entries[-1].chain
    return entries


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_a_frame_carries_its_length(size: int) -> None:
    frame = text_frame(b"x" * size)
    header = {True: 2, size > 125: 4, size > 65535: 10}[True]
    assert len(frame) == header + size


def test_the_chunks_of_a_log_verify() -> None:
    entries = log([b"one\ntwo\n", "grün ☃\n".encode(), b"\xff\xfe\x00\n", b'"quoted" <script>\n'] * 50)
    view = View()
    view.begin(7, 1, GENESIS)
    frames = list(chunks("r", Cursor(7), list(entries), 2000))
    assert len(frames) > 5
    for chunk in frames:
        frame = chunk.frame(Shape.ENTRIES)
        assert frame is not None
        assert len(frame) < 2000
        assert chunk.frame(Shape.ENTRIES) is frame
        name, data = decode(frame)
        assert name == "tail-message"
        assert isinstance(data, dict)
        assert (data["v"], data["run"], data["epoch"]) == (1, "r", 7)
        view.feed(data["entries"], epoch=7)
        assert view.cursor is not None
        assert (view.cursor.line, view.cursor.chain) == (chunk.after.line, chunk.after.chain)
    assert frames[-1].after.last == entries[-1].id
    assert sum(chunk.payload_bytes for chunk in frames) == sum(len(e.payload) for e in entries)


def test_an_entry_larger_than_a_frame_travels_whole() -> None:
    entries = log([b"a\n", b"\x01" * 5000 + b"\n", b"b\n"])
    frames = list(chunks("r", Cursor(7), list(entries), 1000))
    assert [len(chunk.items) for chunk in frames] == [1, 1, 1]


def test_the_tutorial_gets_text_without_events_or_last_newlines() -> None:
    entries = log([b"one\ntwo\n", b"", b"\xffthree\n"])
    event = Entry.make(EntryId(1, 4), EVENT, 4, 9, events.encode(events.GROUP, title="t"), entries[-1].chain)
    (chunk,) = chunks("r", Cursor(7), [*entries[:1], entries[2], event], 100_000)
    assert decode(chunk.frame(Shape.LINES)) == ("tail-message", "one\ntwo\n\ufffdthree")
    (only,) = chunks("r", Cursor(7), [event], 100_000)
    assert only.frame(Shape.LINES) is None
    cut = Cut(3, 1004, 5, 6, GENESIS, EntryId(1, 5))
    assert plain(cut) == "… lines 3 to 1,004 were cut …"


def test_a_released_chunk_keeps_only_where_it_ends() -> None:
    (chunk,) = chunks("r", Cursor(7), list(log([b"a\n"])), 1000)
    chunk.release()
    assert chunk.items == []
    assert chunk.payload_bytes == 2


def test_the_end_is_read_from_the_terminal_entry_only() -> None:
    payload = events.encode(events.END, state="failed", why="signal 9", exit_status=None, signal=9,
                            lines=3, bytes=20, chain="ab")  # fmt: skip
    entry = Entry.make(EntryId(1, 1), EVENT, 4, 9, payload, GENESIS)
    end = terminal(entry)
    assert end is not None
    name, data = decode(tail_end("r", end))
    assert name == "tail-end"
    assert data == {
        "v": 1, "run": "r", "state": "failed", "why": "signal 9", "exit_status": None,
        "signal": 9, "lines": 3, "bytes": 20, "chain": "ab",
    }  # fmt: skip
    (output,) = log([payload])
    assert terminal(output) is None
