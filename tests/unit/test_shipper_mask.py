"""Secrets are masked wherever the stream is split."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtail.shipper.mask import MASK, Masker, needles

SECRET = b"hunter2-s3cret"
KEY = b"-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    out, at, turn = [], 0, 0
    while at < len(data):
        out.append(data[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    return out


def mask(parts: list[bytes], secrets: list[bytes]) -> tuple[bytes, int]:
    masker = Masker(secrets)
    out = b"".join(masker.feed(part) for part in parts) + masker.finish()
    return out, masker.count


@given(
    st.lists(st.text("ab", min_size=3, max_size=6).map(str.encode), min_size=1, max_size=4),
    st.text("abc\n", max_size=80).map(str.encode),
    st.lists(st.integers(1, 7), min_size=1),
)
@example([b"aaa"], b"aaaaaaaaaa", [1])
@example([b"abab", b"bab"], b"abababcbab", [2])
def test_any_split_gives_what_one_block_gives(secrets: list[bytes], text: bytes, sizes: list[int]) -> None:
    whole = mask([text], secrets)
    assert mask(pieces(text, sizes), secrets) == whole
    for secret in secrets:
        assert secret not in whole[0]


@given(st.binary(max_size=60), st.binary(max_size=60), st.lists(st.integers(1, 5), min_size=1))
def test_no_split_leaks(before: bytes, after: bytes, sizes: list[int]) -> None:
    text = before + SECRET + after + base64.b64encode(b"user:" + SECRET + b"@host") + b"\n"
    out, count = mask(pieces(text, sizes), [SECRET])
    assert SECRET not in out
    assert count >= 2


@pytest.mark.parametrize("offset", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_at_every_offset(offset: int, encode: object) -> None:
    secret = b"p\xff\xfe?ss>word~~"
    text = encode(b"u" * offset + secret + b"tail")  # type: ignore[operator]
    out, count = mask([b"Authorization: Basic " + text], [secret])
    assert count == 1
    # Only characters that mix with its neighbours are left.
    assert len(out) <= len(b"Authorization: Basic ") + len(text) - len(secret)


@pytest.mark.parametrize(
    "encoded",
    [
        quote("p@ss w/rd&1", safe=""),
        "p%40ss+w%2Frd%261",
        json.dumps('quo"te\\d p@ss w/rd&1'),
        base64.b64encode(b"p@ss w/rd&1").decode(),
    ],
)
def test_common_encodings(encoded: str) -> None:
    secrets = [b"p@ss w/rd&1", b'quo"te\\d']
    out, count = mask([encoded.encode()], secrets)
    assert count >= 1
    assert b"w%2Frd" not in out
    assert b"w/rd" not in out


def test_multi_line_secrets_whole_and_line_by_line() -> None:
    out, _ = mask([b"key:\n" + KEY], [KEY])
    assert out == b"key:\n***"
    out, count = mask([b"  MIIEvQIBADANBg\r\n  kqhkiG9w0BAQEF\r\n"], [KEY])
    assert (out, count) == (b"  ***\r\n  ***\r\n", 2)
    out, _ = mask([KEY.replace(b"\n", b"\r\n")], [KEY])
    assert b"MIIE" not in out
    out, _ = mask([json.dumps(KEY.decode()).encode()], [KEY])
    assert b"MIIE" not in out


def test_only_a_possible_beginning_is_held_back() -> None:
    masker = Masker([SECRET])
    assert masker.feed(b"enter h") == b"enter "
    assert masker.feed(b"ello\nhunter2-s3cre") == b"hello\n"
    assert masker.feed(b"t!") == MASK + b"!"


def test_an_endless_secret_does_not_grow_the_buffer() -> None:
    masker = Masker([b"aaa"])
    out = b"".join(masker.feed(b"a" * 1000) for _ in range(1000))
    assert len(masker.held) <= 2
    assert out + masker.finish() == MASK
    assert masker.count == 1


def test_a_secret_added_later_covers_what_was_held() -> None:
    masker = Masker([b"abcdef"])
    assert masker.feed(b"abcd") == b""
    masker.add(b"abcdX")
    assert masker.feed(b"X") == MASK


def test_overlapping_secrets_leave_nothing_between() -> None:
    assert mask([b"xabcdefy"], [b"abcd", b"cdef"]) == (b"x***y", 1)


def test_short_secrets_are_refused() -> None:
    assert needles(b"ab") == set()
    assert not Masker().add(b"")


def test_texts_on_their_own() -> None:
    masker = Masker([SECRET])
    assert masker.whole("login hunter2-s3cret failed \ud800") == "login *** failed \ufffd\ufffd\ufffd"
    assert masker.count == 1
