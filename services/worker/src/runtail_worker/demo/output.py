"""Tasks with a lot of output, or output that is not text."""

from __future__ import annotations

import sys
from typing import Annotated

from runtail_worker.app import app


@app.task(name="demo.flood")
def flood(
    lines: Annotated[int, {"minimum": 0}] = 100_000,
    bytes_per_line: Annotated[int, {"minimum": 12, "maximum": 1_000_000}] = 100,
) -> None:
    """Print as fast as it goes.

    :param lines: How many lines.
    :param bytes_per_line: Length of each, its newline included.
    """
    for number in range(lines):
        print(f"{number:010d} ".ljust(max(11, bytes_per_line) - 1, "x"))


@app.task(name="demo.binary")
def binary() -> None:
    """Write what is not text: every byte there is, escape sequences, markup, half characters."""
    print("Invalid UTF-8, lone surrogates and markup are stored as they are, the rest as a terminal shows it:")
    sys.stdout.flush()
    out = sys.stdout.buffer
    out.write(bytes(range(256)) + b"\n")
    out.write(b"half a euro sign: \xe2\x82\n")
    out.write(b"bare escapes: \x1b \x1b[ \x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\n")
    out.write(b"<script>alert('not run')</script>\n")
    out.flush()
    print("lone surrogate: \ud800")
    print("\r".join(f"overwritten {number}" for number in range(10)))
    print("no newline at the end", end="")
