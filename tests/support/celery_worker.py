"""A Celery worker with its keeper, shipper and task processes: started, told apart, signalled, killed whole."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from tests.support.http_get import http_get
from tests.support.leftovers import expect_to_end
from tests.support.marked import MARK, marked
from tests.support.processes import Process
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
#: A busy machine starts workers slowly.
START_SECONDS = 90.0
ROLES = ("main", "child", "keeper", "shipper")


def role_of(process: psutil.Process, main_pid: int) -> str:
    """Return which of :data:`ROLES` a worker's process has; empty for another one, such as a task's program."""
    with contextlib.suppress(psutil.Error):
        command = " ".join(process.cmdline())
        # The keeper's arguments name the shipper, too.
        if "worker/keeper" in command:
            return "keeper"
        if "runtail.worker.shipper" in command:
            return "shipper"
        if process.pid == main_pid:
            return "main"
        if process.ppid() == main_pid:
            return "child"
    return ""


class CeleryWorker:
    """One worker. Everything that it starts, in whatever session, carries its mark in the environment.

    :param directory: for its output.
    :param app: the module with the Celery app.
    :param hostname: as ``--hostname`` takes it.
    :param arguments: more arguments for ``celery worker``.
    :param environment: variables; ``None`` removes one.
    :param admin_port: of the shipper; 0 if there is none.
    :param mark: what its processes are known by.
    :param python: the interpreter of another environment.
    :param launcher: what starts Celery, such as ``runtail worker --``; ``process`` is this one then.
    :param cwd: where it works.
    :param redirection: where the worker's own output goes, in bash's words; usually into a file of the test's.
    """

    def __init__(
        self,
        directory: Path,
        app: str,
        hostname: str,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
        admin_port: int = 0,
        mark: str = "",
        python: Path = Path(sys.executable),
        launcher: Sequence[str | Path] = (),
        redirection: str = "",
        cwd: Path = ROOT,
    ) -> None:
        self.hostname, self.admin_port = hostname, admin_port
        self.mark = mark or uuid.uuid4().hex
        self._launched = bool(launcher)
        self.process = Process(
            [
                *(("/bin/bash", "-c", f'exec "$@" {redirection}', "worker") if redirection else ()),
                *launcher,
                *(python.parent / "celery", "--app", app, "worker", "--loglevel=INFO", f"--hostname={hostname}"),
                *("--without-gossip", "--without-mingle", *arguments),
            ],
            directory,
            name=f"{hostname.partition('@')[0]}-{self.mark[:8]}",
            cwd=cwd,
            # Root is what tests run as in a container.
            environment={"PYTHONPATH": str(ROOT), "C_FORCE_ROOT": "1", MARK: self.mark, **(environment or {})},
        )

    def wait_ready(self) -> Self:
        """Return when it takes tasks."""
        self.process.wait_for_log(f"{self.hostname} ready", START_SECONDS)
        return self

    # Its processes.

    def processes(self) -> list[psutil.Process]:
        """Everything that runs of it, oldest first."""
        return marked(self.mark)

    def part(self, role: str) -> list[psutil.Process]:
        """Those of its processes that have a role now, oldest first."""
        main = self.main.pid if self._launched and role in ("main", "child") else self.process.pid
        return [process for process in self.processes() if role_of(process, main) == role]

    def _wait_part(self, role: str) -> psutil.Process:
        found = wait_for(lambda: self.part(role), START_SECONDS, self.process.evidence)
        # One that is just being killed is older than the one in its place.
        return found[-1]

    @property
    def main(self) -> psutil.Process:
        """Celery's main process."""
        if not self._launched:
            return psutil.Process(self.process.pid)

        def look() -> psutil.Process | None:
            children = psutil.Process(self.process.pid).children()
            return next((child for child in children if "/celery" in " ".join(child.cmdline())), None)

        found = wait_for(look, START_SECONDS, self.process.evidence)
        assert found is not None
        return found

    def keeper(self) -> psutil.Process:
        """The keeper's process."""
        return self._wait_part("keeper")

    def shipper(self) -> psutil.Process:
        """The shipper's process."""
        return self._wait_part("shipper")

    def pool_children(self) -> list[psutil.Process]:
        """The processes that execute tasks."""
        return self.part("child")

    # What it says on its admin port.

    def get(self, path: str) -> tuple[int, str]:
        """Ask the admin port: status and body; status 0 while it does not answer."""
        return http_get(f"http://127.0.0.1:{self.admin_port}{path}")

    def metric(self, name: str) -> float:
        """One metric's value."""
        lines = self.get("/metrics")[1].splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))

    # Its end.

    def signal_all(self, number: signal.Signals) -> None:
        """Signal every process of it."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to every process, as the end of its container."""
        self.signal_all(signal.SIGKILL)
        self.process.kill()

    def kill_in_order(self, roles: Sequence[str], pause_seconds: float) -> None:
        """SIGKILL one after the other; one that is gone already is passed over."""
        for role in roles:
            with contextlib.suppress(psutil.Error):
                for process in self.part(role)[:1]:
                    process.kill()
            time.sleep(pause_seconds)

    def close(self) -> None:
        """Kill its main process, see keeper and shipper end by themselves, and kill what tasks left behind.

        :raises AssertionError: if they do not.
        """
        with contextlib.suppress(psutil.Error):
            if self._launched and self.process.is_running():
                self.main.kill()
        self.process.kill()
        try:
            expect_to_end(lambda: [*self.part("keeper"), *self.part("shipper")])
        finally:
            self.kill()


def celery_environment(settings: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the variables of settings, by their names in lower case."""
    return {f"RUNTAIL_{name.upper()}": str(value) for name, value in settings.items()}
