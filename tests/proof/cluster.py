"""Everything under test as real processes, each behind a proxy of its own to the store."""

from __future__ import annotations

import itertools
import signal
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from runtail.settings import load_settings
from runtail.store import Store
from tests.proof.skew import skew_environment
from tests.support.celery_worker import CeleryWorker, celery_environment, role_of
from tests.support.marked import MARK, marked
from tests.support.processes import Process
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.waiting import wait_for

WORKERS, RELAYS = ("worker0", "worker1"), ("relay0", "relay1", "relay2")
SERVICES = (*WORKERS, *RELAYS, "web")
START_SECONDS = 60.0
ROOT = Path(__file__).parents[2]
#: The sources that these tests belong to, also when others are installed.
SOURCES = (ROOT, ROOT / "libs/runtail/src", *sorted(ROOT.glob("services/*/src")))

#: What is ten seconds and more in production, so that a schedule of some seconds meets it.
SHORTENED: dict[str, Any] = {
    "lease_seconds": 2.5,
    "beat_seconds": 0.5,
    "drain_seconds": 1.0,
    "sweep_seconds": 0.5,
    "vanished_seconds": 3.0,
    "unpublished_seconds": 3.0,
    "claim_patience_seconds": 3.0,
    "cancel_grace_seconds": 2.0,
    "late_seconds": 3.0,
}


class Door(TcpProxy):
    """Where viewers connect: hands connections to the relays in turn, past those that are not there."""

    def __init__(self, ports: dict[str, int], lives: Callable[[str], bool]) -> None:
        self._turn = itertools.cycle(ports.items())
        self._count = len(ports)
        self._lives = lives
        super().__init__("127.0.0.1", 0)

    def next_target(self) -> tuple[str, int]:
        """The next relay that runs."""
        for _ in range(self._count):
            name, port = next(self._turn)
            if self._lives(name):
                break
        return self.host, port


