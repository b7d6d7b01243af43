"""What the tasks of the figures write, for both sides to know."""

from __future__ import annotations

import random

#: Of each line of a block.
BLOCK_LINE_BYTES = 13


def numbered_block(lines: int) -> bytes:
    """Lines of one length."""
    return b"".join(b"%012d\n" % number for number in range(lines))


def bar(number: int, count: int) -> bytes:
    """One drawing of a progress bar; every 200th line is left standing."""
    text = f"\r[{'#' * (number * 40 // count):<40}] {number} of {count}".encode()
    return text + b"\n" if number % 200 == 199 else text


def byte_strings(seed: int, count: int) -> list[bytes]:
    """Byte strings of all kinds: NUL, CR, ESC, bad UTF-8, halves of characters, empty ones, long ones."""
    chosen = random.Random(seed)
    pieces = [b"\0", b"\r", b"\n", b"\r\n", b"\x1b[31m", b"\x1b]0;t\x07", b"\xff", b"\xc3", b"\xed\xa0\x80",
              b"\xf0\x9f\x98\x80", b"\xe2\x82", b"::group::g\n", b"::endgroup::\n", b"<b>", "ä".encode()]  # fmt: skip
    found = []
    for _ in range(count):
        kind = chosen.randrange(4)
        if kind == 0:
            found.append(chosen.randbytes(chosen.randrange(200)))
        elif kind == 1:
            found.append(b"".join(chosen.choices(pieces, k=chosen.randrange(40))))
        elif kind == 2:
            found.append(bytes(chosen.choices(b"ab\r\n\0\x1b\xe2\x82\xac", k=chosen.randrange(300))))
        else:
            found.append(chosen.randbytes(1) * chosen.choice((1, 1000, 70_000)))
    return found
