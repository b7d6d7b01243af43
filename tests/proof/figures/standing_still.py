"""A greenlet inside a relay is killed or stands still: who begins it anew, or starts the relay anew, and how soon."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.figures.relay import Stage, stage
from tests.proof.audience import Audience, Balancer
from tests.proof.figures import Figure
from tests.proof.figures.deafness import bells
from tests.support.relay import Relay
from tests.support.waiting import wait_for

VIEWERS, LINES_PER_SECOND = 10, 20
GOAL_SECONDS = 20.0
ROOT = Path(__file__).parents[3]
#: The liveness probe: how often, and after how many failures the relay is started anew.
PROBE_SECONDS, FAILURES = 2.0, 2
#: File that asks for it, in words, how often, whether the relay is started anew for it.
FAULTS = (
    ("kill-bells", "the greenlet that hears bells is killed", 10, False),
    ("stall-bells", "the greenlet that hears bells stands still", 5, True),
    ("stall-reader", "the reader stands still in the middle of a round", 5, True),
)


class Liveness(threading.Thread):
    """Asks a relay whether it is alive and starts it anew when it is not, as an orchestrator does."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(name="liveness", daemon=True)
        self._relay = relay
        self._over = threading.Event()
        self.restarts = 0
        #: The answers that were no 200.
        self.answers: list[str] = []

    def run(self) -> None:
        """Ask until told to stop."""
        failures = 0
        while not self._over.wait(PROBE_SECONDS):
            status, body = self._relay.get("/healthz")
            if status == 200:
                failures = 0
                continue
            self.answers.append(body.strip())
            failures += 1
            if failures >= FAILURES:
                self._relay.process.terminate(15)
                self._relay.restart()
                self._relay.wait_until_ready()
                self.restarts, failures = self.restarts + 1, 0

    def close(self) -> None:
        """Stop asking."""
        self._over.set()
        self.join(60)


@contextmanager
def breakable(folder: Path) -> Iterator[Stage]:
    """One relay that takes the faults of :mod:`tests.support.breakable_relay`."""
    environment = {"TEST_FAULTS": str(folder), "PYTHONPATH": str(ROOT)}
    with stage(1, program="tests.support.breakable_relay", environment=environment, drain_seconds=0.2) as here:
        yield here


def measure() -> list[Figure]:
    """Break a relay from within, again and again."""
    figures = []
    with tempfile.TemporaryDirectory() as name, breakable(Path(name)) as here, here.server.client() as client:
        (relay,) = here.relays
        producer = here.producer().start(LINES_PER_SECOND)
        liveness = Liveness(relay)
        liveness.start()
        with Audience(Balancer(here.relays), [producer.run_id], VIEWERS) as seen:
            wait_for(lambda: seen.following == VIEWERS, 60)
            for file, words, times, restarts in FAULTS:
                before = liveness.restarts
                took = [_once(Path(name) / file, seen, client, relay) for _ in range(times)]
                expected = times if restarts else 0
                figures.append(_figure(words, took, liveness.restarts - before, expected))
            producer.stop()
            wait_for(lambda: seen.ended == VIEWERS, 60)
        liveness.close()
        print(f"   said: {sorted(set(liveness.answers))}", flush=True)
        faults = [seen.total(name) for name in ("lost", "doubled", "wrong", "resets")]
    return [*figures, Figure("relay broken from within: lines lost, doubled; digests wrong; resets",
                             "{}, {}; {}; {}".format(*faults), "0, 0; 0; 0", not any(faults))]  # fmt: skip


def _once(file: Path, seen: Audience, client: redis.Redis, relay: Relay) -> float:
    """Return after how many seconds bells are heard over a new connection, and every screen has new lines."""
    before = max(bells(client))
    broken_at = time.monotonic()
    file.touch()
    wait_for(lambda: any(id_ > before and count >= 3 for id_, count in bells(client).items()), 60,
             relay.process.evidence)  # fmt: skip
    healed_at = time.monotonic()
    wait_for(lambda: all(viewer.written_at > healed_at for viewer in seen.viewers), 60)
    return time.monotonic() - broken_at


def _figure(words: str, took: list[float], restarts: int, expected: int) -> Figure:
    print(f"   {words}: " + ", ".join(f"{seconds:.1f}" for seconds in took) + " s", flush=True)
    healed = sum(seconds <= GOAL_SECONDS for seconds in took)
    return Figure(
        f"{words}: bells and lines are back",
        f"{healed} of {len(took)}, after at most {max(took):.1f} s; {restarts} x started anew by its liveness probe",
        f"{len(took)} of {len(took)} within {GOAL_SECONDS:.0f} s; {expected} x",
        healed == len(took) and restarts == expected,
    )