class Cluster:
    """Two workers, three relays, web, a store and its replica. Started with ``with``, killed at its end.

    :param directory: for data and output.
    :param skewed: a worker whose clock is an hour off, if libfaketime is there.
    :param settings: of all services.
    """

    def __init__(self, directory: Path, *, skewed: str | None = None, **settings: Any) -> None:
        self.directory = directory
        self.counters = directory / "counters"
        self.mark = uuid.uuid4().hex
        self._skewed = skewed
        self._settings = settings
        self._stack = ExitStack()
        self.services = {
            name: Service("web" if name == "web" else "socket", directory, {}, label=name) for name in (*RELAYS, "web")
        }
        self._generation = itertools.count(1)
        self.processes: dict[str, Process] = {}
        for name in ("redis-a", "redis-b", "counters"):
            (directory / name).mkdir(parents=True)
        self.primary = RedisServer(directory / "redis-a", append_only="everysec")
        self.replica = RedisServer(directory / "redis-b", append_only="everysec")

    def __enter__(self) -> Self:
        try:
            self.primary.start()
            self.replica.start()
            self.replication = self._stack.enter_context(TcpProxy(self.primary.host, self.primary.port))
            self.proxies = {
                name: self._stack.enter_context(TcpProxy(self.primary.host, self.primary.port)) for name in SERVICES
            }
            self.door = self._stack.enter_context(Door({name: self.services[name].port for name in RELAYS}, self.runs))
            self.follow()
            for name in SERVICES:
                self.start(name)
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for member in self.members(""):
            kill(member, signal.SIGKILL)
        for process in self.processes.values():
            process.kill()
        self._stack.close()
        for server in (self.primary, self.replica):
            server.__exit__(None, None, None)

    # Services.

    def start(self, name: str) -> None:
        """Start a service that does not run; does not wait for it."""
        mark = f"{self.mark}-{name}-{next(self._generation)}"
        environment: dict[str, str | None] = {
            "PYTHONPATH": ":".join(map(str, SOURCES)), "PROOF_COUNTERS": str(self.counters), MARK: mark,
        }  # fmt: skip
        if name == self._skewed:
            environment |= skew_environment(1, str(environment["PYTHONPATH"]))
        url = self.proxies[name].url
        # All that is started and cancelled here comes from one address.
        limits = {"limit_starts": 0, "limit_changes": 0}
        settings = {**limits, **self._settings, "broker_url": url, "store_url": url, "worker_admin_port": 0}
        if name in WORKERS:
            worker = CeleryWorker(
                self.directory, "tests.proof.tasks", f"{name}@proof", mark=mark,
                arguments=["--concurrency=2", "--without-heartbeat"],
                environment=celery_environment(settings) | environment,
            )  # fmt: skip
            self.processes[name] = worker.process
            return
        service = self.services[name]
        service.configure(**settings)
        service.environment |= environment
        service.launch()
        self.processes[name] = service.process

    def runs(self, name: str) -> bool:
        """Whether a service's main process runs."""
        return name in self.processes and self.processes[name].is_running()

    def members(self, name: str) -> list[psutil.Process]:
        """All processes of a service, also of its earlier lives; of all services for an empty name."""
        return marked(f"{self.mark}-{name}")

    def part(self, worker: str, part: str) -> list[psutil.Process]:
        """A worker's processes of one kind, also of its earlier lives; oldest first."""
        main = self.processes[worker].pid
        return [process for process in self.members(worker) if role_of(process, main) == part]

    def restart(self, name: str) -> None:
        """Bring a service back if its main process is gone; what is left of its former life ends first."""
        if not self.runs(name):
            self.kill_all(name)
            self.start(name)

    def kill_all(self, name: str) -> None:
        """SIGKILL to every process of a service, as the end of its container."""
        for process in self.members(name):
            kill(process, signal.SIGKILL)
        self.processes[name].kill()

    def wait_until_ready(self) -> None:
        """Return when every service serves and web knows the tasks."""
        for name in WORKERS:
            process = self.processes[name]
            process.wait_for_log(" ready.", START_SECONDS)
        for name in self.services:
            wait_for(lambda name=name: self._answers(name), START_SECONDS, self.processes[name].evidence)  # type: ignore[misc]
        wait_for(self._knows_tasks, START_SECONDS)

    def _answers(self, name: str) -> bool:
        # Its port may be some connection's for a moment: it ends, and is started again.
        self.restart(name)
        return self.services[name].get("/readyz")[0] == 200

    def _knows_tasks(self) -> bool:
        # It may say, or not say in time, that the store does not answer yet.
        try:
            return len(self.get("/api/v1/tasks").json().get("tasks", ())) >= 6
        except httpx.TransportError:
            return False

    # What users do.

    def get(self, path: str) -> httpx.Response:
        """GET from the API."""
        return httpx.get(self.services["web"].url + path, timeout=5)

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """POST to the API."""
        return httpx.post(self.services["web"].url + path, json=body, headers=headers, timeout=5)

    # The store.

    @property
    def store(self) -> Store:
        """The present primary, without a proxy."""
        url = self.primary.url
        return Store(load_settings({}, broker_url=url, store_url=url))

    def follow(self) -> None:
        """Make the replica follow the primary, through the replication proxy."""
        self.replication.target = (self.primary.host, self.primary.port)
        with self.replica.client() as client:
            client.replicaof(self.replication.host, self.replication.port)

    def fail_over(self) -> None:
        """Kill the primary, promote the replica with what it has; the old one comes back as a replica."""
        self.primary.kill()
        self.replica.promote()
        self.replication.resume()
        self.replication.cut()
        self.primary, self.replica = self.replica, self.primary
        for proxy in self.proxies.values():
            proxy.target = (self.primary.host, self.primary.port)
            proxy.cut()
        self.replica.restart(keep_data=False)
        self.follow()

    def evidence(self) -> dict[str, str]:
        """The output of every service."""
        return {name: process.output() for name, process in self.processes.items()}


def kill(process: psutil.Process, number: int) -> bool:
    """Signal a process of ours that may be gone; return whether it was there."""
    try:
        process.send_signal(number)
    except psutil.Error:
        return False
    return True
