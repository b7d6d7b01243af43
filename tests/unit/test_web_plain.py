"""The text of a line, and the style behind it: what the vectors say, which the page is held to as well."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtail_web.plain import plain, plain_text
from runtail_web.style import carried, resets, style_after
from tests.support.line_vectors import FILE, STYLES, TEXTS, generated, style, written

PIECES = st.sampled_from(
    [
        *("a", "b ", "\u65e5", "e\u0301", "\t", "\r", "\b", "\x1b", "\x0e", "\x07", "[31m", "K", ";", "\u202e"),
        *("\x1b[31m", "\x1b[0K", "\x1b[1K", "\x1b[3G", "\x1b[2D", "\x1b[4C", "\x1b[P", "\x1b[2@", "\x1b7", "\x1b8"),
        *("\x1b]8;;http://x\x07", "\x1b[!p", "\x1bc", "\x1b(0", "\x1b[2A"),
    ]
)


@pytest.mark.parametrize(("line", "text"), TEXTS.items(), ids=map(ascii, TEXTS))
def test_a_line_is_what_a_terminal_is_left_with(line: str, text: str) -> None:
    assert plain(line.encode()) == text


@pytest.mark.parametrize(("line", "behind"), STYLES.items(), ids=(ascii(line)[:60] for line in STYLES))
def test_a_style_is_carried_over(line: str, behind: list[int | str]) -> None:
    assert style(line) == behind


def test_the_page_is_held_to_what_is_true_now() -> None:
    assert FILE.read_text() == written(), "write it anew: python -m tests.support.line_vectors"


@pytest.mark.parametrize("line", generated())
def test_what_the_server_tells_of_a_style_gives_it_again(line: str) -> None:
    found = carried(line)
    again = carried(f"\x1b[{found.sgr}m\x1b]8;;{found.href}\x07")
    assert again == found


@given(st.lists(PIECES, max_size=20).map("".join))
def test_what_is_read_again_stays_as_it_is(line: str) -> None:
    text = plain_text(line)
    assert plain_text(text) == text
    assert "\x1b" not in text


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_text_without_controls_is_its_own(text: str) -> None:
    assert plain_text(text) == text


def test_a_reset_is_where_earlier_colours_do_not_matter() -> None:
    assert all(map(resets, [b"a\x1b[0mb", b"\x1bc", b"\x1b[!p", b"\x1b[00;1m"]))
    assert not any(map(resets, [b"\x1b[10m", b"\x1b[39m", b"0m"]))
    assert style_after([b"\x1b[1m\xff\x1b[3", b"1m\n"]).sgr == "1"


@pytest.mark.parametrize(
    "piece",
    ["\x1b", "\x1b[", "\x1b]", "\x1b[1;", "\x1bP", "\r", "\b", "a\r\x1b[K", "\x1b[2Kab", "ab\b\x1b[1K", "\x1b[999C",
     "x\r\x1b[9@", "\u0301", "a\x1b[900Gb\r", "\x1b[31m", "\t\b"],
)  # fmt: skip
def test_hostile_lines_take_linear_time(piece: str) -> None:
    began = time.process_time()
    plain_text("x" * 1000 + piece * (500_000 // len(piece)))
    carried(piece * (500_000 // len(piece)))
    assert time.process_time() - began < 15
