"""Cutting output into lines, pieces and the live line."""

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtail.worker.shipper.output.lines import Chunk, Lines, Redrawn
from tests.support.log_lines import split

TEXT = st.text(alphabet="ab\r\n", max_size=120).map(str.encode)
SIZES = st.lists(st.integers(1, 9), min_size=1)


def units(chunks: list[Chunk]) -> list[tuple[bytes, bool]]:
    """Lines and pieces, whatever chunk they travelled in."""
    found: list[tuple[bytes, bool]] = []
    for chunk in chunks:
        parts = chunk.payload.split(b"\n")
        found += [(part + b"\n", False) for part in parts[:-1]]
        if parts[-1]:
            found.append((parts[-1], chunk.continues))
    return found


def chunks_of(items: list[Chunk | Redrawn]) -> list[Chunk]:
    """The items, none of which says that something was redrawn."""
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert len(chunks) == len(items)
    return chunks


def feed(parts: list[bytes], lines: Lines) -> list[Chunk]:
    return chunks_of([chunk for part in parts for chunk in lines.feed(part)] + lines.finish())


@given(TEXT, SIZES, st.sampled_from(["last", "keep"]))
def test_the_split_of_the_input_changes_nothing(data: bytes, sizes: list[int], cr: str) -> None:
    one, many, bytewise = (Lines(max_line_bytes=7, cr=cr) for _ in range(3))
    expected = units(feed([data], one))
    assert units(feed(split(data, sizes), many)) == expected
    assert units(feed([bytes([b]) for b in data], bytewise)) == expected
    assert one.rewritten_bytes == many.rewritten_bytes == bytewise.rewritten_bytes


@given(TEXT, SIZES, st.sampled_from(["last", "keep"]))
def test_every_byte_is_stored_or_counted(data: bytes, sizes: list[int], cr: str) -> None:
    lines = Lines(max_line_bytes=7, cr=cr)
    stored = b"".join(chunk.payload for chunk in feed(split(data, sizes), lines))
    assert len(stored) + lines.rewritten_bytes == len(data)
    if cr == "keep":
        assert stored == data


@given(st.binary(max_size=300), SIZES)
def test_any_bytes_that_move_nothing_are_kept(data: bytes, sizes: list[int]) -> None:
    data = data.translate(bytes.maketrans(b"\r\b\x1b", b"???"))
    assert b"".join(c.payload for c in feed(split(data, sizes), Lines(max_line_bytes=50))) == data


def test_what_stands_after_the_last_bare_return_is_stored() -> None:
    lines = Lines()
    assert lines.feed(b"10%\r50%\r100%\ndone\n") == [Chunk(b"100%\ndone\n")]
    assert lines.rewritten_bytes == 8


def test_returns_before_a_newline_are_not_bare() -> None:
    lines = Lines()
    assert lines.feed(b"dos\r\nterminal\r\r\n") == [Chunk(b"dos\r\nterminal\r\r\n")]
    assert lines.rewritten_bytes == 0


def test_a_return_at_the_end_waits_for_what_follows() -> None:
    lines = Lines()
    assert lines.feed(b"50%\r") == []
    assert lines.live(4096) == ["50%"]
    assert lines.feed(b"60%") == []
    assert (lines.live(4096), lines.rewritten_bytes) == (["60%"], 4)


def test_keep_stores_everything_and_still_shows_the_last_state() -> None:
    lines = Lines(cr="keep")
    lines.feed(b"50%\r60%\r")
    assert lines.live(4096) == ["60%"]
    assert lines.feed(b"\n") == [Chunk(b"50%\r60%\r\n")]


def test_a_long_line_becomes_pieces() -> None:
    lines = Lines(max_line_bytes=10)
    chunks = lines.feed(b"short\n" + b"x" * 25 + b"\nnext\n")
    assert chunks == [
        Chunk(b"short\n"),
        Chunk(b"x" * 10, continues=True),
        Chunk(b"x" * 10, continues=True),
        Chunk(b"xxxxx\nnext\n"),
    ]


def test_a_line_of_exactly_the_limit_is_no_piece() -> None:
    assert Lines(max_line_bytes=10).feed(b"x" * 10 + b"\n") == [Chunk(b"x" * 10 + b"\n")]


def test_chunks_are_cut_at_the_last_newline_that_fits() -> None:
    chunks = chunks_of(Lines().feed((b"y" * 99 + b"\n") * 2000))
    assert all(len(c.payload) <= 65537 and c.payload.endswith(b"\n") for c in chunks)
    assert len(chunks) == 4


def test_memory_is_bounded_without_a_newline() -> None:
    lines, block, stored = Lines(), b"z" * 65536, 0
    for _ in range(1024):
        stored += sum(len(chunk.payload) for chunk in chunks_of(lines.feed(block)))
        assert len(lines.tail) <= 65536
    assert stored + len(lines.tail) == 1024 * 65536


