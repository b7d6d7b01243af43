"""The relay, wired together. Nothing here decides anything."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import flask
import orjson
from flask_socketio import SocketIO

from runtail import __version__
from runtail.admin import admin_app
from runtail.auth.audit import Audit
from runtail.auth.authenticator import Identify, make_authenticator
from runtail.auth.measures import expose_login
from runtail.auth.policy_file import PolicyFile
from runtail.errors import StoreForbids, StoreUnavailable
from runtail.forwarded import Forwarded
from runtail.guard import Guard
from runtail.listening import listen, shown
from runtail.settings import Settings
from runtail.store import Store
from runtail_socket import runtime
from runtail_socket.admission import PATH, Admission
from runtail_socket.clients.catch_up import CatchUp
from runtail_socket.clients.namespace import OtherNamespaces, TailNamespace
from runtail_socket.clients.recheck import Recheck
from runtail_socket.clients.states import States
from runtail_socket.clients.ticket import Tickets
from runtail_socket.clients.viewer import Viewer
from runtail_socket.drain import Drain
from runtail_socket.measures import Measures
from runtail_socket.reading.listener import NONCE_SECONDS, Listener
from runtail_socket.reading.reader import Reader
from runtail_socket.reading.store_health import StoreHealth
from runtail_socket.transport.incoming import MAX_MESSAGE_BYTES
from runtail_socket.transport.link import Links
from runtail_socket.watchdog import supervise

log = logging.getLogger(__name__)

#: Engine.IO's usual values: a dead client is noticed within 45 s, and proxies
#: that close idle connections after 60 s see traffic.
PING_INTERVAL_SECONDS = 25
PING_TIMEOUT_SECONDS = 20

#: Connections that the kernel holds for us while we are busy: a relay that takes
#: over the viewers of another gets them all within a second or two.
BACKLOG = 4096

#: Connections that may exist above the cap, so that a refused client can be told why.
SPARE_CONNECTIONS = 1000

#: Time between checks of all connections. Every fault they look for takes at least 10 s to arise.
CONNECTIONS_SWEEP_SECONDS = 2.0

#: A reader that has not begun a round for this long is stuck: not even the sweep,
#: which runs every half second, wakes it.
STUCK_SECONDS = 60.0

#: Connections to the admin port at once.
ADMIN_CONNECTIONS = 64


class Json:
    """orjson in the form of a JSON module for Socket.IO: it returns text and ignores options."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        """Return a value as JSON."""
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str | bytes) -> Any:
        """Return the value of a JSON text."""
        return orjson.loads(text)


class _OneLine(logging.Filter):
    """Malformed packets are the client's mistake: one line a second at most, without a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if time.monotonic() < self._quiet_until:
            return False
        self._quiet_until = time.monotonic() + 1.0
        if record.exc_info:
            record.msg = f"{record.msg}: {record.exc_info[1]!r:.200}"
            record.exc_info = None
        return True


def _engine_log() -> logging.Logger:
    logger = logging.getLogger("runtail.socket.engineio")
    logger.setLevel(logging.ERROR)
    logger.addFilter(_OneLine())
    return logger


