"""Sequences and marker lines become events, across any split."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtail.worker.inband import sequence
from runtail.worker.shipper.output.markers import MAX_SEQUENCE_BYTES, Markers, marker_lines

#: Lines, and what they are marked and shown as; the page is held to the same.
VECTORS = json.loads((Path(__file__).parents[1] / "support/marker_vectors.json").read_text())
NONCE = "0123456789abcdef"
GROUP = {"op": "group", "title": "Build ✓"}


def parse(parts: list[bytes]) -> list[bytes | dict[str, Any]]:
    """Feed all parts; join neighbouring output."""
    markers = Markers(NONCE)
    found: list[bytes | dict[str, Any]] = []
    for part in [*(p for raw in parts for p in markers.feed(raw)), markers.finish()]:
        if isinstance(part, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += part
        elif part:
            found.append(part)
    return found


PIECE = st.sampled_from(
    [
        b"text\n",
        b"\x1b[31mred",
        b"\x1b",
        b"\x1b]7777;",
        b"\x07",
        sequence(NONCE, GROUP),
        sequence("f" * 16, GROUP),
        sequence(NONCE, {"op": "progress", "value": 0.5, "text": "t"}),
        b"\x1b]7777;" + NONCE.encode() + b";no json\x07",
    ]
)


@given(st.lists(PIECE, max_size=8).map(b"".join), st.integers(1, 40))
def test_any_split_gives_the_same(data: bytes, size: int) -> None:
    assert parse([data[i : i + size] for i in range(0, len(data), size)]) == parse([data])


def test_sequences_are_taken_out_in_order() -> None:
    data = b"a\n" + sequence(NONCE, GROUP) + b"b\n" + sequence(NONCE, {"op": "endgroup"})
    assert parse([data]) == [b"a\n", GROUP, b"b\n", {"op": "endgroup"}]


def test_a_foreign_nonce_is_output() -> None:
    data = b"x" + sequence("f" * 16, GROUP) + b"y"
    assert parse([data]) == [data]


@pytest.mark.parametrize("body", [b"!!!", b"bm8=", b"e30=", b"eyJvcCI6ImV2aWwifQ=="])
def test_what_is_not_an_operation_is_output(body: bytes) -> None:
    data = b"\x1b]7777;" + NONCE.encode() + b";" + body + b"\x07"
    assert parse([data]) == [data]


def test_a_sequence_without_end_is_bounded() -> None:
    markers = Markers(NONCE)
    start = b"\x1b]7777;" + NONCE.encode() + b";"
    total = sum(len(p) for p in markers.feed(start))
    for _ in range(10):
        total += sum(len(p) for p in markers.feed(b"A" * 65536))
        assert len(markers.held) < MAX_SEQUENCE_BYTES
    assert total + len(markers.held) == len(start) + 655360


def test_a_cut_off_sequence_is_dropped() -> None:
    data = b"before" + sequence(NONCE, GROUP)[:-4]
    assert parse([data]) == [b"before"]


def test_an_unfinished_prefix_is_output() -> None:
    assert parse([b"bell \x1b]77"]) == [b"bell \x1b]77"]


def test_marker_lines_at_line_start_only() -> None:
    chunk = b"::group::One\nx ::group::no\n::warning::hot \r\n::endgroup::\n::unknown::\n"
    chunk += b"::error::\xff\n"
    assert list(marker_lines(chunk)) == [
        (0, {"kind": "group", "title": "One"}),
        (2, {"kind": "warning", "text": "hot"}),
        (3, {"kind": "endgroup"}),
        (5, {"kind": "error", "text": "\ufffd"}),
    ]


def test_a_piece_does_not_start_a_line() -> None:
    assert list(marker_lines(b"::group::x\n", at_line_start=False)) == []
    assert list(marker_lines(b"::group::unfinished")) == []


@pytest.mark.parametrize(("line", "kind", "text", "_shown"), VECTORS["lines"])
def test_lines_that_linters_write_are_marks(line: str, kind: str, text: str, _shown: str) -> None:
    assert list(marker_lines(f"before\n{line}\nafter\n".encode())) == [(1, {"kind": kind, "text": text})]
    assert list(marker_lines(f"{line}\r\n".encode())) == [(0, {"kind": kind, "text": text})]


@pytest.mark.parametrize(("line", "title"), VECTORS["groups"])
def test_groups_have_a_title_of_one_line(line: str, title: str) -> None:
    assert list(marker_lines(f"{line}\n".encode())) == [(0, {"kind": "group", "title": title})]


@pytest.mark.parametrize("line", VECTORS["none"])
def test_what_only_looks_like_one_is_no_marker_line(line: str) -> None:
    assert list(marker_lines(f"{line}\n::endgroup::\n".encode())) == [(1, {"kind": "endgroup"})]


@pytest.mark.parametrize("part", [b"##[error x", b"::error x=", b"::error ", b" ::group::", b"\t##[warning]"])
def test_looking_for_marker_lines_takes_linear_time(part: bytes) -> None:
    def seconds(size: int) -> float:
        chunk = part * (size // len(part)) + b"\n"
        before = time.thread_time()
        list(marker_lines(chunk))
        return time.thread_time() - before

    # Quadratic would be 64 times as long.
    assert min(seconds(1 << 19) for _ in range(3)) < 30 * max(1e-4, min(seconds(1 << 16) for _ in range(3)))
