"""Which line says why a run failed."""

import pytest

from runtail.protocol import EVENT, OUTPUT, Entry, EntryId
from runtail.protocol.chain import GENESIS
from runtail.worker.shipper.why_line import why_line

TRACEBACK = b"""Traceback (most recent call last):
  File "etl.py", line 7, in load
    insert(row)
psycopg.errors.UniqueViolation: duplicate key value
DETAIL: Key (id)=(7) already exists.
"""


def entries(*payloads: bytes | None) -> list[Entry]:
    """Entries with these payloads, the newest first; None: an event."""
    made: list[Entry] = []
    line = 1
    for number, payload in enumerate(payloads, 1):
        type_ = EVENT if payload is None else OUTPUT
        entry = Entry.make(EntryId(1, number), type_, line, 1, payload or b"{}", GENESIS)
        line = entry.next_line
        made.append(entry)
    return made[::-1]


@pytest.mark.parametrize(
    ("why", "payloads", "line"),
    [
        ("UniqueViolation: duplicate key value\nDETAIL: Key", [b"one\ntwo\n", TRACEBACK], 6),
        # An event, and what other processes write, may come after it.
        ("UniqueViolation: duplicate key value", [TRACEBACK, None, b"bye\n"], 4),
        ("UniqueViolation: dupl…", [TRACEBACK], 4),
        # The last one counts; in the middle of a line it is something else.
        ("E: x", [b"E: x\nmy.E: x\nno E: x\n"], 2),
        ("E: (x) [y", [b"E: (x) [y"], 1),
        ("ValueError: ü", ["ValueError: ü\n".encode()], 1),
        ("the process exited with status 3", [TRACEBACK], None),
        ("", [b"\n"], None),
        ("…", [b"x\n"], None),
        ("E: x", [b"E: x\n", b"y" * 300_000], None),
        ("E: x", [], None),
    ],
)
def test_the_line_is_found(why: str, payloads: list[bytes | None], line: int | None) -> None:
    assert why_line(entries(*payloads), why) == line
