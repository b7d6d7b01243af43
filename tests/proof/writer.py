"""Writes lines that say whose they are: ``run|attempt|n|sha``; n counts from 1 in each attempt.

Standard library only: a task's subprocess runs it as well.
"""

from __future__ import annotations

import hashlib
import os
import select
import sys
import time
from pathlib import Path

#: Every so many lines, this many come at once.
BURST_EVERY = 1000
BURST_LINES = 200


def line(identity: str, number: int) -> str:
    """Return line *number*, without its end.

    :param identity: ``<run>|<attempt>``.
    """
    text = f"{identity}|{number}"
    return f"{text}|{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def produce(identity: str, lines: int, per_second: float, *, unfinished: bool = False) -> None:
    """Print lines at a steady pace, now and then many at once.

    What was printed is counted in a file besides: a line in there had left the
    process when it was counted.

    :param unfinished: the last line has no end.
    """
    counter = os.open(Path(os.environ["PROOF_COUNTERS"]) / identity.replace("|", "."), os.O_CREAT | os.O_WRONLY, 0o644)
    began, number = time.monotonic(), 0
    while number < lines:
        burst = BURST_LINES if number % BURST_EVERY == BURST_EVERY - BURST_LINES else 1
        last = min(number + burst, lines)
        text = "\n".join(line(identity, n) for n in range(number + 1, last + 1))
        number = last
        sys.stdout.write(text if unfinished and number == lines else text + "\n")
        sys.stdout.flush()
        os.pwrite(counter, b"%012d" % number, 0)
        ahead_seconds = number / per_second - (time.monotonic() - began)
        if ahead_seconds > 0.002:
            # Not time.sleep, which libfaketime breaks.
            select.select([], [], [], ahead_seconds)
    os.close(counter)


if __name__ == "__main__":
    produce(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
