"""Redis is away for a minute: who restarts, who answers, whether any run ends, how soon everything is back."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import httpx

from tests.proof.figures import Figure
from tests.proof.figures._streams import Streams
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

RUNS, LINES_PER_SECOND, VIEWERS = 5, 200, 20
OUTAGE_SECONDS = 60.0
BACK_SECONDS, SAID_SECONDS = 5.0, 5.0
PROBE_SECONDS = 0.5


class Probes(threading.Thread):
    """Asks ``/healthz`` as an orchestrator does, and the API as the page does."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="probes", daemon=True)
        self._admin = {"web": stack.web.admin_port, "relay": stack.relay.admin_port}
        self._api = f"{stack.web.url}/api/v1/runs"
        self._over = threading.Event()
        self.asked = 0
        #: What was not 200.
        self.failed: list[str] = []
        #: Monotonic time and status of each answer of the API.
        self.api: list[tuple[float, int]] = []

    def run(self) -> None:
        """Ask until told to stop."""
        while not self._over.wait(PROBE_SECONDS):
            for name, port in self._admin.items():
                self.asked += 1
                status = _status(f"http://127.0.0.1:{port}/healthz")
                if status != 200:
                    self.failed.append(f"{name}: {status}")
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


def measure() -> list[Figure]:
    """Stop Redis for a minute."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "redis").mkdir()
        with (
            RedisServer(Path(folder) / "redis", append_only="everysec") as server,
            Stack(Path(folder), server.url, concurrency=RUNS) as stack,
            Streams(stack, runs=RUNS, lines_per_second=LINES_PER_SECOND, viewers=VIEWERS) as streams,
        ):
            services = {"web": stack.web.process, "relay": stack.relay.process, "worker": stack.worker}
            probes = Probes(stack)
            probes.start()
            streams.let_print(LINES_PER_SECOND)
            away_at = time.monotonic()
            server.stop()
            wait_for(lambda: time.monotonic() >= away_at + OUTAGE_SECONDS, OUTAGE_SECONDS + 10)
            server.start()
            accepts_at = time.monotonic()
            back = streams.resumed_after(accepts_at)
            wait_for(lambda: probes.api[-1][0] > accepts_at and probes.api[-1][1] == 200, 60)
            probes.close()
            dead = [name for name, process in services.items() if not process.is_running()]
            connections = streams.seen.total("connections")
            most_resets = max(len(viewer.resets) for viewer in streams.seen.viewers)
            verdict = streams.finish()
    said = next((at - away_at for at, status in probes.api if at > away_at and status == 503), float("inf"))
    api_back = next(at - accepts_at for at, status in probes.api if at > accepts_at and status == 200)
    name = f"Redis away for {OUTAGE_SECONDS:.0f} s"
    return [
        Figure(f"{name}: runs that ended", f"{len(verdict.astray)} of {RUNS}; {verdict.words}",
               f"0 of {RUNS}; 0", verdict.clean and not verdict.named),
        # After more than a lease nobody can vouch that no other server answered meanwhile: a new epoch, once.
        Figure(f"{name}: views that are loaded again", f"{verdict.resets} of {VIEWERS}, each {most_resets} x at most",
               "at most once each", most_resets <= 1),
        Figure(f"{name}: processes that ended, liveness probes that failed (web, relay)",
               f"{len(dead)}, {len(probes.failed)} of {probes.asked}", "0, 0", not dead and not probes.failed),
        Figure(f"{name}: viewers that lost their connection", f"{connections - VIEWERS} of {VIEWERS}", "0",
               connections == VIEWERS),
        Figure(f"{name}: the API says so", f"after {said:.1f} s", f"<= {SAID_SECONDS:.0f} s", said <= SAID_SECONDS),
        Figure(f"{name}: new lines on every screen, API", f"{back:.1f} s, {api_back:.1f} s after Redis accepts",
               f"<= {BACK_SECONDS:.0f} s", max(back, api_back) <= BACK_SECONDS),
    ]  # fmt: skip
