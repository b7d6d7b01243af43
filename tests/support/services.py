"""The product's services as processes, as they run in production."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for

START_SECONDS = 30.0


class Service:
    """A service with a port and an admin port. Killed at the end of the ``with``.

    :param name: ``web`` or ``socket``.
    :param settings: by environment variable without ``RUNTAIL_``, in lower case.
    :param environment: other variables.
    :param address: where it is reached, as a URL has it.
    :param port: where it listens; a free one if 0.
    :param program: the module that is run.
    :param label: what its output and failures call it.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        settings: Mapping[str, object],
        environment: Mapping[str, str | None] | None = None,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        program: str = "",
        label: str = "",
    ) -> None:
        self.name, self._address, self._program = name, address, program or f"runtail_{name}"
        self.port = port or free_port()
        self.admin_port = free_port()
        self._directory = directory
        self._label = label or f"{name}-{self.port}"
        self.environment: dict[str, str | None] = {}
        self.configure(**settings)
        self.environment |= environment or {}
        self._process: Process | None = None

    def configure(self, **settings: object) -> None:
        """Add settings before it is started."""
        self.environment |= {f"RUNTAIL_{key.upper()}": str(value) for key, value in settings.items()}

    def take_over(self, other: Service) -> None:
        """Listen where another one, which has ended, listened."""
        self.port, self.admin_port = other.port, other.admin_port

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{self._address}:{self.port}"

    @property
    def process(self) -> Process:
        """The running process."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    def start(self) -> Service:
        """Start it and return when it answers."""
        self.launch()
        wait_for(self._answers, START_SECONDS, self.process.evidence)
        return self

    def launch(self) -> None:
        """Start it; does not wait for it."""
        ports = {"PORT": str(self.port), "ADMIN_PORT": str(self.admin_port)}
        # What a test configures wins: it may want the service to listen where another one does.
        environment = {f"RUNTAIL_{self.name.upper()}_{key}": port for key, port in ports.items()} | self.environment
        self._process = self.run([sys.executable, "-m", self._program], self._label, environment)

    def run(self, command: list[str], name: str, environment: dict[str, str | None]) -> Process:
        """Start the process."""
        return Process(command, self._directory, name=name, environment=environment)

    def get(self, path: str) -> tuple[int, str]:
        """Ask the admin port: status and body; status 0 while it does not answer."""
        return http_get(f"http://127.0.0.1:{self.admin_port}{path}")

    def metric(self, name: str) -> float:
        """One metric's value; the name may carry labels as in the exposition."""
        for line in self.get("/metrics")[1].splitlines():
            key, _, value = line.rpartition(" ")
            if key == name:
                return float(value)
        raise AssertionError(f"no metric {name}")

    def restart(self) -> None:
        """Kill it, as a crash would, and start it again on the same port."""
        self.process.kill()
        self.start()

    def _answers(self) -> bool:
        if not self.process.is_running():
            raise AssertionError(f"{self.name} did not start\n{self.process.evidence()}")
        try:
            httpx.get(f"{self.url}/", timeout=2)
        except httpx.TransportError:
            return False
        return True

    def __enter__(self) -> Service:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self._process.kill()
