"""``python -m tests.support.answer_times RELAY HEALTHZ SECONDS``: how long a viewer waits for answers.

A process of its own: one that also attacks would measure itself. It prints seconds as JSON, by what was asked.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request

from tests.support.relay import Client

#: Frames a well-behaved client sends: below what a relay allows.
PER_SECOND = 25


def measure(relay: str, healthz: str, seconds: float) -> dict[str, list[float]]:
    """Ask until the time is over, and return how long each answer took."""
    times: dict[str, list[float]] = {"viewer": [], "healthz": []}
    client = Client(relay).join()
    print("asking", flush=True)
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        assert client.emit("unsubscribe", "nothing") == {"ok": True}
        answered = time.monotonic()
        times["viewer"].append(answered - began)
        with urllib.request.urlopen(healthz, timeout=30) as answer:
            answer.read()
        times["healthz"].append(time.monotonic() - answered)
        time.sleep(max(0.0, began + 1 / PER_SECOND - time.monotonic()))
    client.close()
    return times


def percentile(values: list[float], part: float) -> float:
    """The value that this part of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
