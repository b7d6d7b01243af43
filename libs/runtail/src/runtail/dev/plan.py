"""The parts that ``runtail dev`` starts: settings, ports, commands, and when each part is ready."""

from __future__ import annotations

import contextlib
import errno
import http.client
import importlib.util
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runtail.auth.modes import modes_of
from runtail.errors import ConfigError
from runtail.listening import MAX_PORT, listen, reachable
from runtail.settings import BY_NAME, Settings, load_settings

#: Task processes: four, so that the examples that run hold up nothing.
CONCURRENCY: Final = 4
WORKER: Final = "worker"
#: Tasks that fill the list with examples. No other worker has them.
EXAMPLES: Final = "runtail_worker.examples"
SERVICES: Final = ("runtail_web", "runtail_socket", "runtail_worker")
#: Timeout of one request to an admin port.
PROBE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One of our processes.

    :param grace_seconds: how long the process may take to end; then it gets the signal ``hurry``, if any, or is killed.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    grace_seconds: float = 5.0
    hurry: signal.Signals | None = None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings, and adapt them to one machine, where page and relay have different ports.

    :raises ConfigError: if a setting cannot be used, or a service is not installed.
    """
    missing = [name.replace("_", "-") for name in SERVICES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"runtail dev starts the whole product and misses {', '.join(missing)}: "
            "use `make run` in a checkout of Runtail."
        )
    settings = load_settings(environ)
    modes_of(settings)
    page, relay = settings.web_port, reachable(settings.socket_host)
    origins = [f"http://{host}:{page}" for host in ("127.0.0.1", "localhost")]
    return replace(
        settings,
        socket_url=settings.socket_url or f"http://{relay}:{settings.socket_port}",
        allowed_origins=",".join(filter(None, [settings.allowed_origins, *origins])),
    )


def use_named_store(settings: Settings, environ: Mapping[str, str]) -> Settings | None:
    """Return the settings with the server that the environment names, or None if it names none.

    :raises ConfigError: if that server cannot be both broker and store.
    """
    if not (BY_NAME["store_url"].is_set(environ) or BY_NAME["broker_url"].is_set(environ)):
        return None
    store_url = settings.effective_store_url
    if BY_NAME["broker_url"].is_set(environ):
        return replace(settings, store_url=store_url)
    return replace(settings, broker_url=store_url, store_url=store_url)


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that :func:`environment_of` each part is made of."""
    return {
        **environ,
        "RUNTAIL_BROKER_URL": settings.broker_url,
        "RUNTAIL_STORE_URL": settings.store_url,
        "RUNTAIL_SOCKET_URL": settings.socket_url,
        "RUNTAIL_ALLOWED_ORIGINS": settings.allowed_origins,
        "RUNTAIL_AUTH_MODE": settings.auth_mode,
        # There is no other relay that viewers could move to a few at a time.
        "RUNTAIL_DRAIN_SECONDS": "0",
    }


def environment_of(part: Part, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one part. The worker's has no settings of logins: tasks can read it."""
    if part.name != WORKER:
        return dict(environment)
    return {name: value for name, value in environment.items() if not name.startswith("RUNTAIL_AUTH_")}


def check_ports(settings: Settings) -> None:
    """Bind every port once.

    :raises ConfigError: if some are taken; the message names each port and the setting that changes it.
    """
    wanted = [
        ("the web service", settings.web_host, "web_port"),
        ("the web service's admin port", settings.admin_host, "web_admin_port"),
        ("the relay", settings.socket_host, "socket_port"),
        ("the relay's admin port", settings.admin_host, "socket_admin_port"),
        ("the worker's admin port", settings.admin_host, "worker_admin_port"),
    ]
    problems: list[str] = []
    chosen: dict[int, str] = {}
    for whose, host, name in wanted:
        port, variable = getattr(settings, name), f"RUNTAIL_{name.upper()}"
        if not port:
            continue
        other = chosen.setdefault(port, variable)
        if other != variable:
            problems.append(f"{other} and {variable} are both {port}: give {whose} another port.")
        elif why := _why_not(host, port):
            problems.append(f"Port {port}, for {whose}, {why}; set {variable} to use another port.")
    if problems:
        raise ConfigError("\n".join(problems))


def parts(settings: Settings, folder: Path) -> list[Part]:
    """Return web, relay and worker, in the order in which they are told to end."""
    admin = reachable(settings.admin_host)
    worker_ready = folder / "ready"

    def worker_is_ready() -> bool:
        port = settings.worker_admin_port
        return worker_ready.exists() and (not port or answers(admin, port, "/readyz"))

    return [
        Part("web", _module("runtail_web"), lambda: answers(admin, settings.web_admin_port, "/readyz")),
        Part("relay", _module("runtail_socket"), lambda: answers(admin, settings.socket_admin_port, "/readyz")),
        Part(
            WORKER,
            _module(
                "celery", "--quiet", "--app", "runtail_worker.app", "worker", "--concurrency", str(CONCURRENCY),
                *(("--include", EXAMPLES) if settings.demo_tasks else ()),
                "--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat",
            ),
            worker_is_ready,
            hurry=signal.SIGQUIT,
        ),
    ]  # fmt: skip


def answers(host: str, port: int, path: str) -> bool:
    """Return True if the answer to a GET is 200."""
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _module(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _why_not(host: str, port: int) -> str:
    """Return why our services could not listen there; empty if they could."""
    if port > MAX_PORT:
        return "does not exist"
    try:
        listen(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"is taken{_holder(port)}"
        return f"cannot be used: {error.strerror or error}"
    return ""


def _holder(port: int) -> str:
    """Return which process listens there, as far as the system tells us."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid:
                return f" by {psutil.Process(found.pid).name()} (process {found.pid})"
    return ""
