"""One ``runtail dev``, from the first start to the last end.

One thread and one loop. Everything started here carries a cookie of its own in
its environment, by which :mod:`runtail.dev.watchdog` finds it whatever becomes
of us.
"""

from __future__ import annotations

import dataclasses
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runtail.capture import orphans
from runtail.dev import plan, watchdog
from runtail.dev import store as stores
from runtail.dev.plan import Part
from runtail.dev.processes import Child
from runtail.dev.terminal import Terminal
from runtail.errors import ConfigError, RuntailError
from runtail.settings import Settings

if TYPE_CHECKING:
    import psutil

START_SECONDS: Final = 60.0
STORE_SECONDS: Final = 10.0
#: After the worker's end, what keeper and shipper may take to store the last output.
SHIPPER_SECONDS: Final = 5.0
#: What is told to hurry has so long.
HURRY_SECONDS: Final = 3.0
#: How soon the end of a child or a signal is noticed.
TICK_SECONDS: Final = 0.1
#: While something starts or ends, states are looked at this often.
POLL_SECONDS: Final = 0.02


class Ended(RuntailError):
    """A part ended by itself, or never got ready."""


class Interrupted(RuntailError):
    """Somebody asked us to end."""


class Session:
    """What runs now.

    :param settings: from :func:`plan.read_settings`.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], terminal: Terminal) -> None:
        self._settings, self._environ, self._terminal = settings, environ, terminal
        self._cookie = uuid.uuid4().hex
        self._folder = Path(tempfile.mkdtemp(prefix="runtail-dev-"))
        # What outlives its parent becomes our child, where we find it.
        orphans.become_subreaper()
        self._selector = selectors.DefaultSelector()
        self._children: list[tuple[Child, Part | None]] = []
        self._signals = 0
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, self._cookie, str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Ask for the end; asked twice, for the quick one."""
        self._signals += 1

    def start(self) -> None:
        """Start everything and return when it is ready.

        :raises RuntailError: if something does not start, or a signal came; call :meth:`stop` then, too.
        """
        began = time.monotonic()
        where = self._find_store()
        temporary = self._folder / "tmp"
        temporary.mkdir()
        environment = plan.environment(self._settings, self._environ) | {
            "RUNTAIL_HEALTH_DIR": str(self._folder),
            # Celery's pool leaves folders behind when it is killed.
            "TMPDIR": str(temporary),
        }
        # The worker takes longest and is started first.
        parts = plan.parts(self._settings, self._folder)
        for part in reversed(parts):
            self._spawn(part.name, part.command, environment, part)
        waiting = list(parts)

        def all_ready() -> bool:
            waiting[:] = [part for part in waiting if not part.ready()]
            return not waiting

        if not self._pump(START_SECONDS, all_ready):
            names = " and ".join(part.name for part in waiting)
            raise Ended(f"Not ready after {START_SECONDS:.0f} s: {names}.{self._last_lines(waiting[0].name)}")
        self._welcome(where, time.monotonic() - began)

    def serve(self) -> None:
        """Show output until a signal comes.

        :raises Ended: if a part ended by itself.
        :raises Interrupted: when a signal came.
        """
        while True:
            self._pump(3600.0, lambda: False)

    def stop(self) -> None:
        """End everything; nothing is left afterwards. Never raises."""
        self._signals = 0
        for child, part in self._children:
            if part is not None:
                child.signal(part.stop)
        self._end_services(time.monotonic())
        self._end_others()
        # Last, because keeper and shipper store the last output.
        for child, part in self._children:
            if part is None:
                child.signal(signal.SIGTERM)
        # The rest is the watchdog's, so that this path is walked every time.
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        self._look(30.0, lambda: self._watchdog.poll() is not None)
        for child, _part in self._children:
            child.close()
        self._selector.close()

    def _end_services(self, began: float) -> None:
        hurried: set[str] = set()

        def all_ended() -> bool:
            waited = time.monotonic() - began
            for child, part in self._children:
                if part is None or child.ended:
                    continue
                if part.hurry and part.name not in hurried and waited > part.grace_seconds:
                    hurried.add(part.name)
                    child.signal(part.hurry)
                limit = part.grace_seconds + (HURRY_SECONDS if part.hurry else 0.0)
                if self._signals or waited > limit:
                    child.kill()
            return all(child.ended for child, part in self._children if part is not None)

        self._look(60.0, all_ended)

    def _end_others(self) -> None:
        """End what is left below us: keeper and shipper, and what tasks started."""
        # Keeper and shipper ignore TERM and end when the last output is stored.
        watchdog.send(signal.SIGTERM, self._others())
        if not self._look(SHIPPER_SECONDS, lambda: bool(self._signals) or not self._others()) or self._signals:
            watchdog.send(signal.SIGKILL, self._others())
            self._look(HURRY_SECONDS, lambda: not self._others())

    def _others(self) -> list[int]:
        """Return what came from us, whatever it became, but store and watchdog."""
        import psutil

        orphans.reap()
        below = psutil.Process().children(recursive=True)
        found = {process.pid for process in below if _is_alive(process)} | set(watchdog.carriers(self._cookie))
        known = {child.pid for child, part in self._children if part is None} | {self._watchdog.pid}
        return sorted(found - known)

    def _find_store(self) -> str:
        """Start a server unless one is named; return what to call it."""
        named = plan.use_named_store(self._settings, self._environ)
        if named is not None:
            self._settings = named
            _check_answers(named)
            return f"in the store at {without_password(named.store_url)}"
        own = stores.prepare(stores.find_server(), self._folder)
        self._settings = dataclasses.replace(self._settings, broker_url=own.url, store_url=own.url)
        self._spawn("store", own.command, dict(self._environ), None)
        if not self._pump(STORE_SECONDS, own.answers):
            raise Ended(f"{own.server.name} ({own.server.program}) does not answer.{self._last_lines('store')}")
        return f"by {own.server.name}, in memory, until you stop it"

    def _spawn(self, name: str, command: tuple[str, ...], environment: Mapping[str, str], part: Part | None) -> None:
        try:
            child = Child(name, command, {**environment, watchdog.VARIABLE: self._cookie})
        except OSError as error:
            raise Ended(f"The {name} could not be started: {error}") from error
        self._children.append((child, part))
        self._selector.register(child.fd or 0, selectors.EVENT_READ, child)

    def _pump(self, seconds: float, condition: Callable[[], bool]) -> bool:
        """Show output until *condition* holds (True) or the time is over (False).

        :raises Ended: a child ended.
        :raises Interrupted: a signal came.
        """

        def checked() -> bool:
            if self._signals or self._terminal.gone:
                raise Interrupted
            orphans.reap()
            for child, _part in self._children:
                if child.ended:
                    raise Ended(f"The {child.name} {child.end()}, so everything stops.{self._last_lines(child.name)}")
            return condition()

        return self._look(seconds, checked, TICK_SECONDS if seconds > START_SECONDS else POLL_SECONDS)

    def _look(self, seconds: float, condition: Callable[[], bool], interval: float = POLL_SECONDS) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                return False
            self._show(interval)
        return True

    def _show(self, timeout_seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_seconds)
            return
        for key, _events in self._selector.select(timeout_seconds):
            child: Child = key.data
            lines = child.lines()
            if child.fd is None:
                self._selector.unregister(key.fd)
            # A server's own words matter only when it does not start or ends.
            if child.name != "store":
                self._terminal.lines(child.name, lines)

    def _last_lines(self, name: str) -> str:
        child = next(child for child, _part in self._children if child.name == name)
        # What it wrote just before its end may not have been read yet.
        while child.fd is not None and (lines := child.lines()):
            if name != "store":
                self._terminal.lines(name, lines)
        if not child.tail:
            return " It wrote nothing."
        return " It wrote last:\n" + "\n".join(f"    {line}" for line in child.tail)

    def _welcome(self, where: str, seconds: float) -> None:
        address = f"http://{plan.reachable(self._settings.web_host)}:{self._settings.web_port}"
        self._terminal.block(
            f"Runtail runs (ready after {seconds:.1f} s):  {address}",
            "",
            "Open that page, start a task such as demo.tail, and watch it.",
            f"Runs and logs are kept {where}.",
            "Ctrl-C stops everything.",
        )


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def without_password(url: str) -> str:
    """Return a URL that may be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _check_answers(settings: Settings) -> None:
    from runtail.store import Store, connect

    with connect(settings, socket_timeout_seconds=3.0) as client:
        if not Store(settings, client).ping():
            raise ConfigError(
                f"The store at {without_password(settings.store_url)} does not answer. Start it, or unset "
                "RUNTAIL_STORE_URL and RUNTAIL_BROKER_URL: then runtail dev brings its own."
            )


def run(environ: Mapping[str, str] = os.environ) -> int:
    """Run until told to stop; return the exit status: 0, or 1 if something failed."""
    terminal = Terminal(environ)
    try:
        settings = plan.read_settings(environ)
        plan.check_ports(settings)
        session = Session(settings, environ, terminal)
    except (RuntailError, OSError) as error:
        terminal.error(str(error))
        return 1
    signal.signal(signal.SIGINT, session.on_signal)
    signal.signal(signal.SIGTERM, session.on_signal)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, session.on_signal)
    status = 0
    try:
        session.start()
        session.serve()
    except Interrupted:
        terminal.block("Stopping. Ctrl-C again stops at once.")
    except (RuntailError, OSError) as error:
        terminal.error(str(error))
        status = 1
    finally:
        session.stop()
    return status
