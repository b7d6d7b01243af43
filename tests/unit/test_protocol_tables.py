"""The tables of docs/protocol.md name what the code sends, takes and answers: all of it, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import orjson
import pytest

from runtail.errors import ProtocolError
from runtail.protocol import EVENT, GENESIS, Cursor, Entry, EntryId, event
from runtail_socket.clients import request
from runtail_socket.clients.namespace import HANDLERS
from runtail_socket.delivery.frames import (
    Chunk,
    Reason,
    Sent,
    Shape,
    denied,
    renew,
    run_changed,
    store_answers,
    tail_end,
    tail_live,
    tail_reset,
)
from runtail_socket.transport.websocket import Frame

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/protocol.md").read_text()
RELAY = ROOT / "services/socket/src/runtail_socket"
LIBRARY = ROOT / "libs/runtail/src/runtail"
#: What the relay reads of a store raises these with codes of their own.
READING = [*(LIBRARY / "log").glob("*.py"), *(LIBRARY / "protocol").glob("*.py"), *(LIBRARY / "runs").glob("*.py")]


def table(heading: str, title: str) -> list[tuple[str, str]]:
    """Return the first two cells of a table's rows.

    :param heading: of the section that it stands in.
    :param title: of its first column.
    """
    section = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert section, f"docs/protocol.md has no heading {heading!r}"
    rows = re.search(rf"^\| {re.escape(title)} \|.*\n\|---.*\n((?:\|.*\n)+)", section[1], re.MULTILINE)
    assert rows, f"{heading!r} has no table that begins with the column {title!r}"
    cells = [row.strip("|").split("|") for row in rows[1].splitlines()]
    return [(first.strip(), second.strip()) for first, second, *_ in cells]


def names(heading: str, title: str) -> list[str]:
    """Return the names in a table's first column; a cell may have several."""
    return [name for first, _ in table(heading, title) for name in re.findall(r"`([^`]+)`", first)]


def constants(paths: list[Path]) -> Iterator[str]:
    """The texts in some sources, without those that only declare a ``Literal``."""

    def below(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        for child in ast.iter_child_nodes(node):
            yield from below(child)

    for path in paths:
        yield from below(ast.parse(path.read_text()))


def frames() -> dict[Sent, Frame | None]:
    """One frame of each event, as the relay makes it."""
    entry = Entry.make(EntryId(1, 1), EVENT, 1, 1000, event.encode(event.START, attempt=1), GENESIS)
    chunk = Chunk("r", [entry], [orjson.dumps(entry.wire())], Cursor(7, entry.id, 1, entry.chain))
    live = {"rev": 1, "line": 3, "text": "50 %", "progress": None, "rows": ["", "50 %"]}
    return {
        "tail-message": chunk.frame(Shape.ENTRIES),
        "tail-live": tail_live("r", live),
        "tail-end": tail_end("r", {"state": "failed"}),
        "tail-reset": tail_reset("r", 8, "ahead", "Why."),
        "run": run_changed({"id": "r"}),
        "store": store_answers(False),
        "denied": denied("r", "forbidden", "Why."),
        "renew": renew(),
    }


def test_every_event_that_the_relay_sends_stands_there_with_its_fields() -> None:
    rows = table("What the server sends", "event")
    made = frames()
    assert sorted(name for name, _ in rows) == sorted(f"`{name}`" for name in get_args(Sent))
    assert made.keys() == set(get_args(Sent))
    for cell, data in rows:
        name = cell.strip("`")
        frame = next(frame for event_name, frame in made.items() if event_name == name)
        assert frame is not None
        sent_name, sent = orjson.loads(frame[frame.index(b"[") :])
        described = re.match(r"`(\{.*?\})`", data)
        assert described, f"the data of {name} are not described"
        assert (sent_name, set(sent)) == (name, set(re.findall(r'"(\w+)"', described[1])))


def test_every_event_goes_through_the_frames() -> None:
    for path in RELAY.rglob("*.py"):
        assert not re.search(r"\.emit\(|socketio\.send\(", path.read_text()), path


def test_every_event_that_the_relay_takes_stands_there() -> None:
    assert names("What a client sends", "event") == list(HANDLERS)


def test_the_page_hears_and_sends_what_stands_there() -> None:
    sources = (ROOT / "services/web/ui/src").rglob("*.ts*")
    text = "\n".join(path.read_text() for path in sources)
    heard = set(re.findall(r'socket\.on\(\s*"([^"]+)"', text)) - {"connect", "connect_error", "disconnect"}
    assert "tail-message" in heard
    assert heard <= set(get_args(Sent))
    assert set(re.findall(r'\.emit\(\s*"([^"]+)"', text)) == set(HANDLERS)


def test_every_error_code_stands_there() -> None:
    assert sorted(names("subscribe", "code")) == sorted(request.CODES)
    assert set(request.CODES) <= set(constants([*RELAY.rglob("*.py"), *READING])), "a code that nothing answers"


@pytest.mark.parametrize("code", ["cut", "entry-id", "event", "discontinuity", "anything"])
def test_a_log_that_cannot_be_read_has_a_code_that_stands_there(code: str) -> None:
    assert request.code_of(ProtocolError(code, "It cannot be read.")) == "entry"


@pytest.mark.parametrize("code", ["bad-request", "version", "record"])
def test_a_code_that_stands_there_is_kept(code: str) -> None:
    assert request.code_of(ProtocolError(code, "It is wrong.")) == code


def test_every_reason_of_a_reset_stands_there() -> None:
    assert sorted(names("What the server sends", "reason of a reset")) == sorted(get_args(Reason))
    assert set(get_args(Reason)) <= set(constants([*RELAY.rglob("*.py")])), "a reason that nothing gives"


def test_every_kind_of_event_in_a_log_stands_there() -> None:
    kinds = {value for name, value in vars(event).items() if name.isupper() and name not in ("EVENT", "VERSION")}
    assert set(names("Events", "kind")) == kinds
