"""The forms in which a secret appears in output. Pure: no I/O.

A secret is masked only where one of these forms appears in whole. Other forms - different
text, colours or line breaks inside the secret, compression - are not found;
docs/tasks.md tells users so.
"""

import base64
import html
import json
import re
from binascii import b2a_base64
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

#: Shorter secrets would mask half of any log; they are refused.
MIN_SECRET_BYTES: Final = 3
#: A secret of at least this length is looked for in every form, and each of its lines separately.
#: Shorter ones are looked for unencoded only: their encoded forms turn up by chance.
MIN_ENCODED_BYTES: Final = 6
#: Values that appear in every log; they are not masked even if they are called secret.
ORDINARY: Final = frozenset({b"true", b"false", b"null", b"none"})
#: Longer secrets are looked for only in the forms that files take, those of more lines only as they are and in base64.
MAX_ENCODED_BYTES: Final = 4096
MAX_ENCODED_LINES: Final = 64
#: This many secrets of one run are looked for in every form; if a task announces thousands, the others are masked
#: unencoded only.
MAX_ENCODED_SECRETS: Final = 256
#: Parts of an encoded text shorter than this turn up by chance.
MIN_CORE_CHARS: Final = 6

#: What a shell shows without quoting (``printf %q``, ``set -x``).
_SHELL_SPECIAL: Final = re.compile(r"([^A-Za-z0-9_@%+=:,./-])")
#: From the characters of base64 to those of its form for URLs.
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_ESCAPED_PERCENT: Final = re.compile(r"%[0-9A-F]{2}")


def needles(secret: bytes, *, encoded: bool = True) -> frozenset[bytes]:
    r"""Return the byte strings to look for; none if *secret* is refused.

    :param encoded: False for only the secret as it is, and its lines.
    >>> sorted(needles(b" abc\n"))
    [b'abc']
    """
    plain = secret.strip()
    if len(plain) < MIN_SECRET_BYTES or plain.lower() in ORDINARY:
        return frozenset()
    if b"\n" not in plain:
        return _forms(plain) if encoded and len(plain) >= MIN_ENCODED_BYTES else frozenset({plain})
    unix = plain.replace(b"\r\n", b"\n")
    lines = [line.strip() for line in unix.split(b"\n")]
    lines = [line for line in lines if len(line) >= MIN_ENCODED_BYTES and line.lower() not in ORDINARY]
    # Keys are printed with indentation, or line by line.
    if not encoded:
        return frozenset({unix, *lines})
    if len(lines) > MAX_ENCODED_LINES:
        return frozenset().union(*({line, *_base64_cores(line)} for line in lines))
    return frozenset().union(*map(_forms, [unix, unix.replace(b"\n", b"\r\n"), *lines]))


def weakness(secret: bytes) -> str:
    """Return a sentence that says what is not masked of a secret; empty if there is no objection to it."""
    plain = secret.strip()
    if plain.lower() in ORDINARY:
        return "A secret that is true, false, null or none is not masked: such words are in every log."
    if 0 < len(plain) < MIN_SECRET_BYTES:
        return f"A secret of fewer than {MIN_SECRET_BYTES} bytes is not masked: it would hide half of the log."
    if 0 < len(plain) < MIN_ENCODED_BYTES:
        return f"A secret of fewer than {MIN_ENCODED_BYTES} bytes is masked only as it is, not where it is encoded."
    return ""


def _forms(plain: bytes) -> frozenset[bytes]:
    return _all_forms(plain) if len(plain) <= MAX_ENCODED_BYTES else _file_forms(plain)


# The values of a worker's environment are secrets in every one of its runs.
@lru_cache(maxsize=1024)
def _all_forms(plain: bytes) -> frozenset[bytes]:
    found = set(_of_bytes(plain))
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        pass
    else:
        found.update(form.encode() for form in _of_text(text))
        found.update(core for form in _json(text) for core in _base64_cores(form.encode()))
    return frozenset(form for form in found if len(form) >= MIN_SECRET_BYTES)


