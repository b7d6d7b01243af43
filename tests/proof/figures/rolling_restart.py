"""All relays are replaced, one after the other, as a rolling update does it."""

from __future__ import annotations

import signal
import threading
import time

from tests.figures.relay import stage
from tests.proof.audience import Audience, Balancer, percentile
from tests.proof.figures import Figure
from tests.support.relay import Relay
from tests.support.waiting import wait_for

VIEWERS, RELAYS, LINES_PER_SECOND = 300, 3, 500
DRAIN_SECONDS = 5.0
GOAL_SECONDS = 1.5
#: How often readiness is asked; who is not ready gets no new connections.
PROBE_SECONDS = 0.25


class Readiness(threading.Thread):
    """Asks every relay whether it is ready, as an orchestrator does."""

    def __init__(self, relays: list[Relay]) -> None:
        super().__init__(name="readiness", daemon=True)
        self._relays = relays
        self._ready = {relay.port for relay in relays}
        self._over = threading.Event()

    def run(self) -> None:
        """Ask until told to stop."""
        while not self._over.wait(PROBE_SECONDS):
            self._ready = {relay.port for relay in self._relays if relay.get("/readyz")[0] == 200}

    def admits(self, relay: Relay) -> bool:
        """Whether a relay was ready when last asked, and still runs."""
        return relay.port in self._ready and relay.process.is_running()

    def close(self) -> None:
        """Stop asking."""
        self._over.set()
        self.join(30)


def measure() -> list[Figure]:
    """Replace each of the relays."""
    statuses = []
    with stage(RELAYS, drain_seconds=DRAIN_SECONDS) as here:
        producer = here.producer().start(LINES_PER_SECOND)
        readiness = Readiness(here.relays)
        readiness.start()
        with Audience(Balancer(here.relays, readiness.admits), [producer.run_id], VIEWERS) as seen:
            wait_for(lambda: seen.following == VIEWERS, 90)
            began = time.monotonic()
            for relay in here.relays:
                relay.process.signal(signal.SIGTERM)
                statuses.append(relay.process.wait(60))
                relay.restart()
                wait_for(lambda: readiness.admits(relay), 60)  # noqa: B023
            wait_for(lambda: seen.following == VIEWERS, 60)
            until = time.monotonic()
            producer.stop()
            wait_for(lambda: seen.ended == VIEWERS, 60)
        readiness.close()
    pauses = [viewer.longest_pause(began, until) for viewer in seen.viewers]
    faults = [seen.total(name) for name in ("lost", "doubled", "wrong", "resets")]
    unequal = sum(viewer.position != seen.viewers[0].position for viewer in seen.viewers)
    moved = seen.total("connections") - VIEWERS
    name = f"rolling restart of {RELAYS} relays under {VIEWERS} viewers"
    worst = percentile(pauses, 99)
    return [
        Figure(f"{name}: screen stands still, 99 % of viewers",
               f"{worst:.2f} s (middle {percentile(pauses, 50):.2f}, longest {max(pauses):.2f}; {moved} moves)",
               f"<= {GOAL_SECONDS} s", worst <= GOAL_SECONDS),
        Figure(f"{name}: lines lost, doubled; wrong, resets",
               f"{faults[0]}, {faults[1]}; {faults[2] + unequal}, {faults[3]}", "0, 0; 0, 0",
               not any(faults) and not unequal and moved >= VIEWERS),
        Figure(f"{name}: exit statuses", ", ".join(map(str, statuses)), "0, 0, 0", not any(statuses)),
    ]  # fmt: skip
