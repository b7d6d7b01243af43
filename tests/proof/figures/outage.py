"""Redis is away for a second, ten, a minute, five: who restarts, who says so, what is kept, how soon all is back."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.proof.figures import Figure
from tests.proof.figures._loud import Loud
from tests.proof.figures._streams import Streams, Verdict
from tests.support.http_get import http_get
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

RUNS, LINES_PER_SECOND, VIEWERS = 5, 200, 20
#: The last is longer than the spool holds what the loud run prints.
OUTAGES_SECONDS = (1.0, 10.0, 60.0, 300.0)
BACK_SECONDS, SAID_SECONDS = 5.0, 5.0
PROBE_SECONDS = 0.5
QUOTA_BYTES = 256 << 20


class Probes(threading.Thread):
    """Asks ``/healthz`` and ``/readyz`` as an orchestrator does, and the API as the page does."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="probes", daemon=True)
        self._admin = {
            "web": stack.web.admin_port,
            "relay": stack.relay.admin_port,
            "worker": int(stack.settings["worker_admin_port"]),
        }
        self._api = f"{stack.web.url}/api/v1/runs"
        self._over = threading.Event()
        self.asked = 0
        #: What was not 200.
        self.failed: list[str] = []
        #: Monotonic time, who, and status of each answer about readiness.
        self.readiness: list[tuple[float, str, int]] = []
        #: Monotonic time and status of each answer of the API.
        self.api: list[tuple[float, int]] = []

    def run(self) -> None:
        """Ask until told to stop."""
        while not self._over.wait(PROBE_SECONDS):
            for name, port in self._admin.items():
                self.asked += 1
                status, body = http_get(f"http://127.0.0.1:{port}/healthz")
                if status != 200:
                    self.failed.append(f"{name}: {status} {body}")
                ready, _ = http_get(f"http://127.0.0.1:{port}/readyz")
                self.readiness.append((time.monotonic(), name, ready))
            self.api.append((time.monotonic(), _status(self._api)))

    def close(self) -> None:
        """Stop asking."""
        self._over.set()
        self.join(30)


def _status(url: str) -> int:
    """The status of an answer; 0 if none came within the time that probes give."""
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0


@dataclass(frozen=True, slots=True)
class Outage:
    """One of them, and what was seen of it."""

    seconds: float
    away_at: float
    accepts_at: float
    #: Until every screen had new lines, and the API answered.
    lines_back: float
    api_back: float
    #: How often the most patient of viewers had to begin anew, and all of them.
    most_resets: int
    resets: int


def measure() -> list[Figure]:
    """Stop Redis four times."""
    with tempfile.TemporaryDirectory() as folder:
        with (
            RedisServer(Path(folder) / "redis", append_only="everysec") as server,
            Stack(Path(folder), server.url, concurrency=RUNS + 1, quota_bytes=QUOTA_BYTES, echo=False) as stack,
            Streams(stack, runs=RUNS, lines_per_second=LINES_PER_SECOND, viewers=VIEWERS) as streams,
        ):
            services = {"web": stack.web.process, "relay": stack.relay.process, "worker": stack.worker}
            probes = Probes(stack)
            probes.start()
            outages = [_outage(server, streams, probes, seconds) for seconds in OUTAGES_SECONDS[:-1]]
            loud = Loud(stack)
            outages.append(_outage(server, streams, probes, OUTAGES_SECONDS[-1], loud))
            probes.close()
            dead = [name for name, process in services.items() if not process.is_running()]
            connections = streams.seen.total("connections")
            kept = loud.finish()
            verdict = streams.finish()
    return [*_figures(outages, streams, probes, verdict, dead, connections), *kept]