def test_memory_is_bounded_under_endless_overwriting() -> None:
    lines = Lines()
    for percent in range(20_000):
        assert lines.feed(b"progress %d\r" % percent) == []
        assert len(lines.tail) < 64
    assert lines.live(4096) == ["progress 19999"]


def test_no_work_is_done_per_line() -> None:
    # A ratio, not a time: cutting may cost at most a few passes over the bytes.
    block = (b"q" * 99 + b"\n") * 655
    started = time.perf_counter()
    for _ in range(200):
        block.count(b"\n")
    once = time.perf_counter() - started
    lines = Lines()
    started = time.perf_counter()
    for _ in range(200):
        lines.feed(block)
    assert time.perf_counter() - started < 20 * once


def test_random_terminal_output_matches_a_byte_by_byte_reading() -> None:
    random.seed(7)
    data = bytes(random.choices(b"ab\r\n", weights=[6, 6, 2, 1], k=5000))
    whole, bytewise = Lines(max_line_bytes=40), Lines(max_line_bytes=40)
    expected = feed([bytes([b]) for b in data], bytewise)
    assert units(feed([data], whole)) == units(expected)


def test_a_piece_ends_between_characters() -> None:
    for limit in range(20, 32):
        lines = Lines(max_line_bytes=limit)
        chunks = lines.feed("äöü漢字👍".encode() * 9 + b"\n")
        assert "".join(chunk.payload.decode() for chunk in chunks if isinstance(chunk, Chunk))[:6] == "äöü漢字👍"
        assert [chunk.continues for chunk in chunks if isinstance(chunk, Chunk)] == [True] * (len(chunks) - 1) + [False]


def test_bytes_that_are_no_text_are_cut_anywhere() -> None:
    chunks = Lines(max_line_bytes=10).feed(b"\x80" * 25 + b"\n")
    assert [chunk.payload for chunk in chunks if isinstance(chunk, Chunk)] == [
        b"\x80" * 10,
        b"\x80" * 10,
        b"\x80" * 5 + b"\n",
    ]


@given(st.integers(40, 90), SIZES)
def test_a_sequence_is_not_cut(limit: int, sizes: list[int]) -> None:
    line = b"text \x1b[38;5;208morange \x1b]8;;http://host/path\x07link\x1b]8;;\x1b\\ \x1b[0m\x1b(Bplain " * 4
    lines = Lines(max_line_bytes=limit)
    for payload, _ in units(feed(split(line + b"\n", sizes), lines)):
        rest = re.sub(rb"\x1b(?:\[[0-9;]*m|\]8;;[^\x07\x1b]*(?:\x07|\x1b\\)|\(B)", b"", payload)
        assert re.fullmatch(rb"[a-z ]*\n?", rest), payload


def test_a_piece_begins_with_the_style_that_is_in_force() -> None:
    lines = Lines(max_line_bytes=12)
    first, second, third = lines.feed(b"\x1b[31m" + b"r" * 7 + b"r" * 12 + b"end\x1b[0m\n")
    assert first == Chunk(b"\x1b[31m" + b"r" * 7, continues=True)
    assert second == Chunk(b"\x1b[31m" + b"r" * 12, continues=True)
    assert third == Chunk(b"\x1b[31mend\x1b[0m\n")


