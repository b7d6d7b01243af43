"""A relay is killed with all viewers on it: how long their screens stand still, and what they miss."""

from __future__ import annotations

import time

from tests.proof.figures import Figure
from tests.support.audience import Audience, Balancer, percentile
from tests.support.relay_stage import Stage, stage
from tests.support.waiting import wait_for

VIEWERS, ROUNDS, LINES_PER_SECOND = 200, 5, 1000
GOAL_SECONDS = 2.0
#: Watched before and after the kill.
BEFORE_SECONDS, AFTER_SECONDS = 2.0, 6.0


def measure() -> list[Figure]:
    """Kill relays, one after the other."""
    pauses: list[float] = []
    lost = doubled = wrong = unequal = 0
    with stage(3) as here:
        for number in range(ROUNDS):
            seen = _round(here, number % len(here.relays), pauses)
            lost += seen.total("lost")
            doubled += seen.total("doubled")
            wrong += seen.total("wrong")
            unequal += sum(viewer.position != seen.viewers[0].position for viewer in seen.viewers)
            print(f"   round {number + 1}: worst pause so far {max(pauses):.2f} s", flush=True)
    name = f"relay SIGKILLed with {VIEWERS} viewers on it, {ROUNDS} times"
    return [
        Figure(
            f"{name}: screen stands still, 99 % of viewers",
            f"{percentile(pauses, 99):.2f} s (middle {percentile(pauses, 50):.2f}, longest {max(pauses):.2f})",
            f"<= {GOAL_SECONDS} s",
            percentile(pauses, 99) <= GOAL_SECONDS,
        ),
        Figure(
            f"{name}: lines lost, doubled; digests wrong",
            f"{lost}, {doubled}; {wrong + unequal}",
            "0, 0; 0",
            not (lost or doubled or wrong or unequal),
        ),
    ]


def _round(here: Stage, victim: int, pauses: list[float]) -> Audience:
    producer = here.producer().start(LINES_PER_SECOND)
    relay = here.relays[victim]
    others = Balancer(here.relays)
    with Audience(lambda: relay.port if relay.process.is_running() else others(), [producer.run_id], VIEWERS) as seen:
        wait_for(lambda: seen.following == VIEWERS, 60)
        full_at = time.monotonic()
        wait_for(lambda: time.monotonic() > full_at + BEFORE_SECONDS, 60)
        killed_at = time.monotonic()
        relay.process.kill()
        wait_for(lambda: time.monotonic() > killed_at + AFTER_SECONDS, 60)
        wait_for(lambda: seen.following == VIEWERS, 60)
        until = time.monotonic()
        pauses += [viewer.longest_pause(killed_at, until) for viewer in seen.viewers]
        producer.stop()
        wait_for(lambda: seen.ended == VIEWERS, 60)
    relay.restart()
    relay.wait_until_ready()
    assert all(viewer.connections == 2 for viewer in seen.viewers), [v.losses for v in seen.viewers if v.losses[1:]]
    return seen
