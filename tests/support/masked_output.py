"""Output that gives secrets away in every form and in any pieces, and what must become of it: all else stays."""

from __future__ import annotations

import base64
import html
import json
import pprint
import random
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax import saxutils

from hypothesis import strategies as st

from runtail.masking.encodings import needles
from runtail.masking.mask import MASK, Masker
from runtail.worker.shipper.output.processor import Event, Output, Processor

#: Characters that somebody escapes, and some that are no ASCII.
AWKWARD = "aZ09+/=~ '\"\\%&<>$`#;!?*:@é\u2028"
#: An example comes in about this many pieces at most.
MOST_PIECES = 30
#: By so much of their beginnings `masked_by_hand` sorts what it looks for.
BEGINNING_BYTES = 8
NONCE = "0123456789abcdef"

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


def pieces(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Divide *data* into pieces of these sizes, over and over."""
    out, at, turn = [], 0, 0
    while at < len(data):
        out.append(data[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    return out


def masked_by_hand(text: bytes, secrets: Iterable[bytes]) -> bytes:
    """Return what masking must give, by looking for each form at each place."""
    # A secret of many lines has half a million forms: each place is compared with those that begin as it does.
    alike: dict[bytes, list[bytes]] = {}
    for needle in set[bytes]().union(*map(needles, secrets)):
        alike.setdefault(needle[:BEGINNING_BYTES], []).append(needle)
    lengths = {len(beginning) for beginning in alike}
    stops: dict[int, int] = {}
    for at in range(len(text)):
        for length in lengths:
            for needle in alike.get(text[at : at + length], ()):
                if text.startswith(needle, at):
                    stops[at] = max(stops.get(at, 0), at + len(needle))
    out, end = bytearray(), 0
    for at in sorted(stops):
        # Stretches that only touch are masked one by one.
        if at >= end:
            out += text[end:at] + MASK
        end = max(end, stops[at])
    return bytes(out + text[end:])


def shown(text: str, form: str) -> bytes:
    """Return a text in one of the forms."""
    return FORMS[form](text).encode()


#: What secrets are: awkward texts, ordinary letters, and some that are too long to be looked for in all forms.
SECRETS = st.one_of(
    st.text(AWKWARD, min_size=6, max_size=40).filter(lambda text: len(text.strip().encode()) >= 6),
    st.from_regex(r"[A-Za-z0-9_-]{6,64}", fullmatch=True),
    st.from_regex(r"[a-z]{20}", fullmatch=True).map(lambda text: text * 250),
)


@st.composite
def outputs(draw: st.DrawFn) -> tuple[list[str], list[bytes]]:
    """Draw secrets, and lines that have them in all forms between other text."""
    secrets = draw(st.lists(SECRETS, min_size=1, max_size=4, unique=True))
    plain = st.text("abc \t.,:;=-xyz0189", max_size=30).map(str.encode)
    given_away = st.builds(shown, st.sampled_from(secrets), st.sampled_from(sorted(FORMS)))
    parts = draw(st.lists(plain | given_away, max_size=12))
    ends = draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    return secrets, [part + (b"\n" if end else b"") for part, end in zip(parts, ends, strict=True)]


def check(drawn: tuple[list[str], list[bytes]], sizes: Sequence[int]) -> None:
    """Check one example: everything that is made of the output, however it comes in pieces.

    :raises AssertionError: if a secret is left anywhere, or anything else is changed.
    """
    secrets, parts = [text.encode() for text in drawn[0]], b"".join(drawn[1])
    # What is shown of an unfinished line is made anew for each piece: hundreds of them say no more than these.
    larger = max(1, len(parts) * len(sizes) // (sum(sizes) * MOST_PIECES))
    sizes = [size * larger for size in sizes]
    expected = masked_by_hand(parts, secrets)
    masker = Masker(secrets)
    assert b"".join(map(masker.feed, pieces(parts, sizes))) + masker.finish() == expected
    # As the shipper does it: entries, events between them, and what is shown of the unfinished line meanwhile.
    processor = Processor(NONCE, secrets)
    items: list[Output | Event] = []
    said: list[Any] = []
    for piece in pieces(parts, sizes):
        items += processor.feed(piece)
        said += processor.live(4096)
    items += processor.finish()
    stored = b"".join(item.chunk.payload for item in items if isinstance(item, Output))
    assert stored == expected
    said += [item.fields if isinstance(item, Event) else item.events for item in items]
    # (An asterisk of a mark may complete what looks like a short form.)
    everything = stored + b"\n" + repr(said).encode()
    for text in drawn[0]:
        left = [form for form in FORMS if len(text) <= 4096 and shown(text, form) in everything]
        assert not [form for form in left if "*" not in text], (text, left)
        assert "*" in text or text.strip() not in everything.decode("utf-8", "replace")


def check_large(seed: int) -> None:
    """Check one secret of up to 1 MiB, in the forms that files take, in pieces of any size.

    :raises AssertionError: if any of it is left, or anything else is changed.
    """
    pick = random.Random(seed)
    size = pick.choice([5_000, 65_536, 300_000, 1 << 20])
    text = "".join(pick.choices(pick.choice(["0123456789abcdef", AWKWARD, AWKWARD + "\n"]), k=size))
    secret = text.strip().encode()
    forms = [
        secret,
        json.dumps(secret.decode())[1:-1].encode(),
        json.dumps(secret.decode(), ensure_ascii=False)[1:-1].encode(),
        quote(secret, safe="").encode(),
        *(base64.b64encode(b"x" * offset + secret + b"x") for offset in range(3)),
    ]
    parts = b"".join(b"before " + pick.choice(forms) + pick.choice([b" after\n", b" ", b"\n"]) for _ in range(3))
    sizes = [pick.randrange(1, 200_000) for _ in range(5)]
    masker = Masker([secret])
    masked = b"".join(map(masker.feed, pieces(parts, sizes))) + masker.finish()
    assert masked == masked_by_hand(parts, [secret]), seed
    assert secret not in masked, seed
