"""Looking in output as it is stored finds what looking at each line as it is shown finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtail_web.matching import Matcher, beginning, ending
from runtail_web.plain import plain

#: Lines, what is looked for, whether capitals count, and where it is. The page is held to the same.
VECTORS = json.loads((Path(__file__).parents[1] / "support/find_vectors.json").read_text())
PARTS = st.sampled_from(
    [
        *(b"a", b"b", b"ab", b"A", b"[", b";", b"\n", b"\r\n", "ü".encode(), b"\xc3", b"\x1b", b"\x1b[", b"m", b"K"),
        *(b"\x1b[31m", b"\x1b[0m", b"\x1b[38;2;1;2;3m", b"\x1b[K", b"\x1b[00K", b"\x1b(B", b"\x1bc", b"\x1b#8"),
        *(b"\x1b]8;;http://x\x07", b"\x1b]8;;\x1b\\", b"\x1b]0;\xff\xfe\x07", b"\x1bPq\xff\x1b\\", b"\x1b_x\x1b\\"),
        *(b"\r", b"\b", b"\x0e", b"\x0f", b"\x07", b"\x00", "\u202e".encode(), "\x9b".encode(), "日".encode()),
        *(b"\x1b[D", b"\x1b[2G", b"\x1b[1K", b"\x1b[P", b"\x1b[@", b"\x1b7", b"\x1b8", b"\x1b[2C", b"\x1b[?25l"),
    ]
)
OUTPUT = st.lists(PARTS, max_size=14).map(b"".join)
TEXTS = ["a", "ab", "ba", "abab", "aü", "üb", "b[", "a;b", "ABA", "␛", "a␇", "\ufffd", "m", "K", "日"]
EXPRESSIONS = ["a$", "^b", "^$", "a.b", "[^a]+", "^a*$", "b?", "\\x{2407}", "\\Aab", "K\\z", "\\s", "(?-i:A)", "a|ü"]


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def reference(output: bytes, expression: str, case: bool) -> list[tuple[int, list[list[int]]]]:
    """Look at each line as it is shown."""
    options = re2.Options()
    options.case_sensitive = case
    wanted = re2.compile(expression, options)
    found = []
    for index, line in enumerate(output.removesuffix(b"\n").split(b"\n")):
        text = plain(line)
        places = [match.span() for match in wanted.finditer(text)]
        spans = [[utf16(text[:start]), utf16(text[:end])] for start, end in places if end > start]
        if spans:
            found.append((index, spans))
    return found


def hits(matcher: Matcher, output: bytes, before: bytes = b"", after: bytes = b"") -> list[tuple[int, list[list[int]]]]:
    return [(hit.index, hit.spans) for hit in matcher.hits(output, before, after)]


@settings(max_examples=400)
@given(OUTPUT, st.sampled_from(TEXTS), st.booleans())
def test_a_text_is_found_as_it_is_seen(output: bytes, query: str, case: bool) -> None:
    found = hits(Matcher(query, regex=False, case=case), output)
    assert found == reference(output, re2.escape(query), case)


@settings(max_examples=400)
@given(OUTPUT, st.sampled_from(EXPRESSIONS), st.booleans())
@example(b"aa\r\xc3", "a$", False)
def test_an_expression_finds_what_is_seen(output: bytes, query: str, case: bool) -> None:
    assert hits(Matcher(query, regex=True, case=case), output) == reference(output, query, case)


@pytest.mark.parametrize(
    ("query", "regex", "expected"),
    [
        ("needle", False, [[(0, [[3, 6]])], [(0, [[0, 3]])]]),
        ("xneed", False, [[(0, [[2, 6]])], [(0, [[0, 1]])]]),
        ("eyy", False, [[], [(0, [[2, 5]])]]),
        ("nee$", True, [[], []]),
        ("^dle", True, [[], []]),
        ("^xxxneedleyyy$", True, [[(0, [[0, 6]])], [(0, [[0, 6]])]]),
        ("y$", True, [[], [(0, [[5, 6]])]]),
        ("next", False, [[], [(1, [[0, 4]])]]),
    ],
)
def test_a_long_line_is_searched_across_its_cuts(query: str, regex: bool, expected: list[object]) -> None:
    first, second = b"xxx\x1b[1mnee", b"d\x1b[0mleyyy\r\nnext\n"
    matcher = Matcher(query, regex=regex, case=True)
    assert [
        hits(matcher, first, after=beginning(second)),
        hits(matcher, second, before=ending(first)),
    ] == expected
    # The second of three, and lines before the first.
    assert hits(matcher, b"n", b"xxx", b"eedleyyy") == (
        [(0, [[0, 1]])] if "xneed" in query or "needle" in query else []
    )
    assert hits(matcher, b"other\n" + first, after=beginning(second)) == [
        (index + 1, spans) for index, spans in hits(matcher, first, after=beginning(second))
    ]


@pytest.mark.parametrize("length", [99, 100, 101, 1000])
def test_a_very_long_text_is_found_too(length: int) -> None:
    query = "xy" * (length // 2) + "z" * (length % 2)
    coloured = "".join(f"{letter}\x1b[3{at % 8}m" for at, letter in enumerate(query)).encode()
    output = b"before\n" + coloured + b"\nafter \x1b[0m\n"
    assert [(hit.index, hit.spans) for hit in Matcher(query, regex=False, case=False).hits(output)] == [
        (1, [[0, length]])
    ]


@pytest.mark.parametrize(("line", "query", "case", "spans"), VECTORS)
def test_capitals_and_accents(line: str, query: str, case: bool, spans: list[list[int]]) -> None:
    matcher = Matcher(query, regex=False, case=case)
    expected = [(1, spans)] if spans else []
    assert hits(matcher, f"before\n{line}\nafter\n".encode()) == expected
    # Colours between the characters move nothing.
    coloured = "\x1b[1m".join(line)
    assert hits(matcher, f"before\n{coloured}\nafter\n".encode()) == expected
    # Where lines are drawn as well.
    assert hits(matcher, f"before\nx\b{line}\nafter\n".encode()) == expected
