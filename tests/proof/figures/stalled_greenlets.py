"""A greenlet inside a relay is killed or stalled: who begins it anew, or starts the relay anew, and how soon."""

from __future__ import annotations

import collections
import tempfile
import time
from pathlib import Path

import redis

from tests.proof.figures import Figure
from tests.proof.figures.stalled_listener import subscriptions
from tests.support.audience import Audience, Balancer
from tests.support.relay import Relay
from tests.support.relay_stage import Stage, stage
from tests.support.waiting import wait_for
from tests.support.watching import Watching

VIEWERS, LINES_PER_SECOND = 10, 20
GOAL_SECONDS = 20.0
ROOT = Path(__file__).parents[3]
#: The liveness probe: how often, and after how many failures the relay is started anew.
PROBE_SECONDS, FAILURES = 2.0, 2
#: File that asks for it, in words, how often, whether the relay is started anew for it.
FAULTS = (
    ("kill-listener", "the listener's greenlet is killed", 10, False),
    ("stall-listener", "the listener's greenlet is stalled", 5, True),
    ("stall-reader", "the reader is stalled in the middle of a round", 5, True),
)


class Liveness(Watching):
    """Asks relays whether they are alive and starts anew who is not, as an orchestrator does."""

    def __init__(self, relays: list[Relay]) -> None:
        super().__init__("liveness")
        self._failures = dict.fromkeys(relays, 0)
        self.restarts = 0
        #: The answers that were no 200.
        self.answers: list[str] = []

    def run(self) -> None:
        """Ask until told to stop."""
        while not self.over.wait(PROBE_SECONDS):
            for relay in self._failures:
                self._ask(relay)

    def _ask(self, relay: Relay) -> None:
        status, body = relay.get("/healthz")
        if status == 200:
            self._failures[relay] = 0
            return
        self.answers.append(body.strip())
        self._failures[relay] += 1
        if self._failures[relay] < FAILURES:
            return
        relay.process.terminate(15)
        relay.restart()
        relay.wait_until_ready()
        self.restarts, self._failures[relay] = self.restarts + 1, 0

    def evidence(self) -> str:
        """What the relays wrote and answered."""
        return "\n".join([*self.answers, *(relay.process.evidence() for relay in self._failures)])


def measure() -> list[Figure]:
    """Break relays from within, again and again."""
    with tempfile.TemporaryDirectory() as name:
        environment = {"TEST_FAULTS": name, "PYTHONPATH": str(ROOT)}
        # The second takes the viewers while the first begins anew.
        with (
            stage(2, program="tests.support.breakable_relay", environment=environment, drain_seconds=0.5) as here,
            here.server.client() as client,
        ):
            return _broken(here, client, Path(name))


def _broken(here: Stage, client: redis.Redis, folder: Path) -> list[Figure]:
    figures = []
    producer = here.producer().start(LINES_PER_SECOND)
    liveness = Liveness(here.relays)
    liveness.start()
    with Audience(Balancer(here.relays), [producer.run_id], VIEWERS) as seen:
        wait_for(lambda: seen.following == VIEWERS, 60)
        for file, words, times, restarts in FAULTS:
            before = liveness.restarts
            heal = _replaced if restarts else _healed
            took = [heal(folder / file, seen, client, liveness) for _ in range(times)]
            figures.append(_figure(words, took, liveness.restarts - before, times if restarts else 0))
        producer.stop()
        wait_for(lambda: seen.ended == VIEWERS, 60)
    liveness.close()
    print(f"   said: {sorted(set(liveness.answers))}", flush=True)
    faults = [seen.total(name) for name in ("lost", "doubled", "wrong", "resets")]
    return [*figures, Figure("relay broken from within: lines lost, doubled; digests wrong; resets",
                             "{}, {}; {}; {}".format(*faults), "0, 0; 0; 0", not any(faults))]  # fmt: skip


def _break(file: Path, seen: Audience) -> tuple[float, int]:
    """Break the relay that the most are on; return when, and its port."""
    wait_for(lambda: seen.following == VIEWERS, 60)
    ((port, _),) = collections.Counter(viewer.port for viewer in seen.viewers).most_common(1)
    broken_at = time.monotonic()
    file.with_name(f"{file.name}-{port}").touch()
    return broken_at, port


def _healed(file: Path, seen: Audience, client: redis.Redis, liveness: Liveness) -> float:
    """Return after how many seconds notifications come over a new connection, and every screen has new lines."""
    before = max(subscriptions(client))
    broken_at, _ = _break(file, seen)
    wait_for(lambda: any(id_ > before and count >= 3 for id_, count in subscriptions(client).items()), 60,
             lambda: (before, subscriptions(client), liveness.evidence()))  # fmt: skip
    healed_at = time.monotonic()
    wait_for(lambda: all(viewer.written_at > healed_at for viewer in seen.viewers), 60)
    return time.monotonic() - broken_at


def _replaced(file: Path, seen: Audience, _client: redis.Redis, liveness: Liveness) -> float:
    """Return after how many seconds whoever was on the broken relay is elsewhere, and every screen has new lines."""
    before = liveness.restarts
    joins = {viewer: len(viewer.joined) for viewer in seen.viewers}
    broken_at, port = _break(file, seen)
    there = [viewer for viewer in seen.viewers if viewer.port == port]
    wait_for(lambda: all(len(viewer.joined) > joins[viewer] for viewer in there), 90, liveness.evidence)
    moved_at = time.monotonic()
    wait_for(lambda: all(viewer.written_at > moved_at for viewer in seen.viewers), 60)
    took = time.monotonic() - broken_at
    wait_for(lambda: liveness.restarts > before, 60)
    return took


def _figure(words: str, took: list[float], restarts: int, expected: int) -> Figure:
    print(f"   {words}: " + ", ".join(f"{seconds:.1f}" for seconds in took) + " s", flush=True)
    healed = sum(seconds <= GOAL_SECONDS for seconds in took)
    return Figure(
        f"{words}: notifications and lines are back",
        f"{healed} of {len(took)}, after at most {max(took):.1f} s; {restarts} x started anew by its liveness probe",
        f"{len(took)} of {len(took)} within {GOAL_SECONDS:.0f} s; {expected} x",
        healed == len(took) and restarts == expected,
    )
