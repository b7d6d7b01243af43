"""The protocol against its vectors, and what it must refuse."""

from __future__ import annotations

import ast
import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtail.protocol
from runtail.errors import ProtocolError
from runtail.protocol import Cursor, Discontinuity, Entry, EntryId, View, count_lines, link
from tests.support.vectors import vectors

FOLDER = Path(runtail.protocol.__file__).parent
VECTORS: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text())


def test_the_vectors_are_fresh() -> None:
    assert vectors() == VECTORS, "run: python -m tests.support.vectors > …/protocol/vectors.json"


@pytest.mark.parametrize("vector", VECTORS["chain"])
def test_digests_are_those_of_the_vectors(vector: dict[str, str]) -> None:
    payload = base64.b64decode(vector["payload_b64"])
    assert link(bytes.fromhex(vector["previous"]), vector["type"], payload).hex() == vector["chain"]


@pytest.mark.parametrize("vector", VECTORS["entries"])
def test_entries_are_the_same_stored_and_on_the_wire(vector: dict[str, Any]) -> None:
    entry = Entry.from_wire(vector["wire"])
    assert entry.wire() == vector["wire"]
    stored = vector["stored"]
    fields = {b"h": stored["h"].encode(), b"d": base64.b64decode(stored["d_b64"]), b"c": bytes.fromhex(stored["c"])}
    assert Entry.from_fields(entry.id, fields) == entry
    assert entry.header() == fields[b"h"]


@pytest.mark.parametrize("vector", VECTORS["invalid_entries"], ids=lambda vector: vector["name"])
def test_broken_entries_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Entry.from_wire(vector["wire"])


@pytest.mark.parametrize("vector", VECTORS["views"], ids=lambda vector: vector["name"])
def test_views_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    view = View()
    begin = vector["begin"]
    view.begin(begin["epoch"], begin["from"], bytes.fromhex(begin["chain"]))
    try:
        for message in vector["messages"]:
            view.feed(message["entries"], epoch=message["epoch"])
    except Discontinuity:
        assert vector["mismatch"]
        assert view.verdict is not None
        assert not view.verdict.verified
        return
    assert not vector["mismatch"]
    verdict, expected = view.verdict, vector["verdict"]
    if expected is None:
        assert verdict is None
        return
    assert verdict is not None
    assert {name: getattr(verdict, name) for name in expected} == expected


def test_a_newer_format_is_refused_with_a_sentence() -> None:
    with pytest.raises(ProtocolError, match="has format 2") as refused:
        Entry.from_fields(EntryId(1, 1), {b"h": b"2 o 1 1 1 -", b"d": b"", b"c": bytes(32)})
    assert refused.value.code == "version"


def test_a_view_never_mixes_epochs_and_resumes_only_where_it_stood() -> None:
    view = View()
    with pytest.raises(ProtocolError):
        view.feed([], epoch=1)
    view.begin(1, 1, bytes(32))
    with pytest.raises(ProtocolError, match="epoch"):
        view.feed([], epoch=2)
    with pytest.raises(ProtocolError, match="resumed at line 5"):
        view.begin(1, 5, bytes(32))
    view.begin(2, 5, bytes(32))
    assert view.began_at == 5


@given(st.binary())
def test_lines_are_counted_as_they_are_numbered(payload: bytes) -> None:
    assert count_lines(payload) == len(payload.split(b"\n")) - (1 if payload.endswith(b"\n") or not payload else 0)


@given(st.lists(st.binary(max_size=50), max_size=8), st.randoms(use_true_random=False))
def test_no_change_of_a_log_goes_unseen(payloads: list[bytes], random: Any) -> None:
    """Whatever one entry is replaced by, the cursor stops there or behind it."""
    entries: list[Entry] = []
    line, chain = 1, bytes(32)
    for seq, payload in enumerate(payloads, 1):
        entries.append(Entry.make(EntryId(1, seq), "o", line, 0, payload, chain))
        line, chain = entries[-1].next_line, entries[-1].chain
    assert Cursor(1).advance(entries) == entries
    if len(entries) > 1:
        index = random.randrange(len(entries) - 1)
        with pytest.raises(Discontinuity):
            Cursor(1).advance(entries[:index] + entries[index + 1 :])
        with pytest.raises(Discontinuity):
            Cursor(1).advance([*entries[: index + 1], *entries[index:]])


def test_the_protocol_does_no_io() -> None:
    """Standard library and orjson only, and nothing of it that talks to the world."""
    allowed = {"orjson", "runtail"} | set(sys.stdlib_module_names)
    forbidden = {"socket", "ssl", "http", "urllib", "subprocess", "threading", "asyncio", "os", "time"}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert top in allowed - forbidden, f"{path.name} imports {name}"
                assert top != "runtail" or name.startswith(("runtail.protocol", "runtail.errors")), name
