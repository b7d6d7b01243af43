"""``python -m tests.bench.client``: the viewers, as a process of their own.

The first line of stdin is JSON ``{"dialect", "ports", "runs", "viewers", "seconds", "first": <line>}``; it connects
and answers ``{"connected", "failed"}``. It then reads until ``{"lines": <per run>, "windows": [[begin, end], …],
"deadline": at}`` comes and everybody has all lines, or the deadline (seconds since 1970) is over, and answers what
it saw, with a summary for each window.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections import Counter
from typing import Any

import orjson

from tests.bench.crowd import Crowd
from tests.bench.dialects import DIALECTS


def say(value: dict[str, Any]) -> None:
    """Answer one line."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Connect, watch, tell."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ask = orjson.loads(sys.stdin.buffer.readline())
    crowd = Crowd(DIALECTS[ask["dialect"]], ask["ports"], ask["runs"], ask["viewers"], ask["first"])
    crowd.connect(ask["seconds"])
    first = ask["first"]
    connected = sum(viewer.done and not viewer.why for viewer in crowd.viewers)
    say({"connected": connected, "failed": _reasons(crowd)})
    # What is collected here are tuples without cycles; looking for some costs more than reading.
    gc.disable()
    crowd.listen(sys.stdin.fileno())
    while not crowd.turn(1.0, sys.stdin.fileno()):
        pass
    ask = orjson.loads(sys.stdin.buffer.readline())
    while time.time() < ask["deadline"] and not _complete(crowd, ask["lines"]):
        crowd.turn(0.05)
    # A stream's gap was seen by everybody who watches it.
    gaps = sum(stream.gaps for stream in crowd.streams) + sum(viewer.broken for viewer in crowd.viewers)
    behind = [viewer for viewer in crowd.viewers if crowd.line_of(viewer) <= ask["lines"]]
    say(
        {
            "windows": [crowd.deliveries.summary(begin, end) for begin, end in ask["windows"]],
            "gaps": gaps,
            "silent": sum(crowd.line_of(viewer) == first for viewer in crowd.viewers),
            "behind": len(behind),
            "missing": sum(ask["lines"] + 1 - crowd.line_of(viewer) for viewer in behind),
            "failed": _reasons(crowd),
        }
    )


def _complete(crowd: Crowd, lines: int) -> bool:
    return all(viewer.why or crowd.line_of(viewer) > lines for viewer in crowd.viewers)


def _reasons(crowd: Crowd) -> str:
    counts = Counter(viewer.why for viewer in crowd.viewers if viewer.why)
    return "; ".join(f"{count} viewers: {why}" for why, count in counts.most_common(2))


if __name__ == "__main__":
    main()
