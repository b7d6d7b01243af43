"""Secrets are masked in every form, wherever the stream is split."""

import base64
import json
import random
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtail.masking.encodings import MAX_ENCODED_BYTES, needles, weakness
from runtail.masking.mask import MASK, Masker
from runtail.masking.needles import Needles, best_stride
from tests.support.masked_output import AWKWARD, FORMS, check, outputs, pieces

SECRET = b"hunter2-s3cret"
KEY = b"-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"


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


@given(
    st.lists(st.text(AWKWARD, min_size=6, max_size=40).map(str.encode), min_size=1, max_size=5, unique=True),
    st.data(),
    st.lists(st.integers(1, 90), min_size=1, max_size=4),
)
def test_no_needle_survives_any_split(secrets: list[bytes], data: st.DataObject, sizes: list[int]) -> None:
    every = sorted(set().union(*map(needles, secrets)))
    said = data.draw(st.lists(st.sampled_from([*every, b" ", b"\n", b"x", b"***"]), max_size=12)) if every else [b" "]
    out, _ = mask(pieces(b"".join(said), sizes), secrets)
    # What is between two masks may look like a needle that has asterisks.
    assert not [needle for needle in every if b"*" not in needle and needle in out]


@given(
    st.sets(st.binary(min_size=1, max_size=24) | st.text("ab", min_size=1, max_size=40).map(str.encode), max_size=60),
    st.lists(st.binary(max_size=9) | st.text("ab", max_size=60).map(str.encode), max_size=8),
    st.data(),
)
def test_needles_are_found_as_by_looking_for_each(wanted: set[bytes], parts: list[bytes], data: st.DataObject) -> None:
    found = Needles()
    found.add(wanted)
    if wanted:
        parts += data.draw(st.lists(st.sampled_from(sorted(wanted)), max_size=4))
        parts.append(data.draw(st.sampled_from(sorted(wanted)))[: data.draw(st.integers(0, 40))])
    block = b"".join(parts)
    assert found.spans(block) == spans_by_hand(list(wanted), block)
    begins = [at for at in range(len(block)) for n in wanted if len(n) > len(block) - at and n.startswith(block[at:])]
    assert found.undecided(block) == min(begins, default=len(block))


