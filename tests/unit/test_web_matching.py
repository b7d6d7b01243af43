"""Looking in output without taking its sequences out first finds the same."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from runtail_web.matching import Matcher

PARTS = st.sampled_from(
    [
        *(b"a", b"b", b"ab", b"A", b"[", b";", b"\n", "ü".encode(), b"\xc3", b"\x1b", b"\x1b[", b"m"),
        *(b"\x1b[31m", b"\x1b[0m", b"\x1b[38;2;1;2;3m", b"\x1b[K", b"\x1b(B", b"\x1bc", b"\x1b#8"),
        *(b"\x1b]8;;http://x\x07", b"\x1b]8;;\x1b\\", b"\x1b]0;\xff\xfe\x07", b"\x1bPq\xff\x1b\\", b"\x1b_x\x1b\\"),
    ]
)


@given(
    st.lists(PARTS, max_size=14).map(b"".join),
    st.sampled_from(["a", "ab", "ba", "abab", "aü", "üb", "b[", "a;b", "ABA"]),
    st.booleans(),
)
def test_a_text_is_found_as_it_is_seen(output: bytes, query: str, case: bool) -> None:
    found = [(hit.index, hit.spans) for hit in Matcher(query, regex=False, case=case).hits(output)]
    # For an expression the sequences are always taken out first.
    reference = Matcher(re2.escape(query), regex=True, case=case)
    assert found == [(hit.index, hit.spans) for hit in reference.hits(output)]


@pytest.mark.parametrize("length", [99, 100, 101, 1000])
def test_a_very_long_text_is_found_too(length: int) -> None:
    query = "xy" * (length // 2) + "z" * (length % 2)
    coloured = "".join(f"{letter}\x1b[3{at % 8}m" for at, letter in enumerate(query)).encode()
    output = b"before\n" + coloured + b"\nafter \x1b[0m\n"
    assert [(hit.index, hit.spans) for hit in Matcher(query, regex=False, case=False).hits(output)] == [
        (1, [[0, length]])
    ]
