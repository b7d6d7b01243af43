"""Who is compared, and how each is started."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.node_setup import node_command, node_folder
from tests.bench.rig import START_SECONDS, Failed, Partner, cores, on_core
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.relay import Relay
from tests.support.waiting import DeadlineExceeded, wait_for

PREFIX = "bench:"


@dataclass
class Stage:
    """A subject's servers with Redis, started."""

    folder: Path
    redis: RedisServer
    ports: list[int] = field(default_factory=list)
    #: The processes that are measured.
    pids: list[int] = field(default_factory=list)
    #: Where lines come from when the server makes them itself.
    own_load: Partner | None = None


@dataclass(frozen=True)
class Subject:
    """One way to bring lines to browsers.

    :param dialect: of :mod:`tests.bench.dialects`.
    :param way: how the load writes: of :mod:`tests.bench.load`, or ``node``.
    :param start: adds started servers to a stage.
    """

    name: str
    title: str
    dialect: str
    way: str
    start: Callable[[ExitStack, Stage, int, Sequence[int]], None]

    @contextmanager
    def stage(self, folder: Path, relays: int = 1, ports: Sequence[int] = ()) -> Iterator[Stage]:
        """Start Redis on the second core and the servers on the first; end them.

        :param ports: where the servers listen; free ones when empty.
        :raises Failed: one did not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        measured, others = cores()
        with ExitStack() as stack:
            with on_core(others):
                redis = stack.enter_context(RedisServer(folder))
            stage = Stage(folder, redis)
            with on_core(measured):
                self.start(stack, stage, relays, ports)
            yield stage

    @contextmanager
    def load(self, stage: Stage, runs: int = 1, backlog: int = 0) -> Iterator[tuple[Partner, list[str]]]:
        """Start what writes, with that many runs; gives it and their ids."""
        if stage.own_load is not None:
            yield stage.own_load, ["floor"] * runs
            return
        _, core = cores()
        if self.way == "node":
            command = [node_command(), str(node_folder() / "producer.mjs")]
            partner = Partner(command, core, stage.folder / "load.log")
        else:
            partner = Partner.module("load", core, stage.folder)
        with partner:
            ask = {"way": self.way, "url": stage.redis.url, "prefix": PREFIX, "runs": runs, "backlog": backlog}
            partner.tell(ask)
            yield partner, partner.hear()["runs"]


def _port(ports: Sequence[int], index: int) -> int:
    return ports[index] if index < len(ports) else free_port()


def _runtail(stack: ExitStack, stage: Stage, relays: int, ports: Sequence[int]) -> None:
    def start(*command: str | Path, name: str | None = None,
              environment: dict[str, str | None] | None = None) -> Process:  # fmt: skip
        return stack.enter_context(Process(command, stage.folder, name=name, environment=environment))

    for index in range(relays):
        # More than 2,000 viewers are asked for in one of the workloads, all of one address.
        port = _port(ports, index)
        relay = Relay(start, stage.redis.url, PREFIX, port=port, max_connections=5000, limit_sockets=0)
        try:
            relay.wait_until_ready(START_SECONDS)
        except AssertionError:
            raise Failed(_last_line(relay.process)) from None
        stage.ports.append(relay.port)
        stage.pids.append(relay.process.pid)


def _python(module: str) -> Callable[[ExitStack, Stage, int, Sequence[int]], None]:
    def start(stack: ExitStack, stage: Stage, relays: int, ports: Sequence[int]) -> None:
        for index in range(relays):
            port = _port(ports, index)
            command = [sys.executable, "-m", f"tests.bench.{module}", str(port), stage.redis.url]
            _server(stack, stage, command, port)

    return start


def _node(stack: ExitStack, stage: Stage, relays: int, ports: Sequence[int]) -> None:
    for index in range(relays):
        port = _port(ports, index)
        _server(stack, stage, [node_command(), str(node_folder() / "server.mjs"), str(port), stage.redis.url], port)


def _server(stack: ExitStack, stage: Stage, command: list[str], port: int) -> None:
    from tests.bench.rig import ROOT

    process = stack.enter_context(Process(command, stage.folder, name=f"server-{port}", cwd=ROOT))

    def answers() -> bool:
        if not process.is_running():
            raise Failed(_last_line(process))
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(answers, START_SECONDS)
    except DeadlineExceeded:
        raise Failed("the server did not start in time") from None
    if not process.is_running():
        raise Failed(_last_line(process))
    stage.ports.append(port)
    stage.pids.append(process.pid)


def _floor(stack: ExitStack, stage: Stage, _relays: int, ports: Sequence[int]) -> None:
    port = _port(ports, 0)
    partner = stack.enter_context(Partner.module("floor", cores()[0], stage.folder, str(port)))
    partner.hear_ready()
    stage.ports.append(port)
    stage.pids.append(partner.pid)
    stage.own_load = partner


def _last_line(process: Process) -> str:
    lines = process.output().strip().splitlines()
    return lines[-1][:200] if lines else "the server ended without a word"


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("runtail", "Runtail", "runtail", "runtail", _runtail),
        Subject("flask", "Flask-SocketIO + Redis queue", "room", "room", _python("room_server")),
        Subject("node", "Socket.IO (Node) + Redis Streams", "room", "node", _node),
        Subject("tutorial", "the tutorial's way", "tutorial", "tutorial", _python("tutorial_server")),
        Subject("floor", "the floor: bare sends", "floor", "", _floor),
    )
}
