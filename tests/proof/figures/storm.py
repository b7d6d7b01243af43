"""Many connections at once: a third of a thousand comes back, more come than may, a thousand shake hands."""

from __future__ import annotations

import collections
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

from tests.proof.figures import Figure
from tests.proof.figures._operations import Operations
from tests.proof.figures._relays import LIMIT_BYTES, limited
from tests.support.audience import Audience, Balancer, percentile
from tests.support.proxy import TcpProxy
from tests.support.relay import Client
from tests.support.relay_stage import stage
from tests.support.waiting import wait_for

VIEWERS, BACK_SECONDS = 900, 15.0
#: Little to read: connections are what counts here.
LINES_PER_SECOND, FLUSHES_PER_SECOND = 20, 2
#: What the store does before the storm is counted so long, from when the last viewer has settled.
STEADY_SECONDS, SETTLING_SECONDS, GOAL_OPERATIONS = 5.0, 1.0, 3.0
MAX_CONNECTIONS, TOO_MANY = 300, 50
HANDSHAKES, AT_ONCE = 1000, 8
REFUSED = 'runtail_socket_refused_total{reason="full"}'


def measure() -> list[Figure]:
    """Storm the relays."""
    return [*_relay_death(), *_too_many(), _handshakes()]


def _relay_death() -> list[Figure]:
    with stage(3, memory_bytes=LIMIT_BYTES) as here, here.server.client() as client, Operations(client) as operations:
        producer = here.producer().start(LINES_PER_SECOND, flushes_per_second=FLUSHES_PER_SECOND)
        with Audience(Balancer(here.relays), [producer.run_id], VIEWERS) as seen:
            wait_for(lambda: seen.following == VIEWERS, 120)
            steady_at = time.monotonic()
            wait_for(lambda: time.monotonic() >= steady_at + STEADY_SECONDS, STEADY_SECONDS + 30)
            victim = here.relays[0]
            there = [viewer for viewer in seen.viewers if viewer.port == victim.port]
            killed_at = time.monotonic()
            steady = operations.mean(steady_at + SETTLING_SECONDS, killed_at)
            victim.process.kill()
            wait_for(lambda: seen.following < VIEWERS, 30)
            wait_for(lambda: seen.following == VIEWERS, 120)
            back = [viewer.joined[-1] - killed_at for viewer in there]
            over_at = killed_at + max(back) + 1.0
            wait_for(lambda: time.monotonic() > over_at + 0.5, 30)
            peak = operations.peak(killed_at - 1.0, over_at)
            producer.stop()
            wait_for(lambda: seen.ended == VIEWERS, 60)
        name = f"1 of 3 relays killed under {VIEWERS} viewers"
        within = limited(name, here)
    faults = [seen.total(name) for name in ("lost", "doubled", "wrong", "resets")]
    taken = collections.Counter((viewer.port, int((viewer.joined[-1] - killed_at) * 4)) for viewer in there)
    return [
        Figure(f"{name}: all {len(there)} are back",
               f"after {max(back):.1f} s (99 %: {percentile(back, 99):.1f} s); {sum(faults)} lost, doubled or wrong",
               f"<= {BACK_SECONDS:.0f} s; 0", max(back) <= BACK_SECONDS and not any(faults)),
        Figure(f"{name}: commands of the store in the busiest second",
               f"{peak:.0f}, {peak / steady:.1f} x as many as before ({steady:.0f} a second); "
               f"a relay takes {max(taken.values())} of them in a quarter of a second at most",
               f"<= {GOAL_OPERATIONS:.0f} x", peak <= GOAL_OPERATIONS * steady),
        *within,
    ]  # fmt: skip


def _too_many() -> list[Figure]:
    with stage(1, max_connections=MAX_CONNECTIONS) as here:
        (relay,) = here.relays
        producer = here.producer()
        producer.write(1)
        with Audience(Balancer(here.relays), [producer.run_id], MAX_CONNECTIONS) as seen:
            wait_for(lambda: seen.following == MAX_CONNECTIONS, 60)
            with Audience(Balancer(here.relays), [producer.run_id], TOO_MANY) as more:
                wait_for(lambda: all(viewer.losses for viewer in more.viewers), 60)
            refusals = [why for viewer in more.viewers for why in viewer.losses]
            counted = round(relay.metric(REFUSED))
            ready = relay.get("/readyz")[0]
            stayed = seen.following
    answered = refusals.count("503")
    return [
        Figure(f"{TOO_MANY} connections above a limit of {MAX_CONNECTIONS}: answered 503, and counted",
               f"{answered} of {len(refusals)}, {counted}; {stayed} others stay, /readyz {ready}",
               f"all, all; {MAX_CONNECTIONS}, 200",
               answered == len(refusals) == counted and stayed == MAX_CONNECTIONS and ready == 200),
    ]  # fmt: skip


class RoundRobin(TcpProxy):
    """Hands each connection to the next relay, and knows of no client."""

    def __init__(self, ports: list[int]) -> None:
        self._turn = itertools.cycle(ports)
        super().__init__("127.0.0.1", 0)

    def next_target(self) -> tuple[str, int]:
        """The next relay."""
        return self.host, next(self._turn)


def _handshakes() -> Figure:
    with stage(3) as here, RoundRobin([relay.port for relay in here.relays]) as door:
        producer = here.producer()
        producer.write(1)

        def shake(_number: int) -> str:
            try:
                client = Client(f"http://{door.host}:{door.port}").join()
                answer = client.emit("subscribe", {"v": 1, "run": producer.run_id})
                client.close()
            except Exception as error:  # noqa: BLE001  # Whatever it is, it is a failure that is counted.
                return repr(error)
            return "" if answer["ok"] else str(answer)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            failures = [why for why in pool.map(shake, range(HANDSHAKES)) if why]
    return Figure(
        f"{HANDSHAKES:,} handshakes through a round-robin proxy to 3 relays, without affinity: failures",
        f"{len(failures)}" + (f", the first: {failures[0][:80]}" if failures else ""), "0", not failures,
    )  # fmt: skip