#: What terminals take in without showing it: an image of iTerm2, sixels, one of kitty, a file for the clipboard.
IMAGES = {
    "iterm": (b"\x1b]1337;File=inline=1;size=9:", b"\x07"),
    "sixels": (b"\x1bP0;1q", b"\x1b\\"),
    "kitty": (b"\x1b_Ga=T,f=100;", b"\x1b\\"),
    "clipboard": (b"\x1b]52;c;", b"\x1b\\"),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("size", [4_000, 9_990, 9_999, 10_000, 10_001, 35_000])
def test_a_long_image_is_no_text_in_any_of_its_pieces(kind: str, size: int) -> None:
    begin, end = IMAGES[kind]
    data = b"before \x1b[31m" + begin + b"QUJD" * (size // 4) + end + b"behind\x1b[0m\nnext\n"
    expected = None
    for parts in ([data], split(data, [977]), split(data, [1, 4_096])):
        chunks = feed(parts, Lines(max_line_bytes=10_000))
        pieces = units(chunks)
        # The page and the plain text look at each piece by itself.
        texts = [
            re.sub(rb"\x1b(?:\[[0-9;]*m|\][^\x07\x1b]*(?:\x07|\x1b\\)|[P_][^\x1b]*\x1b\\)", b"", one)
            for one, _ in pieces
        ]
        assert b"".join(texts) == b"before behind\nnext\n"
        assert max(len(one) for one, _ in pieces) < 10_100
        expected = expected or pieces
        assert pieces == expected


def test_what_goes_on_with_an_image_survives_a_shipper() -> None:
    begin, end = IMAGES["iterm"]
    data = begin + b"A" * 25_000 + end + b"behind\n"
    whole = units(feed([data], Lines(max_line_bytes=10_000)))
    lines = Lines(max_line_bytes=10_000)
    chunks = []
    for part in split(data, [3_000]):
        chunks += chunks_of(lines.feed(part))
        state, past = lines.save()
        lines = Lines(max_line_bytes=10_000)
        lines.restore(state, past)
    assert units(chunks + chunks_of(lines.finish())) == whole


def test_text_behind_what_only_looks_like_an_image_stays_text() -> None:
    for begin in (b"\x1b]", b"\x1bPX", b"\x1b_x", b"\x1bX1;", b"\x1b]1337"):
        line = begin + b"x" * 25_000 + b"\n"
        assert b"".join(one for one, _ in units(feed([line], Lines(max_line_bytes=10_000)))) == line


def test_keep_adds_nothing_to_a_piece() -> None:
    line = b"\x1b[31m" + b"red" * 30 + b"\r\x08\x1b[A\x1b[0m\n"
    chunks = Lines(max_line_bytes=12, cr="keep").feed(line)
    assert b"".join(chunk.payload for chunk in chunks if isinstance(chunk, Chunk)) == line


def test_nothing_is_written_over_a_piece() -> None:
    lines = Lines(max_line_bytes=10)
    chunks = lines.feed(b"0123456789abc\rXY\x1b[1GZ\n")
    assert chunks == [
        Chunk(b"0123456789", continues=True),
        Chunk(b"abc", continues=True),
        Chunk(b"XY", continues=True),
        Chunk(b"Z\n"),
    ]


def test_a_long_line_that_is_drawn_leaves_in_pieces() -> None:
    lines = Lines(max_line_bytes=10)
    payloads = [chunk.payload for chunk in lines.feed(b"ab\rAB" + b"x" * 25 + b"\n") if isinstance(chunk, Chunk)]
    assert payloads == [b"ABxxxxxxxx", b"x" * 10, b"x" * 7 + b"\n"]


def test_the_live_line_has_the_colour_of_the_line_before() -> None:
    lines = Lines()
    lines.feed(b"\x1b[33mwarn\nstill \x1b[1myellow")
    assert lines.live(4096) == ["\x1b[33mstill \x1b[1myellow"]
    # Cut, it begins with a whole character and no part of a sequence.
    assert lines.live(9) == ["\x1b[1;33myellow"]
    assert lines.live(12) == ["\x1b[33ml \x1b[1myellow"]


def test_compilers_colours_are_left_alone() -> None:
    line = b"\x1b[01m\x1b[Kmain.c:3:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror:\x1b[m\x1b[K expected\n"
    assert Lines().feed(line * 3) == [Chunk(line * 3)]


def test_a_soft_reset_ends_colours_and_modes_and_keeps_a_link() -> None:
    link = "\x1b]8;;https://example.org/\x1b\\"
    output = f"\x1b[33;4mwarn {link}see\x1b[4h\n\x1b[!pplain\rPL\x1b]8;;\x1b\\\n".encode()
    (chunk, *more) = feed([output], Lines())
    rest = b"".join(other.payload for other in more)
    last = (chunk.payload + rest).split(b"\n")[1]
    assert b"[33" not in last
    assert b"[4m" not in last
    assert last.replace(link.encode(), b"").removeprefix(b"\x1b[0m").startswith(b"PLain")
    # The same at the end of what came before it is no colour of the line behind it.
    assert feed([b"\x1b[31mred\n\x1b[!p", b"after\n"], Lines())[-1].payload.endswith(b"after\n")


def test_a_colour_that_is_on_behind_a_drawn_line_makes_no_line_of_its_own() -> None:
    output = b"\x1bc\x1b[36m 10%\r100%\n"
    for parts in ([output], split(output, [3]), [output[:-1], b"\n"]):
        assert [line for line, _ in units(feed(parts, Lines()))] == [b"\x1b[36m100%\x1b[0m\n"]
    # It is on where the output goes on, also behind a state that was kept.
    lines = Lines()
    first = chunks_of(lines.feed(output))
    successor = Lines()
    successor.restore(*lines.save())
    assert successor.finish() == []
    assert feed([b"more\n"], lines)[-1].payload == b"\x1b[36mmore\n"
    assert first
    # What a program writes itself stays, also if it is the same.
    assert feed([output + b"\x1b[36m"], Lines())[-1].payload.endswith(b"\x1b[36m")
