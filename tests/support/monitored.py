"""A whole installation under load with a Prometheus that scrapes it: for alerts, panels and pictures."""

from __future__ import annotations

import contextlib
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import websocket

from runtail.errors import ProtocolError
from tests.support.http_get import http_get
from tests.support.installation import Installation
from tests.support.logins import grant
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.prometheus import Prometheus, Target
from tests.support.proxy import TcpProxy
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower
from tests.support.services import Service
from tests.support.waiting import wait_for

START_SECONDS = 90.0
#: A store with a limit, as in production; large enough for all that is written here.
STORE_BYTES, BUDGET_BYTES = 200 << 20, 32 << 20
#: What the slow machine of a test still keeps, and yet short enough to wait for its end.
LEASE_SECONDS = 6.0
#: Small, so that it is soon full, and that a log that is taken away is not written again in full.
SPOOL_BYTES, RETAINED_BYTES = 2 << 20, 200
MAX_CONNECTIONS = 12
FRAGILE_QUEUE = "fragile"
#: Starts a relay that says it is of another version.
OTHER_VERSION = (
    "import runpy, runtail.version; runtail.version.__version__ = '0.0.1'; "
    "runpy.run_module('runtail_socket', run_name='__main__')"
)


class Monitored:
    """Store, two web services, two relays, two workers, a canary, viewers, and load. A context manager.

    :param rule_files: for Prometheus.
    """

    def __init__(self, directory: Path, rule_files: list[Path]) -> None:
        self.directory = directory
        self.server = RedisServer(directory / "redis")
        self.prometheus = Prometheus(directory / "prometheus", rule_files)
        self._stop = threading.Event()
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        self.targets: list[Target] = []
        #: The run that viewers watch, and those that fill the slots of the fragile worker.
        self.long_run = ""
        self.waiting: list[str] = []
        self.began_at = 0.0
        self.policy = directory / "policy.toml"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        self._stack.close()

    # Parts.

    def _start(self) -> None:
        self._stack.enter_context(self.server)
        with self.server.client() as client:
            client.config_set("maxmemory", STORE_BYTES)
        self.proxy = self._stack.enter_context(TcpProxy(self.server.host, self.server.port))
        self.fleet = Installation(
            self.directory, self.server.url, app="runtail_worker.app", services=("web", "socket"),
            lease_seconds=LEASE_SECONDS, spool_bytes=SPOOL_BYTES, retained_bytes=RETAINED_BYTES,
            max_connections=MAX_CONNECTIONS, drain_seconds=0.5, budget_bytes=BUDGET_BYTES,
            # The load starts one a second from this address, and the tests some more.
            limit_starts=600,
        )  # fmt: skip
        self._stack.enter_context(self.fleet)
        self.web, self.relay = self.fleet.web, self.fleet.relay
        self.second_web = self._stack.enter_context(Service("web", self.directory, self.fleet.settings))
        behind_proxy = {**self.fleet.settings, "broker_url": self.proxy.url, "store_url": self.proxy.url}
        self.second_relay = self._stack.enter_context(Service("socket", self.directory, behind_proxy))
        self.worker = self.fleet.add(concurrency=3)
        self.fleet.app = "tests.support.figure_app"
        self.fragile = self.fleet.add(concurrency=2, queue=FRAGILE_QUEUE, arguments=("--prefetch-multiplier", "1"))
        self.worker.wait_ready()
        self.fragile.wait_ready()
        wait_for(lambda: httpx.get(f"{self.web.url}/api/v1/tasks").json()["tasks"], START_SECONDS, self._evidence)
        canary_port = self._start_canary()
        self.targets = [
            self._target(self.web.admin_port, "web", "web-a"),
            self._target(self.second_web.admin_port, "web", "web-b"),
            self._target(self.relay.admin_port, "relay", "relay-a"),
            self._target(self.second_relay.admin_port, "relay", "relay-b"),
            self._target(self.worker.admin_port, "worker", "worker-a", pool="default"),
            self._target(self.fragile.admin_port, "worker", "worker-b", pool=FRAGILE_QUEUE),
            self._target(canary_port, "canary", "canary"),
        ]
        for target in self.targets:
            wait_for(lambda port=target.port: http_get(f"http://127.0.0.1:{port}/metrics")[0] == 200, START_SECONDS)  # type: ignore[misc]
        self._stack.enter_context(self.prometheus)
        self.prometheus.scrape(self.targets)

    @staticmethod
    def _target(port: int, component: str, pod: str, **more: str) -> Target:
        return Target(port, {"namespace": "team", "release": "demo", "component": component, "pod": pod, **more})

    def _start_canary(self) -> int:
        port = free_port()
        command: list[str | Path] = [
            Path(sys.executable).parent / "runtail", "canary", "--every", "5", "--port", str(port),
            "--relay-url", self.relay.url,
        ]  # fmt: skip
        environment: dict[str, str | None] = {"RUNTAIL_URL": self.web.url}
        self._stack.enter_context(Process(command, self.directory, name="canary", environment=environment))
        return port

    def start_other_version(self) -> Process:
        """Start a relay that says it is of another version, and scrape it, too.

        It has a policy of its own, :attr:`policy`, and may listen for everybody.
        """
        port, admin_port = free_port(), free_port()
        self.policy.write_text(grant("everyone", "viewer"))
        environment: dict[str, str | None] = {
            **{f"RUNTAIL_{key.upper()}": str(value) for key, value in self.fleet.settings.items()},
            "RUNTAIL_SOCKET_PORT": str(port),
            "RUNTAIL_SOCKET_ADMIN_PORT": str(admin_port),
            "RUNTAIL_AUTH_POLICY_FILE": str(self.policy),
            "RUNTAIL_AUTH_NONE_ANYWHERE": "on",
        }
        process = Process([sys.executable, "-c", OTHER_VERSION], self.directory, name="old", environment=environment)
        self._stack.enter_context(process)
        wait_for(lambda: http_get(f"http://127.0.0.1:{admin_port}/metrics")[0] == 200, START_SECONDS, process.evidence)
        self.prometheus.scrape([*self.targets, self._target(admin_port, "relay", "relay-old")])
        return process

    def _evidence(self) -> str:
        return f"{self.worker.process.evidence()}\n{self.web.process.evidence()}"

    # Load.

    def load(self, seconds: float = 1000.0) -> str:
        """Begin: runs that succeed and fail, each second, and viewers of one that lasts, whose id is returned."""
        long_run = self.start("runtail.check", lines=round(20 * seconds), seconds=seconds)
        for relay in (self.relay, self.relay, self.second_relay):
            self.watch(long_run, relay)
        self._begin(self._start_runs)
        return long_run

    def start(self, task: str, **kwargs: Any) -> str:
        """Start a run over the API and return its id."""
        return self.fleet.start(task, kwargs)

    def watch(self, run_id: str, relay: Service) -> None:
        """Watch a run as a browser does, and come back after each end of the connection."""
        self._begin(lambda: self._watch(run_id, relay.url))

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _watch(self, run_id: str, url: str) -> None:
        follower = Follower(run_id, acknowledges=True)
        while not self._stop.is_set() and follower.ended is None:
            try:
                if follower.connect(url).get("reset"):
                    follower = Follower(run_id, acknowledges=True)
                    continue
                while not self._stop.is_set() and follower.ended is None:
                    if follower.step() == "tail-reset":
                        follower = Follower(run_id, acknowledges=True)
                        break
            except (OSError, websocket.WebSocketException, ProtocolError):
                # Away, or standing still: as a browser it tries again.
                self._stop.wait(0.3)
            finally:
                follower.close()

    def _start_runs(self) -> None:
        with httpx.Client(base_url=self.web.url, timeout=2) as client:
            while not self._stop.wait(1.0):
                for task, kwargs in (("runtail.check", {"lines": 5, "seconds": 0.2}), ("demo.crash", {})):
                    with contextlib.suppress(httpx.TransportError):
                        client.post("/api/v1/runs", json={"task": task, "kwargs": kwargs})
                with contextlib.suppress(httpx.TransportError):
                    client.get("/api/v1/runs")
                    client.get(f"/api/v1/runs/{uuid.uuid4()}")

    @contextlib.contextmanager
    def store_paused(self) -> Iterator[None]:
        """The store answers nobody."""
        self.server.pause()
        try:
            yield
        finally:
            self.server.resume()
