"""``runtail dev`` as a newcomer meets it: it starts everything, and leaves nothing."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from runtail.dev.watchdog import VARIABLE, carriers
from runtail.metric_table import METRICS
from tests.support.ports import free_port
from tests.support.processes import Process, StartProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
#: Its own graces together, and a busy machine.
STOP_SECONDS = 60.0
READY = "Runtail runs"
#: Told only while there is a token; test_web_admin.py makes one.
NEXT_END = "runtail_web_token_next_end_timestamp_seconds"
ADMIN_PORTS = {"web": "WEB_ADMIN_PORT", "relay": "SOCKET_ADMIN_PORT", "worker": "WORKER_ADMIN_PORT"}
PORTS = ("WEB_PORT", "WEB_ADMIN_PORT", "SOCKET_PORT", "SOCKET_ADMIN_PORT", "WORKER_ADMIN_PORT")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


class Dev:
    """A ``runtail dev`` with ports and a folder for temporary files of its own."""

    def __init__(self, start_process: StartProcess, directory: Path, environment: dict[str, str | None]) -> None:
        self.ports = {name: free_port() for name in PORTS}
        self.temporary = directory / "temporary"
        self.temporary.mkdir()
        ports: dict[str, str | None] = {f"RUNTAIL_{name}": str(port) for name, port in self.ports.items()}
        self._start_process = start_process
        self._environment = {"TMPDIR": str(self.temporary), **ports, **environment}
        self.process: Process
        self.cookie = ""
        #: What a run of demo.tree started.
        self.tasks_processes: list[psutil.Process] = []

    def start(self, *command: str | Path) -> "Dev":
        """Start it, by another command if one is given; do not wait."""
        command = command or (Path(sys.executable).parent / "runtail", "dev")
        self.process = self._start_process(*command, name="dev", environment=self._environment)
        return self

    def wait_ready(self) -> "Dev":
        """Wait until it says that it is, and remember its cookie."""
        self.process.wait_for_log(READY, START_SECONDS)
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.cookie = next(filter(None, map(_cookie, below)))
        return self

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=False)

    def child(self, word: str) -> psutil.Process:
        """The child with that word in its command line."""
        return next(child for child in self.children() if any(word in part for part in child.cmdline()))

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.ports['WEB_PORT']}{path}"

    def begin(self, task: str, **kwargs: Any) -> str:
        """Start a run over the API and return its id."""
        answer = httpx.post(self.url("/api/v1/runs"), json={"task": task, "kwargs": kwargs}, timeout=30)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["id"])

    def begin_tree(self) -> None:
        """Start processes that escape in every way, and remember them."""
        run_id = self.begin("demo.tree")
        wait_for(lambda: self.log(run_id).count("pid ") == 6, 30, self.process.evidence)
        shells = [
            psutil.Process(int(pid))
            for pid in re.findall(r"pid (\d+)", self.log(run_id))
            if psutil.pid_exists(int(pid))
        ]
        below = [child for shell in shells for child in shell.children(recursive=True)]
        assert len(shells) >= 5
        self.tasks_processes = [*shells, *below]

    def log(self, run_id: str) -> str:
        return httpx.get(self.url(f"/api/v1/runs/{run_id}/log.txt"), timeout=30).text

    def state(self, run_id: str) -> str:
        return str(httpx.get(self.url(f"/api/v1/runs/{run_id}"), timeout=30).json()["state"])

    def assert_nothing_left(self) -> None:
        """No process of its own, no file, no port."""
        assert [process for process in self.tasks_processes if process.is_running()] == []
        assert carriers(self.cookie) == []
        assert list(self.temporary.iterdir()) == []
        for port in self.ports.values():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))


def _cookie(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(VARIABLE)
    except psutil.Error:
        return None


@pytest.fixture
def make_dev(start_process: StartProcess, tmp_path: Path) -> Callable[..., Dev]:
    def make(**environment: str | None) -> Dev:
        return Dev(start_process, tmp_path, environment)

    return make


def test_a_taken_port_is_named_and_nothing_is_started(make_dev: Callable[..., Dev]) -> None:
    dev = make_dev()
    with socket.create_server(("127.0.0.1", dev.ports["WEB_PORT"])):
        assert dev.start().process.wait(START_SECONDS) == 1
    output = dev.process.output()
    assert "Traceback" not in output
    assert len(output.splitlines()) == 1
    assert f"Port {dev.ports['WEB_PORT']}, for the web service, is taken" in output
    assert f"process {os.getpid()}" in output
    assert "set RUNTAIL_WEB_PORT" in output
    assert list(dev.temporary.iterdir()) == []


def test_a_named_store_that_does_not_answer_is_named(make_dev: Callable[..., Dev]) -> None:
    port = free_port()
    dev = make_dev(RUNTAIL_STORE_URL=f"redis://:secret@127.0.0.1:{port}/0").start()
    assert dev.process.wait(START_SECONDS) == 1
    output = dev.process.output()
    assert f"The store at redis://127.0.0.1:{port}/0 does not answer" in output
    assert "Traceback" not in output
    assert "secret" not in output
    assert list(dev.temporary.iterdir()) == []


def test_starts_everything_and_ctrl_c_leaves_nothing(make_dev: Callable[..., Dev]) -> None:
    dev = make_dev(RUNTAIL_AUTH_ADMIN_PASSWORD="a secret of logins").start().wait_ready()
    assert dev.url("") in dev.process.output()
    for process in (worker := dev.child("celery"), *worker.children(recursive=True)):
        # Tasks can read it. (The names are there: a worker hands on all its settings, these as they are by default.)
        assert "a secret of logins" not in process.environ().values()

    page = httpx.get(dev.url("/"), timeout=30)
    assert page.status_code == 200
    assert f"http://127.0.0.1:{dev.ports['SOCKET_PORT']}" in page.text

    run_id = dev.begin("demo.tail", lines=3, interval=0.01)
    wait_for(lambda: dev.state(run_id) == "succeeded", 30, dev.process.evidence)
    assert dev.log(run_id) == "Task message 0\nTask message 1\nTask message 2\n"
    # The worker's echo, with its name before it.
    dev.process.wait_for_log("worker │ Task message 2", 30)

    for component, port in ADMIN_PORTS.items():
        declared = {metric.name for metric in METRICS if metric.component == component} - {NEXT_END}

        def all_shown(port: str = port, declared: set[str] = declared) -> bool:
            shown = httpx.get(f"http://127.0.0.1:{dev.ports[port]}/metrics", timeout=30).text
            return all(f"# TYPE {name} " in shown for name in declared)

        # The reaper's is there after its first round.
        wait_for(all_shown, 30)

    names = {_name(process) for process in map(psutil.Process, carriers(dev.cookie))}
    assert {"runtail_web", "runtail_socket", "celery", "runtail.worker.shipper", "worker/keeper"} <= names

    dev.process.signal(signal.SIGINT)
    assert dev.process.wait(STOP_SECONDS) == 0
    dev.assert_nothing_left()
    assert "Traceback" not in dev.process.output()


def test_make_run_asks_nothing(make_dev: Callable[..., Dev]) -> None:
    """Who types it has the first line of a run without a password, a link or an answer: there is no input at all."""
    began = time.monotonic()
    # What is made already stays as it is: other tests use it.
    made = (".venv/.complete", "services/web/src/runtail_web/static/.vite/manifest.json")
    dev = make_dev().start("make", "-C", ROOT, *(f"--old-file={file}" for file in made), "run").wait_ready()
    page = httpx.get(dev.url("/"), timeout=30)
    assert (page.status_code, page.history) == (200, [])
    session = httpx.get(dev.url("/api/v1/session"), timeout=30).json()
    assert (session["kind"], "admin" in session["rights"]) == ("anonymous", True)
    run_id = dev.begin("demo.tail", lines=3, interval=0.01)
    wait_for(lambda: "Task message 0" in dev.log(run_id), 30, dev.process.evidence)
    print(f"The first line came {time.monotonic() - began:.1f} s after `make run`")
    for word in ("password", "Password", "[y/N]", "login="):
        assert word not in dev.process.output()
    # A terminal sends it to make and to all below; make waits for the others.
    for process in (dev.child("runtail"), psutil.Process(dev.process.pid)):
        process.send_signal(signal.SIGINT)
    dev.process.wait(STOP_SECONDS)
    dev.assert_nothing_left()


def test_ctrl_c_twice_ends_a_running_task_at_once(make_dev: Callable[..., Dev], own_redis_server: RedisServer) -> None:
    dev = make_dev(RUNTAIL_STORE_URL=own_redis_server.url).start().wait_ready()
    assert f"in the store at {own_redis_server.url}" in dev.process.output()
    dev.begin_tree()
    dev.process.signal(signal.SIGINT)
    dev.process.wait_for_log("Stopping", 30)
    dev.process.signal(signal.SIGINT)
    assert dev.process.wait(STOP_SECONDS) == 0
    dev.assert_nothing_left()
    # The server is not ours to stop.
    with own_redis_server.client() as client:
        assert client.ping()


def test_a_part_that_dies_is_named_and_the_others_are_stopped(make_dev: Callable[..., Dev]) -> None:
    dev = make_dev().start().wait_ready()
    dev.child("runtail_socket").kill()
    assert dev.process.wait(STOP_SECONDS) == 1
    output = dev.process.output()
    assert "The relay was killed by signal 9 (SIGKILL), so everything stops." in output
    # Its last lines, once more.
    assert re.search(r"It wrote last:\n.*relay ready", output, re.DOTALL)
    dev.assert_nothing_left()


def test_killed_it_still_leaves_nothing(make_dev: Callable[..., Dev]) -> None:
    dev = make_dev().start().wait_ready()
    run_id = dev.begin("demo.nap", seconds=600)
    wait_for(lambda: dev.state(run_id) == "running", 30, dev.process.evidence)
    # By pid: the store writes over its environment and so carries no cookie.
    family = psutil.Process(dev.process.pid).children(recursive=True)
    assert any("redis" in process.name() or "valkey" in process.name() for process in family)
    dev.process.signal(signal.SIGKILL)
    assert dev.process.wait(STOP_SECONDS) == -signal.SIGKILL
    wait_for(lambda: not carriers(dev.cookie) and not list(dev.temporary.iterdir()), STOP_SECONDS)
    dev.assert_nothing_left()
    assert not psutil.wait_procs(family, timeout=STOP_SECONDS)[1]


def _name(process: psutil.Process) -> str:
    """The module or file that a process runs."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return ""
    if "-m" in command:
        return command[command.index("-m") + 1]
    if any(part.endswith("worker/keeper") for part in command):
        return "worker/keeper"
    return next((Path(part).name for part in command if part.endswith(".py")), Path(command[0]).name if command else "")