def _outage(server: RedisServer, streams: Streams, probes: Probes, seconds: float, loud: Loud | None = None) -> Outage:
    streams.wait_until_flowing()
    streams.let_print(LINES_PER_SECOND)
    before = [len(viewer.resets) for viewer in streams.seen.viewers]
    away_at = time.monotonic()
    server.stop()
    if loud is not None:
        loud.watch()
    wait_for(lambda: time.monotonic() >= away_at + seconds, seconds + 10)
    server.start()
    accepts_at = time.monotonic()
    if loud is not None:
        loud.back()
    lines_back = streams.resumed_after(accepts_at)
    wait_for(lambda: probes.api[-1][0] > accepts_at and probes.api[-1][1] == 200, 60)
    resets = [len(viewer.resets) - had for viewer, had in zip(streams.seen.viewers, before, strict=True)]
    api_back = next(at - accepts_at for at, status in probes.api if at > accepts_at and status == 200)
    print(f"   {seconds:.0f} s away: lines {lines_back:.1f} s, API {api_back:.1f} s after it is back; "
          f"{sum(resets)} resets", flush=True)  # fmt: skip
    return Outage(seconds, away_at, accepts_at, lines_back, api_back, max(resets), sum(resets))


def _figures(
    outages: list[Outage], streams: Streams, probes: Probes, verdict: Verdict, dead: list[str], connections: int
) -> list[Figure]:
    name = f"Redis away for {', '.join(f'{outage.seconds:.0f}' for outage in outages)} s"
    long = [outage for outage in outages if outage.seconds > SAID_SECONDS]
    told = [_told(streams, outage) for outage in long]
    never_said = sum(seconds == float("inf") for said in told for seconds in said)
    api_said = [
        next((at - outage.away_at for at, status in probes.api if outage.away_at < at < outage.accepts_at
              and status == 503), float("inf"))
        for outage in long
    ]  # fmt: skip
    slowest = max(seconds for said in told for seconds in said)
    back = max(outage.lines_back for outage in outages), max(outage.api_back for outage in outages)
    ready = {
        who: sorted({status for at, asked, status in probes.readiness if asked == who
                     and outages[-1].away_at + SAID_SECONDS < at < outages[-1].accepts_at})
        for who in ("web", "relay", "worker")
    }  # fmt: skip
    return [
        Figure(f"{name}: runs that ended", f"{len(verdict.astray)} of {RUNS}; {verdict.words}",
               f"0 of {RUNS}; 0", verdict.clean and not verdict.named),
        # After more than a lease nobody can vouch that no other server answered meanwhile: a new epoch, once.
        Figure(f"{name}: views that are loaded again",
               ", ".join(str(outage.resets) for outage in outages) + f" of {VIEWERS}, each "
               f"{max(outage.most_resets for outage in outages)} x at most",
               "at most once each", all(outage.most_resets <= 1 for outage in outages)),
        Figure(f"{name}: processes that ended, liveness probes that failed (web, relay, worker)",
               ", ".join([str(len(dead)), f"{len(probes.failed)} of {probes.asked}", *probes.failed[:1]]),
               "0, 0", not dead and not probes.failed),
        # These two stay, to say so; a worker takes no tasks that it could not record.
        Figure(f"{name}: /readyz of web, relay; worker, in the longest of them",
               "{}, {}; {}".format(*(" or ".join(map(str, statuses)) for statuses in ready.values())), "200, 200; 503",
               ready == {"web": [200], "relay": [200], "worker": [503]}),
        Figure(f"{name}: viewers that lost their connection", f"{connections - VIEWERS} of {VIEWERS}", "0",
               connections == VIEWERS),
        Figure(f"{name}: viewers are told (from 10 s on), the API says so",
               f"all after {slowest:.1f} s, {max(api_said):.1f} s" if not never_said else f"{never_said} are not",
               f"<= {SAID_SECONDS:.0f} s", max(slowest, *api_said) <= SAID_SECONDS),
        Figure(f"{name}: new lines on every screen, API", f"{back[0]:.1f} s, {back[1]:.1f} s after Redis accepts",
               f"<= {BACK_SECONDS:.0f} s", max(back) <= BACK_SECONDS),
    ]  # fmt: skip


def _told(streams: Streams, outage: Outage) -> list[float]:
    """After how long each viewer was told; infinite if it was not."""
    return [
        next((at - outage.away_at for at, answers in viewer.told
              if outage.away_at < at < outage.accepts_at and not answers), float("inf"))
        for viewer in streams.seen.viewers
    ]  # fmt: skip
