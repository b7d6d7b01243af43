"""``python -m tests.bench.load``: what writes the lines, as a process of its own.

The first line of stdin is JSON ``{"way", "url", "prefix", "runs", "backlog": <lines>}``; it prepares, writes the
backlog into the first run, and answers ``{"runs": [ids]}``.
Then ``{"rate", "seconds"}`` makes it write that many lines a second in all, dealt out to the runs in turn,
and answer ``{"lines": <per run>, "seconds": <taken>}``; an empty line ends it.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import orjson
import redis

from tests.bench.dialects import LINE_BYTES, make_line

#: As the shipper does: at once after so much quiet, else this often.
FLUSH_SECONDS = 0.05


#: Of the entries of a backlog: about what the shipper makes of a task that prints as fast as it can.
BACKLOG_ENTRY_LINES = 500


class Way(Protocol):
    """How lines are written."""

    def write(self, run: int, line: bytes) -> None:
        """Write a line of the run with this index."""

    def idle(self, now: float) -> float:
        """Do what is due; return when something will be (monotonic seconds)."""


class Runtail:
    """The library's log writer, flushed as the shipper flushes."""

    def __init__(self, url: str, prefix: str, runs: int) -> None:
        from tests.support.relay import Producer, make_store

        store = make_store(url, prefix, quota_bytes=1 << 30)
        self.producers = [Producer(store) for _ in range(runs)]
        self.ids = [producer.run_id for producer in self.producers]
        self._waiting: dict[int, list[bytes]] = {}
        self._flushed_at = [0.0] * runs

    def write(self, run: int, line: bytes) -> None:
        """Keep it; a run that was quiet is flushed by the next :meth:`idle`."""
        self._waiting.setdefault(run, []).append(line)

    def idle(self, now: float) -> float:
        """Store what is due."""
        next_at = now + FLUSH_SECONDS
        for run in list(self._waiting):
            due = self._flushed_at[run] + FLUSH_SECONDS
            if due > now:
                next_at = min(next_at, due)
                continue
            self._flushed_at[run] = now
            writer = self.producers[run].writer
            writer.add("o", b"".join(self._waiting.pop(run)), time.time_ns() // 1_000_000)
            writer.flush()
        return next_at

    def backlog(self, lines: int) -> None:
        """Write many lines of the first run at once."""
        per_entry = BACKLOG_ENTRY_LINES
        writer = self.producers[0].writer
        for first in range(1, lines + 1, per_entry):
            now = time.time_ns()
            writer.add("o", b"".join(make_line(first + i, now // 1000) for i in range(per_entry)), now // 1_000_000)
            if len(writer.pending) * per_entry * LINE_BYTES > 500_000:
                writer.flush()
        writer.flush()


class Room:
    """Flask-SocketIO's documented way to emit from another process."""

    def __init__(self, url: str, _prefix: str, runs: int) -> None:
        from flask_socketio import SocketIO

        self._socketio = SocketIO(message_queue=url)
        self.ids = [uuid.uuid4().hex for _ in range(runs)]

    def write(self, run: int, line: bytes) -> None:
        """One emit per line."""
        self._socketio.emit("line", line[:-1].decode(), to=self.ids[run])

    def idle(self, now: float) -> float:
        """Nothing waits."""
        return now + 1.0


class Tutorial:
    """The tutorial's: a list for those who come, a channel for those who are there."""

    def __init__(self, url: str, _prefix: str, runs: int) -> None:
        self._redis = redis.Redis.from_url(url)
        self.ids = [uuid.uuid4().hex for _ in range(runs)]

    def write(self, run: int, line: bytes) -> None:
        """Two round trips."""
        self._redis.rpush(self.ids[run], line[:-1])
        self._redis.publish(self.ids[run], line[:-1])

    def idle(self, now: float) -> float:
        """Nothing waits."""
        return now + 1.0

    def backlog(self, lines: int) -> None:
        """Fill the list."""
        for first in range(1, lines + 1, 1000):
            stamp = time.time_ns() // 1000
            self._redis.rpush(self.ids[0], *(make_line(first + i, stamp)[:-1] for i in range(1000)))


WAYS: dict[str, Callable[[str, str, int], Any]] = {"runtail": Runtail, "room": Room, "tutorial": Tutorial}


def write(way: Way, runs: int, rate: float, seconds: float, before: int) -> dict[str, float]:
    """Write at a rate; a load that is behind writes without pause until it is not.

    :param before: lines that each run has.
    """
    began = time.monotonic()
    count, total = 0, round(rate * seconds / runs) * runs
    while count < total:
        now = time.monotonic()
        if now < began + count / rate:
            time.sleep(max(0.0, min(began + count / rate, way.idle(now)) - time.monotonic()))
            continue
        way.write(count % runs, make_line(before + count // runs + 1, time.time_ns() // 1000))
        count += 1
        way.idle(now)
    took = time.monotonic() - began
    time.sleep(FLUSH_SECONDS)
    way.idle(time.monotonic())
    return {"lines": float(before + count // runs), "seconds": took}


def main() -> None:
    """Prepare, then write what is asked for."""
    ask = orjson.loads(sys.stdin.buffer.readline())
    way = WAYS[ask["way"]](ask["url"], ask["prefix"], ask["runs"])
    lines = 0
    if ask["backlog"]:
        way.backlog(ask["backlog"])
        lines = ask["backlog"]
    answer: dict[str, Any] = {"runs": way.ids}
    while True:
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()
        command = sys.stdin.buffer.readline().strip()
        if not command:
            return
        asked = orjson.loads(command)
        answer = write(way, ask["runs"], asked["rate"], asked["seconds"], lines)
        lines = int(answer["lines"])


if __name__ == "__main__":
    main()
