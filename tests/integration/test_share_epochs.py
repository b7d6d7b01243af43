"""A part of a log that was shared is of one epoch: who is in the middle of it when another begins gets no more.

Each function that answers guests is called as its route calls it, with a real store between two reads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runtail.errors import RunNotFound
from runtail.log import reader
from runtail.log.reader import Head, locate, raise_epoch
from runtail.protocol import Clip, Cursor, EntryId
from runtail.store import Store
from runtail_web import text_stream
from runtail_web.api.logs import read_window
from runtail_web.text_page import read_page
from runtail_web.text_stream import as_stored, followed, stored
from tests.support.runs import open_run, write_lines

#: More entries than one read returns.
LINES = 3 * text_stream.ENTRIES
PART = Clip(2)


@pytest.fixture
def run_id(relay_store: Store) -> str:
    writer = open_run(relay_store, "epochs")
    write_lines(writer, 1, LINES, per_entry=1)
    return "epochs"


def begin_epoch(store: Store, run_id: str) -> None:
    before = locate(store, run_id, 1).head.epoch
    assert raise_epoch(store, run_id, Cursor(before, EntryId(1, 9999), 9999, b"\x01" * 32)) > before


def follow(store: Store, run_id: str, clip: Clip) -> Iterator[bytes]:
    never = threading.Event()
    location = locate(store, run_id, 2)
    return followed(store, run_id, location, clip, stop=never, gone=never.is_set, login_changed=lambda: None)


@pytest.mark.parametrize(
    "read", [lambda store, run_id, clip: stored(store, run_id, locate(store, run_id, 2), clip), follow]
)
def test_a_stream_breaks_off(relay_store: Store, run_id: str, read: Callable[..., Iterator[bytes]]) -> None:
    pieces = read(relay_store, run_id, PART)
    assert next(piece for piece in pieces if piece) == b"line 2\n"
    begin_epoch(relay_store, run_id)
    rest: list[bytes] = []
    with pytest.raises(RunNotFound):
        rest.extend(pieces)  # what was read before may still come
    assert b"".join(rest).count(b"\n") < text_stream.ENTRIES


def test_who_may_read_the_whole_log_reads_on(relay_store: Store, run_id: str) -> None:
    pieces = stored(relay_store, run_id, locate(relay_store, run_id, 1))
    assert next(pieces) == b"line 1\n"
    begin_epoch(relay_store, run_id)
    assert b"".join(pieces).endswith(f"line {LINES}\n".encode())


@pytest.mark.parametrize(
    "read",
    [
        lambda store, run_id: read_window(store, run_id, locate(store, run_id, 2), LINES, PART),
        lambda store, run_id: read_page(store, run_id, 2, LINES, PART),
    ],
    ids=["window", "page"],
)
def test_a_window_and_a_page_are_refused(
    relay_store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Any]
) -> None:
    original = reader.read

    def read_and_change(*args: Any, **more: Any) -> tuple[Head | None, list[Any]]:
        found = original(*args, **more)
        monkeypatch.setattr(text_stream, "read", original)
        begin_epoch(relay_store, run_id)
        return found

    monkeypatch.setattr(text_stream, "read", read_and_change)
    with pytest.raises(RunNotFound):
        read(relay_store, run_id)


def test_reading_past_what_does_not_fit_is_for_those_who_may_read_all(relay_store: Store, run_id: str) -> None:
    cursor = locate(relay_store, run_id, 2).cursor
    begin_epoch(relay_store, run_id)
    cursor.chain = b"\x02" * 32  # what is stored continues another log
    _, items = as_stored(relay_store, cursor, run_id)
    assert items
    cursor = locate(relay_store, run_id, 2).cursor
    cursor.epoch -= 1
    with pytest.raises(RunNotFound):
        as_stored(relay_store, cursor, run_id, PART)
