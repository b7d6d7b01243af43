"""A viewer comes back after a million lines; others read all of them from the first. What the relay needs for it."""

from __future__ import annotations

import time

from runtail.log import reader
from tests.proof.figures import Figure
from tests.support.audience import Audience, Balancer, Position
from tests.support.memory_use import Growth, resident_bytes
from tests.support.relay import Producer
from tests.support.relay_stage import Stage, stage
from tests.support.waiting import wait_for

LINES, SEEN_BEFORE, LINES_PER_ENTRY = 1_000_000, 1_000, 100
#: As many more that begin at line 1 at the same time.
NEWCOMERS = 3
FRAME_BYTES, GROWTH_BYTES = 256 * 1024, 32 * 2**20
MIB = 2**20


def measure() -> list[Figure]:
    """Follow a little, be away for a million lines, come back."""
    with stage(1) as here:
        producer = here.producer()
        producer.write(SEEN_BEFORE)
        position = _leave_at(here, producer)
        for _ in range(LINES // LINES_PER_ENTRY):
            producer.write(LINES_PER_ENTRY)
        memory = Growth(lambda: resident_bytes([here.relays[0].process.pid]))
        memory.start()
        seen = Audience(Balancer(here.relays), [producer.run_id], 1 + NEWCOMERS)
        seen.viewers[0].position = position
        began = time.monotonic()
        with seen:
            head = reader.head(producer.store, producer.run_id)
            wait_for(lambda: all(v.position and v.position.line == head.line for v in seen.viewers), 180)
            took = time.monotonic() - began
            producer.end()
            wait_for(lambda: seen.ended == len(seen.viewers), 60)
        memory.close()
        grown = memory.grown_bytes
        end = reader.head(producer.store, producer.run_id)
    matching = sum(
        viewer.position is not None and (viewer.position.line, viewer.position.chain) == (end.line, end.chain.hex())
        for viewer in seen.viewers
    )
    count = len(seen.viewers)
    faults = seen.total("lost"), seen.total("doubled"), seen.total("wrong"), seen.total("resets")
    largest = max(viewer.largest_frame_bytes for viewer in seen.viewers)
    name = f"back after {LINES:,} lines, with {NEWCOMERS} that begin at line 1"
    return [
        Figure(f"{name}: digests that match; lines lost, doubled, wrong",
               f"{matching} of {count} after {took:.0f} s; {faults[0]}, {faults[1]}, {faults[2]}",
               f"{count} of {count}; 0, 0, 0", matching == count and not any(faults)),
        Figure(f"{name}: largest frame", f"{largest / 1024:.0f} KiB", f"<= {FRAME_BYTES // 1024} KiB",
               largest <= FRAME_BYTES),
        Figure(f"{name}: the relay's memory grows by", f"{grown / MIB:.0f} MiB", f"<= {GROWTH_BYTES // MIB} MiB",
               grown <= GROWTH_BYTES),
    ]  # fmt: skip


def _leave_at(here: Stage, producer: Producer) -> Position:
    """Follow to where the log ends now, and leave."""
    with Audience(Balancer(here.relays), [producer.run_id], 1) as seen:
        (viewer,) = seen.viewers
        wait_for(lambda: viewer.position is not None and viewer.position.line == SEEN_BEFORE + 1, 60)
        assert viewer.position is not None
        return viewer.position
