"""How long the relay's event loop keeps a request waiting that the loop itself must answer."""

from __future__ import annotations

import time

from tests.proof.figures import Figure
from tests.support.audience import Audience, Balancer, percentile
from tests.support.relay import Relay
from tests.support.relay_stage import stage
from tests.support.waiting import wait_for

#: The load of the benchmark's first part.
VIEWERS, LINES_PER_SECOND = 200, 1000
#: Without and with load, in turn.
WINDOWS, ASKED_PER_WINDOW, ASK_SECONDS = 4, 120, 0.02
GOAL_SECONDS = 0.05


def measure() -> list[Figure]:
    """Ask for liveness, again and again, without viewers and with them."""
    free, burdened = [], []
    with stage(1) as here:
        (relay,) = here.relays
        for _ in range(WINDOWS):
            free.append(_answers(relay))
            producer = here.producer().start(LINES_PER_SECOND)
            with Audience(Balancer(here.relays), [producer.run_id], VIEWERS) as seen:
                wait_for(lambda: seen.following == VIEWERS, 60)
                burdened.append(_answers(relay))
                producer.stop()
                wait_for(lambda: seen.ended == VIEWERS, 60)
    return [
        Figure(f"event loop under {VIEWERS} viewers and {LINES_PER_SECOND:,} lines/s: /healthz answers within, 99 %, "
               f"in the quietest of {WINDOWS} windows",
               f"{min(burdened) * 1000:.0f} ms (without viewers {min(free) * 1000:.0f} ms)",
               f"<= {GOAL_SECONDS * 1000:.0f} ms", min(burdened) <= GOAL_SECONDS),
    ]  # fmt: skip


def _answers(relay: Relay) -> float:
    """The 99th percentile of the seconds until ``/healthz`` is answered."""
    took = []
    due = time.monotonic()
    for _ in range(ASKED_PER_WINDOW):
        wait_for(lambda: time.monotonic() >= due, 30, interval_seconds=0.005)  # noqa: B023
        began = time.monotonic()
        assert relay.get("/healthz")[0] == 200
        took.append(time.monotonic() - began)
        due = max(due + ASK_SECONDS, time.monotonic())
    return percentile(took, 99)
