"""Secrets are masked in every form, wherever the stream is split."""

import base64
import html
import json
import pprint
import random
import shlex
import subprocess
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode
from xml.sax import saxutils

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtail.masking.encodings import MAX_ENCODED_BYTES, needles, weakness
from runtail.masking.mask import MASK, Masker
from runtail.masking.needles import Needles

SECRET = b"hunter2-s3cret"
KEY = b"-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"
#: Characters that somebody escapes, and one that is no ASCII.
AWKWARD = "aZ09+/=~ '\"\\%&<>$`#;!?*:@é\u2028"


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
    spans = {(at, at + len(needle)) for needle in wanted for at in range(len(block)) if block.startswith(needle, at)}
    assert set(found.spans(block)) == spans
    begins = [at for at in range(len(block)) for n in wanted if len(n) > len(block) - at and n.startswith(block[at:])]
    assert found.undecided(block) == min(begins, default=len(block))


def test_the_beginning_of_a_long_needle_is_held_back() -> None:
    long = bytes(range(256)) * 40
    found = Needles()
    found.add([long, b"other"])
    for size in (1, 3, 4, 100, 1023, 1024, 1025, 5000, len(long) - 1):
        assert found.undecided(b"before " * 99 + long[:size]) == 7 * 99
    assert found.undecided(long + b"oth") == len(long)


#: How others write a text. Written anew here, with what they use.
FORMS: dict[str, Callable[[str], str]] = {
    "repr": repr,
    "repr among both quotes": lambda s: repr("\"'" + s),
    "repr of bytes": lambda s: repr(s.encode()),
    "repr of bytes among both quotes": lambda s: repr(b"\"'" + s.encode()),
    "ascii": ascii,
    "pprint": lambda s: pprint.pformat({"k": s}, width=10_000),
    "exception": lambda s: repr(ValueError(s)),
    "json": json.dumps,
    "json in utf-8": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps({"k": s})),
    "json in json in utf-8": lambda s: json.dumps(json.dumps(s, ensure_ascii=False), ensure_ascii=False),
    "json with slashes": lambda s: json.dumps(s).replace("/", "\\/"),
    "percent": lambda s: quote(s, safe=""),
    "percent, path": quote,
    "percent, small letters": lambda s: _small_percent(quote(s, safe="")),
    "percent, form": lambda s: urlencode({"k": s}),
    "percent, every byte": lambda s: "".join(f"%{byte:02X}" for byte in s.encode()),
    "html": html.escape,
    "html, text": lambda s: html.escape(s, quote=False),
    "html, numbers": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "html, hex": lambda s: "".join(f"&#x{ord(c):x};" for c in s),
    "html, templates": lambda s: html.escape(s).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "xml attribute": lambda s: saxutils.escape(s, {'"': "&quot;", "'": "&apos;"}),
    "shell": shlex.quote,
    "shell, the other way": lambda s: "'" + s.replace("'", "'\\''") + "'",
    "yaml": lambda s: "'" + s.replace("'", "''") + "'",
    "hex": lambda s: s.encode().hex(),
    "hex, capitals": lambda s: s.encode().hex().upper(),
    "hex, colons": lambda s: s.encode().hex(":"),
    "\\x": lambda s: "".join(f"\\x{byte:02x}" for byte in s.encode()),
    "\\u": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64, basic auth": lambda s: base64.b64encode(b"user:" + s.encode()).decode(),
    "base64, url": lambda s: base64.urlsafe_b64encode(b"u" + s.encode() + b"v").decode(),
    "base64 of json": lambda s: base64.b64encode(json.dumps({"k": s}).encode()).decode(),
    "base32": lambda s: base64.b32encode(s.encode()).decode(),
    "base32, inside": lambda s: base64.b32encode(b"ab" + s.encode() + b"c").decode(),
}


def _small_percent(text: str) -> str:
    at, out = 0, ""
    while at < len(text):
        step = 3 if text[at] == "%" else 1
        out += text[at : at + step].lower() if step == 3 else text[at]
        at += step
    return out


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