@pytest.mark.parametrize("alphabet", [b"ab", b"0123456789abcdef", bytes(range(256))])
@pytest.mark.parametrize("shortest", [1, 5, 7, 11, 20, 40])
def test_hundreds_of_needles_are_found_as_by_looking_for_each(alphabet: bytes, shortest: int) -> None:
    pick = random.Random(shortest)
    for number in (5, 30, 300):
        wanted = [bytes(pick.choices(alphabet, k=pick.randint(shortest, 2 * shortest + 30))) for _ in range(number)]
        found = Needles()
        # Some are added later, to all or to a copy.
        found.add(wanted[: number // 2])
        found.spans(b"".join(wanted[:3]))
        copied = found.copy()
        for later in (copied, found):
            later.add(wanted[number // 2 :])
            parts = [bytes(pick.choices(alphabet, k=pick.randint(0, 30))) for _ in range(10)]
            parts += [pick.choice(wanted) for _ in range(10)]
            # One word many times, as in indented text.
            parts.append(pick.choice(wanted)[:4] * 400)
            pick.shuffle(parts)
            block = b"".join(parts) + pick.choice(wanted)[: pick.randint(0, 40)]
            assert later.spans(block) == spans_by_hand(wanted, block)
            begins = (len(block) - k for n in wanted for k in range(1, len(n)) if block.endswith(n[:k]))
            assert later.undecided(block) == min(begins, default=len(block))


def spans_by_hand(wanted: list[bytes], block: bytes) -> set[tuple[int, int]]:
    found = set()
    for needle in wanted:
        at = block.find(needle)
        while at >= 0:
            found.add((at, at + len(needle)))
            at = block.find(needle, at + 1)
    return found


def test_how_many_needles_are_looked_for_one_by_one() -> None:
    assert best_stride([]) == best_stride([30, 40, 50]) == 0
    assert best_stride([40] * 30) == 32
    # A longer stride, and one more to be looked for by itself; or ten of them.
    assert best_stride([60] * 600 + [20]) == 32
    assert best_stride([60] * 600 + [20] * 20) == 16
    assert best_stride([6] * 100) == 2
    # There are as many words in memory as the stride for each.
    assert best_stride([60] * 100_000) == 4


def test_a_secret_of_thousands_of_short_lines_is_masked() -> None:
    secret = b"\n".join(b"%06x" % (number * 9973) for number in range(10_000))
    masker = Masker([secret])
    out = b"".join(masker.feed(part) for part in pieces(secret.replace(b"\n", b" ") + b" 1234567 x\n", [65_536]))
    assert out + masker.finish() == b"*** " * 10_000 + b"1234567 x\n"


def test_the_beginning_of_a_long_needle_is_held_back() -> None:
    long = bytes(range(256)) * 40
    found = Needles()
    found.add([long, b"other"])
    for size in (1, 3, 4, 100, 1023, 1024, 1025, 5000, len(long) - 1):
        assert found.undecided(b"before " * 99 + long[:size]) == 7 * 99
    assert found.undecided(long + b"oth") == len(long)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret",
    ["k7Qz_pL2-Tm9wXc4", "p@ss w/rd&1%", "quo'te\"d\\ $x`y`", "<tag a='1'>&amp;", "pässwörd-ß-日本", "a+b/c=d~e?f"],
)
def test_every_form_is_masked(form: str, secret: str) -> None:
    text = FORMS[form](secret)
    out, count = mask(pieces(text.encode(), [7]), [secret.encode()])
    assert count >= 1
    # Of a mixed group of base64 and its like a character or two is left on each side.
    around = len(FORMS[form]("")) + 12
    assert len(out.replace(MASK, b"")) <= around, out


def test_a_shell_that_traces_is_masked() -> None:
    secret = "it's 5\" $high; `so`"
    script = 'set -x; x="$SECRET"; : "$x" done; printf "%q\\n" "$x"'
    found = subprocess.run(
        ["bash", "-c", script], env={"SECRET": secret, "LC_ALL": "C"}, capture_output=True, timeout=30, check=True
    )
    out, count = mask([found.stderr + found.stdout], [secret.encode()])
    assert count >= 3
    assert b"5" not in out.replace(b"\\x5", b""), out


@given(outputs(), st.lists(st.integers(1, 400), min_size=1, max_size=4))
def test_every_output_is_masked_and_otherwise_unchanged(drawn: Any, sizes: list[int]) -> None:
    # `make figures F=masking` tries 50,000.
    check(drawn, sizes)


@given(st.binary(max_size=60), st.binary(max_size=60), st.lists(st.integers(1, 5), min_size=1))
def test_no_split_leaks(before: bytes, after: bytes, sizes: list[int]) -> None:
    text = before + SECRET + after + base64.b64encode(b"user:" + SECRET + b"@host") + b"\n"
    out, count = mask(pieces(text, sizes), [SECRET])
    assert SECRET not in out
    assert count >= 2


@pytest.mark.parametrize("offset", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_at_every_offset(offset: int, encode: Callable[[bytes], bytes]) -> None:
    secret = b"p\xff\xfe?ss>word~~"
    text = encode(b"u" * offset + secret + b"tail")
    out, count = mask([b"Authorization: Basic " + text], [secret])
    assert count == 1
    # Only characters that mix with its neighbours are left.
    assert len(out) <= len(b"Authorization: Basic ") + len(text) - len(secret)


def test_multi_line_secrets_whole_and_line_by_line() -> None:
    out, _ = mask([b"key:\n" + KEY], [KEY])
    assert out == b"key:\n***\n"
    out, count = mask([b"  MIIEvQIBADANBg\r\n  kqhkiG9w0BAQEF\r\n"], [KEY])
    assert (out, count) == (b"  ***\r\n  ***\r\n", 2)
    for text in (KEY.replace(b"\n", b"\r\n"), json.dumps(KEY.decode()).encode(), quote_plus(KEY).encode()):
        out, _ = mask([text], [KEY])
        assert b"MIIE" not in out
    out, _ = mask([base64.b64encode(b"MIIEvQIBADANBg")], [KEY])
    assert out == MASK


def test_a_secret_of_a_megabyte_is_masked_as_it_is_and_as_files_are_encoded() -> None:
    line = "".join(f"{number:06x}" for number in range(175_000)).encode()
    assert len(line) > 1 << 20 > MAX_ENCODED_BYTES
    for text in (line, json.dumps(line.decode()).encode(), base64.b64encode(b"x" + line)):
        out, count = mask(pieces(b"before " + text + b" after\n", [65_536]), [line])
        assert count == 1
        assert len(out) < 32
    lines = base64.encodebytes(random.Random(5).randbytes(800_000))
    for text in (lines, json.dumps(lines.decode()).encode()):
        out, _ = mask(pieces(b"begin\n" + text + b"\nend\n", [65_536]), [lines])
        assert len(out.replace(MASK, b"").replace(b"\\n", b"").split()) <= 4


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
    masker.add([b"abcdX", b"other"])
    assert masker.feed(b"X") == MASK


def test_secrets_of_one_run_are_not_those_of_another() -> None:
    first, second = Masker([SECRET]), Masker([SECRET])
    first.add([b"only-of-the-first"])
    assert first.feed(b"only-of-the-first\n") == b"***\n"
    assert second.feed(b"only-of-the-first\n") == b"only-of-the-first\n"


def test_overlapping_secrets_leave_nothing_between() -> None:
    assert mask([b"xabcdefy"], [b"abcd", b"cdef"]) == (b"x***y", 1)


@pytest.mark.parametrize("secret", [b"", b"  ", b"ab", b" ab\n", b"true", b"False", b"NULL", b"none"])
def test_what_stands_in_every_log_is_refused(secret: bytes) -> None:
    assert needles(secret) == frozenset()
    text = b"ab true False NULL none\n"
    assert mask([text], [secret]) == (text, 0)
    assert "is not masked" in weakness(secret) or not secret.strip()


@pytest.mark.parametrize("secret", [b"abc", b"x1y2z"])
def test_short_secrets_are_masked_as_they_are_only(secret: bytes) -> None:
    assert mask([b"=" + secret + b"= " + secret.hex().encode()], [secret])[0] == b"=***= " + secret.hex().encode()
    assert "only as it is" in weakness(secret)
    assert weakness(b"sixsix") == ""


def test_texts_on_their_own() -> None:
    masker = Masker([SECRET])
    assert masker.whole("login hunter2-s3cret failed \ud800") == "login *** failed \ufffd\ufffd\ufffd"
    assert masker.count == 1
    assert masker.whole("login hunter2-s3c", cut=True) == "login "
    assert masker.whole("login hunter2-s3c") == "login hunter2-s3c"


def test_of_thousands_of_secrets_all_are_masked_and_the_first_in_every_form() -> None:
    secrets = [b"many-%05d-%05d" % (number, number * 7919 % 99_991) for number in range(5_000)]
    masker = Masker(secrets[:10])
    for secret in secrets[10:]:
        masker.add([secret])
    out = masker.feed(b"".join(secret + b"\n" for secret in secrets)) + masker.finish()
    assert out == b"***\n" * 5_000
    assert masker.feed(secrets[0].hex().encode() + b"\n" + secrets[100].hex().encode() + b"\n") == b"***\n***\n"
