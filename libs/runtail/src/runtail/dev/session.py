"""One ``runtail dev``, from the first start to the last end."""

from __future__ import annotations

import dataclasses
import os
import signal
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runtail.auth.login_codes import FRAGMENT, keep_login_code, make_login_code
from runtail.auth.modes import modes_of
from runtail.dev import plan
from runtail.dev import store as stores
from runtail.dev.children import STORE, Children, Ended, Interrupted
from runtail.dev.terminal import Terminal
from runtail.errors import ConfigError, RuntailError, StoreUnavailable
from runtail.listening import reachable
from runtail.settings import Settings

START_SECONDS: Final = 60.0
STORE_SECONDS: Final = 10.0
#: How often to see whether the login link that is shown was used.
LINK_SECONDS: Final = 2.0
#: How soon to notice a signal or the end of a child.
TICK_SECONDS: Final = 0.1


class Session:
    """One session of ``runtail dev``; it can be used once.

    :param settings: from :func:`plan.read_settings`.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], terminal: Terminal) -> None:
        self._settings, self._environ, self._terminal = settings, environ, terminal
        self._folder = Path(tempfile.mkdtemp(prefix="runtail-dev-"))
        #: The code of the login link that is shown; empty without one.
        self._code = ""
        self.children = Children(uuid.uuid4().hex, self._folder, terminal)

    def start(self) -> None:
        """Start everything and return when it is ready.

        :raises RuntailError: if something does not start, or a signal came; the caller must still stop the children.
        """
        began = time.monotonic()
        where = self._find_store()
        temporary = self._folder / "tmp"
        temporary.mkdir()
        environment = plan.environment(self._settings, self._environ) | {
            "RUNTAIL_HEALTH_DIR": str(self._folder),
            # Celery's pool leaves folders if it is killed.
            "TMPDIR": str(temporary),
        }
        waiting = plan.parts(self._settings, self._folder)
        # The worker takes longest, so it is started first.
        for part in reversed(waiting):
            self.children.start(part, plan.environment_of(part, environment))

        def all_ready() -> bool:
            waiting[:] = [part for part in waiting if not part.ready()]
            return not waiting

        if not self.children.wait(START_SECONDS, all_ready):
            names = " and ".join(part.name for part in waiting)
            last_lines = self.children.last_lines(waiting[0].name)
            raise Ended(f"Not ready after {START_SECONDS:.0f} s: {names}.{last_lines}")
        self._welcome(where, time.monotonic() - began)

    def serve(self) -> None:
        """Show output until a part or a signal ends the session.

        :raises Ended: if a part ended by itself.
        :raises Interrupted: if a signal came.
        """
        while True:
            self.children.wait(LINK_SECONDS, lambda: False, TICK_SECONDS)
            if self._code and not self._keeps(self._code):
                self._terminal.block(f"For another browser:  {self._link()}")

    def _find_store(self) -> str:
        """Start a server unless the environment names one; return words for where runs are kept."""
        named = plan.use_named_store(self._settings, self._environ)
        if named is not None:
            self._settings = named
            check_answers(named)
            return f"in the store at {named.store_address.shown}"
        own = stores.prepare(stores.find_server(), self._folder)
        self._settings = dataclasses.replace(self._settings, broker_url=own.url, store_url=own.url)
        self.children.start_store(own.command, self._environ)
        if not self.children.wait(STORE_SECONDS, own.answers):
            last_lines = self.children.last_lines(STORE)
            raise Ended(f"{own.server.name} ({own.server.program}) does not answer.{last_lines}")
        return f"by {own.server.name}, in memory, until you stop it"

    def _welcome(self, where: str, seconds: float) -> None:
        with_link = "link" in modes_of(self._settings)
        address = self._link() if with_link else self._address()
        self._terminal.block(
            f"Runtail runs (ready after {seconds:.1f} s):  {address}",
            "",
            "Open that page, fill it with examples, or start a task such as demo.tail and watch it.",
            *(["The link lets one browser in; then another link is shown here."] if with_link else ()),
            f"Runs and logs are kept {where}.",
            "Ctrl-C stops everything.",
        )

    def _address(self) -> str:
        here = f"http://{reachable(self._settings.web_host)}:{self._settings.web_port}"
        return f"{here}{self._settings.base_path}"

    def _link(self) -> str:
        """Make a new login link."""
        from runtail.store import Store, connect

        with connect(self._settings) as client:
            self._code = make_login_code(Store(self._settings, client))
        return f"{self._address()}/#{FRAGMENT}{self._code}"

    def _keeps(self, code: str) -> bool:
        """Keep the link that is shown alive; return False if it was used."""
        from runtail.store import Store, connect

        try:
            with connect(self._settings) as client:
                return keep_login_code(Store(self._settings, client), code)
        except StoreUnavailable:
            return True  # asked again a moment later


def check_answers(settings: Settings) -> None:
    """Ask the store once.

    :raises ConfigError: if it does not answer.
    """
    from runtail.store import Store, connect

    with connect(settings, socket_timeout_seconds=3.0) as client:
        if not Store(settings, client).ping():
            raise ConfigError(
                f"The store at {settings.store_address.shown} does not answer. Start it, or unset "
                "RUNTAIL_STORE_URL and RUNTAIL_BROKER_URL: then runtail dev brings its own."
            )


def run(environ: Mapping[str, str] = os.environ, *, link: bool = False) -> int:
    """Run until told to stop; return the exit status: 0, or 1 if something failed.

    :param link: let in only browsers that open a link.
    """
    terminal = Terminal(environ)
    try:
        settings = plan.read_settings({**environ, "RUNTAIL_AUTH_MODE": "link"} if link else environ)
        plan.check_ports(settings)
        session = Session(settings, environ, terminal)
    except (RuntailError, OSError) as error:
        terminal.error(str(error))
        return 1
    signal.signal(signal.SIGINT, session.children.on_signal)
    signal.signal(signal.SIGTERM, session.children.on_signal)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, session.children.on_signal)
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
        session.children.stop()
    return status