def _file_forms(plain: bytes) -> frozenset[bytes]:
    found = {plain, *_base64_cores(plain), quote(plain, safe="").encode()}
    try:
        found.update(form.encode() for form in _json(plain.decode()))
    except UnicodeDecodeError:
        pass
    return frozenset(found)


def _of_bytes(plain: bytes) -> Iterator[bytes]:
    yield plain
    small = plain.hex()
    for digits, prefix in ((small, "\\x"), (small.upper(), "\\x"), (small, "%"), (small.upper(), "%")):
        yield digits.encode()
        pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
        yield ":".join(pairs).encode()
        yield "".join(prefix + pair for pair in pairs).encode()
    yield from _base64_cores(plain)
    yield from _base32_cores(plain)
    for percent in (quote(plain, safe=""), quote(plain), quote_plus(plain)):
        yield percent.encode()
        yield _ESCAPED_PERCENT.sub(lambda found: found[0].lower(), percent).encode()
    # repr() escapes one kind of quotes if the text contains both.
    shown = "".join(repr(bytes([byte]))[2:-1] for byte in plain)
    yield shown.encode()
    yield shown.replace("'", "\\'").encode()


def _of_text(text: str) -> Iterator[str]:
    for show in (repr, ascii):
        shown = "".join(show(char)[1:-1] for char in text)
        yield shown
        yield shown.replace("'", "\\'")
    for quoted in _json(text):
        yield quoted
        yield quoted.replace("/", "\\/")
        yield from _json(quoted)
    units = text.encode("utf-16-be").hex()
    for digits in (units, units.upper()):
        yield "".join("\\u" + digits[at : at + 4] for at in range(0, len(digits), 4))
    once = html.escape(text, quote=False)
    yield once
    for double, single in (("&quot;", "&#x27;"), ("&quot;", "&apos;"), ("&quot;", "&#39;"), ("&#34;", "&#39;")):
        yield once.replace('"', double)
        yield once.replace('"', double).replace("'", single)
    for form in ("&#{};", "&#x{:x};", "&#x{:X};"):
        yield "".join(form.format(ord(char)) for char in text)
    # A shell's single quotes, its double quotes and its backslashes; YAML's single quotes.
    yield text.replace("'", "'\\''")
    yield text.replace("'", "'\"'\"'")
    yield re.sub(r'([\\"$`])', r"\\\1", text)
    yield _SHELL_SPECIAL.sub(r"\\\1", text)
    yield text.replace("'", "''")


def _json(text: str) -> set[str]:
    return {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}


def _base64_cores(plain: bytes) -> Iterator[bytes]:
    """Return the parts that all base64 texts with ``plain`` somewhere inside have in common.

    Base64 works on groups of three bytes, so the same secret looks different
    at each of three offsets ("user:secret"). Characters that mix in bits of
    neighbouring bytes are left out.
    """
    for offset in range(3):
        padded = b"\0" * offset + plain
        core = slice(-(-offset * 8 // 6), len(padded) * 8 // 6)
        # (Without the checks of `base64`: a secret may have a hundred thousand lines.)
        encoded = b2a_base64(padded, newline=False)
        for text in (encoded, encoded.translate(_URL_SAFE)):
            if len(text[core]) >= MIN_CORE_CHARS:
                yield text[core]
            if not offset:
                yield text


def _base32_cores(plain: bytes) -> Iterator[bytes]:
    """Return the same parts for base32, which works on groups of five bytes."""
    for offset in range(5):
        padded = b"\0" * offset + plain
        core = base64.b32encode(padded)[-(-offset * 8 // 5) : len(padded) * 8 // 5]
        if len(core) >= MIN_CORE_CHARS:
            yield core
            yield core.lower()
    yield base64.b32encode(plain)
