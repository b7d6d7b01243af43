"""All relays are replaced, one after the other, as a rolling update does it, again and again; people come meanwhile."""

from __future__ import annotations

import itertools
import signal
import tempfile
import time
from pathlib import Path

import httpx

from tests.proof.figures import Figure
from tests.support.audience import Audience, Balancer, percentile
from tests.support.relay import Client, Relay
from tests.support.relay_stage import PREFIX, stage
from tests.support.services import Service
from tests.support.waiting import wait_for
from tests.support.watching import Watching

VIEWERS, RELAYS, LINES_PER_SECOND = 300, 3, 500
ROLLS = 10
#: Shorter than the defaults, so that more comes back at once, and ten rolls take less than three minutes.
DRAIN_SECONDS = 3.0
#: Between "gets no new connections" and SIGTERM, which an orchestrator sends after a pause (Kubernetes: preStop).
LEAVING_SECONDS = 0.5
GOAL_SECONDS = 1.5
#: How often readiness is asked; who is not ready gets no new connections.
PROBE_SECONDS = 0.25


class Readiness(Watching):
    """Asks every relay whether it is ready, as an orchestrator does."""

    def __init__(self, relays: list[Relay]) -> None:
        super().__init__("readiness")
        self._relays = relays
        self._ready = {relay.port for relay in relays}
        self._leaving: Relay | None = None

    def run(self) -> None:
        """Ask until told to stop."""
        while not self.over.wait(PROBE_SECONDS):
            self._ready = {relay.port for relay in self._relays if relay.get("/readyz")[0] == 200}

    def admits(self, relay: Relay) -> bool:
        """Whether a relay was ready when last asked, and still runs."""
        return relay.port in self._ready and relay is not self._leaving and relay.process.is_running()

    def leave(self, relay: Relay | None) -> None:
        """This one is about to be told to stop; None: nobody is."""
        self._leaving = relay


class Visitors(Watching):
    """Opens pages without a pause, as a browser does: the page itself, then its connection, then its subscription."""

    def __init__(self, web: Service, choose: Balancer, run_id: str) -> None:
        super().__init__("visitors")
        self._paths = itertools.cycle(["/", f"/runs/{run_id}"])
        self._web, self._choose, self._run_id = web, choose, run_id
        self.pages = self.connections = 0
        #: What was no page; what was no connection at the first try.
        self.failed_pages: list[str] = []
        self.failed_connections: list[str] = []

    def run(self) -> None:
        """Visit until told to stop."""
        while not self.over.wait(0.05):
            self._load(next(self._paths))
            self._connect()

    def _load(self, path: str) -> None:
        self.pages += 1
        try:
            # Over a connection of its own: who comes has none yet.
            answer = httpx.get(self._web.url + path, headers={"Accept": "text/html"}, timeout=10)
        except httpx.TransportError as error:
            self.failed_pages.append(repr(error))
            return
        if answer.status_code != 200 or "<script" not in answer.text:
            self.failed_pages.append(f"{path}: {answer.status_code}")

    def _connect(self) -> None:
        self.connections += 1
        try:
            client = Client(f"http://127.0.0.1:{self._choose()}", timeout_seconds=10).join()
        except Exception as error:  # noqa: BLE001  # Whatever it is, it is a failure that is counted.
            self.failed_connections.append(repr(error))
            return
        try:
            answer = client.emit("subscribe", {"v": 1, "run": self._run_id, "from": -1})
        except ConnectionError:
            return  # Sent to another relay already, like the others.
        finally:
            client.close()
        if not answer["ok"]:
            self.failed_connections.append(str(answer))


def measure() -> list[Figure]:
    """Replace each of the relays, ten times."""
    statuses: list[int] = []
    with stage(RELAYS, drain_seconds=DRAIN_SECONDS) as here, tempfile.TemporaryDirectory() as folder:
        producer = here.producer().start(LINES_PER_SECOND)
        readiness = Readiness(here.relays)
        readiness.start()
        settings = {"broker_url": here.server.url, "key_prefix": PREFIX}
        with (
            Service("web", Path(folder), settings) as web,
            Audience(Balancer(here.relays, readiness.admits), [producer.run_id], VIEWERS) as seen,
        ):
            wait_for(lambda: seen.following == VIEWERS, 90)
            visitors = Visitors(web, Balancer(here.relays, readiness.admits), producer.run_id)
            visitors.start()
            moments = [time.monotonic()]
            for _ in range(ROLLS):
                statuses += [_replace(relay, readiness) for relay in here.relays]
                wait_for(lambda: seen.following == VIEWERS, 60)
                moments.append(time.monotonic())
            visitors.close()
            producer.stop()
            wait_for(lambda: seen.ended == VIEWERS, 60)
        readiness.close()
    rolls = list(itertools.pairwise(moments))
    pauses = [viewer.longest_pause(*roll) for viewer in seen.viewers for roll in rolls]
    return _figures(seen, visitors, pauses, statuses)


def _replace(relay: Relay, readiness: Readiness) -> int:
    """Stop one relay, start it again, wait until it is ready; return its exit status."""
    readiness.leave(relay)
    told_at = time.monotonic()
    wait_for(lambda: time.monotonic() >= told_at + LEAVING_SECONDS, LEAVING_SECONDS + 5)
    relay.process.signal(signal.SIGTERM)
    status = relay.process.wait(60)
    relay.restart()
    relay.wait_until_ready()
    readiness.leave(None)
    wait_for(lambda: readiness.admits(relay), 60)
    return status


def _figures(seen: Audience, visitors: Visitors, pauses: list[float], statuses: list[int]) -> list[Figure]:
    faults = [seen.total(name) for name in ("lost", "doubled", "wrong", "resets")]
    unequal = sum(viewer.position != seen.viewers[0].position for viewer in seen.viewers)
    moved = seen.total("connections") - VIEWERS
    worst = percentile(pauses, 99)
    name = f"{ROLLS} rolling restarts of {RELAYS} relays under {VIEWERS} viewers"
    failed = seen.total("failed_connections"), len(visitors.failed_connections)
    pages = visitors.failed_pages
    first = [*pages, *visitors.failed_connections][:1]
    return [
        Figure(f"{name}: screen stands still at most, 99 % of {len(pauses):,} (each viewer in each)",
               f"{worst:.2f} s (middle {percentile(pauses, 50):.2f}, longest {max(pauses):.2f}; {moved} moves)",
               f"<= {GOAL_SECONDS} s", worst <= GOAL_SECONDS),
        Figure(f"{name}: lines lost, doubled; wrong, resets",
               f"{faults[0]}, {faults[1]}; {faults[2] + unequal}, {faults[3]}", "0, 0; 0, 0",
               not any(faults) and not unequal and moved >= VIEWERS * ROLLS),
        Figure(f"{name}: page loads that failed (list and run), meanwhile",
               f"{len(pages)} of {visitors.pages}", "0", not pages and visitors.pages > 0),
        Figure(f"{name}: connections that failed at the first try, of viewers that moved, of {visitors.connections} "
               "visitors", ", ".join(map(str, failed)) + "".join(f"; {why[:80]}" for why in first), "0, 0",
               not any(failed)),
        Figure(f"{name}: exit statuses other than 0", f"{sum(map(bool, statuses))} of {len(statuses)}", "0",
               not any(statuses)),
    ]  # fmt: skip