class Service:
    """One relay.

    :param settings: the settings in force.
    :param identify: returns the sender of a request; by default there is no login.
    """

    def __init__(self, settings: Settings, identify: Identify | None = None) -> None:
        self._settings = settings
        self._store = Store(settings)
        policy = PolicyFile(settings)
        authenticator = make_authenticator(self._store, policy, touch=False)
        self._measures = Measures()
        expose_login(self._measures.metrics, settings, policy, {**policy.files, **authenticator.files})
        # On standard output only: a relay writes nothing to the store.
        self._audit = Audit(None)
        self._guard = Guard(self._store)
        self._links = Links(
            direct=settings.direct_send,
            silence_seconds=PING_INTERVAL_SECONDS + PING_TIMEOUT_SECONDS,
        )
        self._catch_up = CatchUp(self._store, nudge=self._mark, on_sent=self._measures.sent_catching_up)
        self._states = States(self._store, self._viewers)
        self._store_health = StoreHealth(self._states.tell_store_health)
        self._listener = Listener(
            self._store,
            on_runs=self._notified,
            on_list=self._states.mark,
            on_login_change=self._rechecked,
            on_connected=self._mark_all,
            delay=self._delay,
            batches=self._batches,
        )
        self._reader = Reader(
            self._store,
            self._listener,
            catch_up=self._catch_up.start,
            on_state=self._states.mark,
            on_sent=self._measures.sent_live,
        )
        self._namespace = TailNamespace(
            self._store,
            self._links,
            self._reader,
            self._catch_up,
            store_away=lambda: self._store_health.said,
            on_painted=self._measures.painted,
            admit=Tickets(self._store, authenticator, self._links, self._audit).admit,
            audit=self._audit,
            recheck=self._rechecked,
        )
        self._recheck = Recheck(authenticator, self._viewers, settings.auth_recheck_seconds)
        self._admission = Admission(
            self._application(),
            settings,
            self._links,
            self._measures.refused,
            identify or authenticator.identify,
            self._audit,
        )
        self._measures.watch(
            self._links,
            self._admission,
            self._namespace,
            self._reader,
            self._listener,
            self._catch_up,
            self._guard,
            self._audit,
        )
        self._drain = Drain(self._admission, self._links, settings.drain_seconds)
        self._was_ready = False
        self._never = threading.Event()

    def _application(self) -> Any:
        app = flask.Flask("runtail_socket", static_folder=None)
        engine_log = _engine_log()
        socket_io = SocketIO(
            app,
            path=(self._settings.base_path + PATH).strip("/"),
            async_mode=self._settings.socket_async_mode,
            # No sticky sessions: a websocket is one connection to one relay.
            transports=["websocket"],
            # Events run one by one in the client's own greenlet: subscribe and
            # unsubscribe keep their order, and a flood waits in the socket.
            async_handlers=False,
            always_connect=False,
            # Otherwise a client that asks for another namespace gets an answer that it cannot read.
            namespaces="*",
            manage_session=False,
            max_http_buffer_size=MAX_MESSAGE_BYTES,
            # Admission has checked.
            cors_allowed_origins=[],
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            # Admission's sweep finds unanswered pings; Engine.IO would wake up for each client.
            monitor_clients=False,
            json=Json,
            logger=engine_log,
            engineio_logger=engine_log,
        )
        socket_io.on_namespace(self._namespace)
        socket_io.on_namespace(OtherNamespaces())
        self._links.attach(socket_io.server)
        return app

    def run(self) -> None:
        """Serve until told to stop.

        :raises OSError: if a port is taken.
        """
        settings = self._settings
        self._drain.install()
        listener = listen(settings.socket_host, settings.socket_port, BACKLOG)
        admin = listen(settings.admin_host, settings.socket_admin_port, BACKLOG)
        # Probes have their own listening socket and pool, so they are answered
        # however many viewers there are.
        admin_port = admin_app(
            self._stuck, self._not_ready, self._measures.metrics.registry, allowed_hosts=settings.allowed_hosts
        )
        runtime.serve(admin, admin_port, ADMIN_CONNECTIONS)
        for loop in (
            self._listener.run,
            self._reader.run,
            self._states.run,
            self._states.run_lists,
            self._store_health.run,
            self._recheck.run,
            self._sweep_runs,
            self._sweep_connections,
            self._watch_memory,
            self._measures.watch_loop,
        ):
            runtime.spawn(supervise, loop)
        door = Forwarded(self._admission, settings.proxy_hops)
        runtime.serve(listener, door, settings.max_connections + SPARE_CONNECTIONS)
        self._audit.record("service-start", principal=None, why=f"relay {__version__}")
        log.info("relay ready on %s, on %s", shown(settings.socket_host, settings.socket_port), runtime.mode)
        self._drain.wait()
        self._audit.stop()

    def _notified(self, run_ids: set[str]) -> None:
        self._reader.notified(run_ids)

    def _rechecked(self) -> None:
        self._recheck.wake()

    def _mark(self, run_id: str) -> None:
        self._reader.mark(run_id)

    def _mark_all(self) -> None:
        self._reader.mark_all()

    def _delay(self) -> float:
        return self._reader.coalescer.delay_seconds

    def _batches(self) -> bool:
        return self._reader.coalescer.batches

    def _viewers(self) -> list[Viewer]:
        return list(self._namespace.viewers.values())

    def _sweep_runs(self) -> None:
        nonce_at = 0.0
        forbidden = ""
        while True:
            try:
                self._reader.sweep()
                if self._store_health.suspected or time.monotonic() - nonce_at >= NONCE_SECONDS:
                    nonce_at = time.monotonic()
                    with self._store_health.asking():
                        self._listener.notify_nonce()
                    self._listener.watchdog.store_answered()
                    self._reader.watchdog.store_answered()
            except StoreForbids as error:
                # It stays so until somebody changes the list: said once.
                if str(error) != forbidden:
                    log.error("%s", error)
                forbidden = str(error)
            except StoreUnavailable:
                # The context manager around the question tells viewers.
                pass
            time.sleep(self._settings.sweep_seconds / 2)

    def _sweep_connections(self) -> None:
        while True:
            self._admission.sweep()
            self._audit.tick()
            time.sleep(CONNECTIONS_SWEEP_SECONDS)

    def _watch_memory(self) -> None:
        self._guard.run(self._never)

    def _stuck(self) -> str | None:
        still = time.monotonic() - self._reader.turned_at
        limit = STUCK_SECONDS + self._settings.sweep_seconds
        if still > limit:
            return f"The reader is stalled: no round for {still:.0f} s."
        return self._reader.watchdog.problem or self._listener.watchdog.problem

    def _not_ready(self) -> str | None:
        if self._admission.draining:
            return "about to stop"
        # Once the store has answered, it may go away and come back, or begin to evict keys: viewers stay, because no
        # other relay would serve them better.
        self._was_ready = self._was_ready or self._reader.store_answers
        return None if self._was_ready else "the store has not answered yet"
