"""The broker goes away and comes back, twenty times, under the reference workers with tasks in hand."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.proof.figures import Figure
from tests.support.celery_worker import CeleryWorker
from tests.support.installation import Installation
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

WORKERS = 3
#: Seconds of the partitions; there are as many cuts of each other kind.
PARTITIONS = (3.0, 3.0, 3.0, 10.0, 30.0)
#: The probe's own patience with the file ``alive``: ``-mmin -0.5``.
ALIVE_SECONDS = 30.0


class Probe:
    """Looks at the files of the workers as an orchestrator's probes do, and remembers the worst."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders
        self.oldest_seconds = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            for folder in self._folders:
                age = time.time() - (folder / "alive").stat().st_mtime
                self.oldest_seconds = max(self.oldest_seconds, age)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs."""
        wait_for(lambda: all((folder / "alive").exists() for folder in self._folders), 60)
        self._thread.start()
        yield
        self._over.set()
        self._thread.join()


def measure() -> list[Figure]:
    """Restarts of Redis, killed connections, half-open ones, partitions."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(RedisServer(folder / "redis", append_only="everysec"))
        proxies = [stack.enter_context(TcpProxy(server.host, server.port)) for _ in range(WORKERS)]
        fleet = stack.enter_context(Installation(folder, server.url, app="runtail_worker.app"))
        members = []
        for number, proxy in enumerate(proxies):
            environment: dict[str, str | None] = {"RUNTAIL_HEALTH_DIR": str(folder / f"health{number}")}
            members.append(
                fleet.add(concurrency=2, queue=f"queue{number}", redis_url=proxy.url, environment=environment)
            )
        for member in members:
            member.wait_ready()
        long_ids = [fleet.send("demo.build_image", seconds=3600, queue=f"queue{n}") for n in range(WORKERS)]
        fleet.wait_running(long_ids)
        waited: dict[str, list[float]] = defaultdict(list)
        probe = Probe([folder / f"health{number}" for number in range(WORKERS)])
        with probe.watching():
            for kind, cut in cuts(server, proxies):
                cut()
                waited[kind] += take_tasks(fleet, members)
        runs = [run for run in map(fleet.find, long_ids) if run is not None]
        unharmed = sum(run.state == "running" and run.number("attempt") == 1 for run in runs)
        running = sum(member.process.is_running() for member in members)
    worst = max(max(seconds) for seconds in waited.values())
    spans = ", ".join(f"{k} {statistics.median(v):.1f} · {max(v):.1f} s" for k, v in waited.items())
    return [
        Figure(f"broker cut {sum(map(len, waited.values())) // WORKERS} times: each worker takes a new task "
               "(middle · at most after the cut)", spans, "<= 30 s", worst <= 30),
        Figure("broker cut: workers with a running task that their probe would restart",
               f"{'none' if probe.oldest_seconds < ALIVE_SECONDS else 'some'}: "
               f"its file was touched at most {probe.oldest_seconds:.0f} s ago",
               f"none: < {ALIVE_SECONDS:.0f} s", probe.oldest_seconds < ALIVE_SECONDS),
        Figure("broker cut: tasks in hand and workers that go on", f"{unharmed} and {running} of {WORKERS}", "all",
               unharmed == running == WORKERS),
    ]  # fmt: skip


def cuts(server: RedisServer, proxies: list[TcpProxy]) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each kind in turn; a cut is over when its function returns."""

    def kill_clients() -> None:
        with server.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def half_open() -> None:
        for proxy in proxies:
            proxy.half_open()

    def partition(seconds: float) -> None:
        for proxy in proxies:
            proxy.stall()
        end = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() >= end, seconds + 5)
        for proxy in proxies:
            proxy.resume()

    for seconds in PARTITIONS:
        yield "Redis killed and back", server.restart
        yield "CLIENT KILL", kill_clients
        yield "half-open", half_open
        yield "partition", partial(partition, seconds)


def take_tasks(fleet: Installation, members: list[CeleryWorker]) -> list[float]:
    """Send a task to every worker; return how long each took to take it, in seconds."""
    began = time.monotonic()
    ids = {number: fleet.send("demo.binary", queue=f"queue{number}") for number in range(len(members))}
    took: dict[int, float] = {}

    def all_taken() -> bool:
        for number, run_id in ids.items():
            run = fleet.find(run_id)
            if number not in took and run is not None and run.state != "queued":
                took[number] = time.monotonic() - began
        return len(took) == len(ids)

    wait_for(all_taken, 180, lambda: "\n".join(member.process.evidence() for member in members))
    fleet.wait_ended(list(ids.values()))
    return list(took.values())
