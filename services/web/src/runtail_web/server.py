"""gunicorn around the application: one process, threads, a clean end."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication

from runtail import __version__
from runtail.admin import AdminServer
from runtail.auth.audit import Audit
from runtail.guard import Guard, GuardThread
from runtail.listening import resolve, shown
from runtail.settings import Settings
from runtail.store import Store, connect
from runtail_web import store_watch
from runtail_web.access_log import GUNICORNS_LEVELS, ServiceLog
from runtail_web.app import create_app
from runtail_web.limits import Limits
from runtail_web.login.oidc.refresh import Refresh
from runtail_web.login.user_sync import UserSync
from runtail_web.login.wiring import Login
from runtail_web.measures import Measures
from runtail_web.publisher import TaskPublisher, make_producer
from runtail_web.queue_watch import QueueWatch
from runtail_web.reaper import ReaperThread, broker_queues
from runtail_web.store_watch import StoreWatch
from runtail_web.worker import Load, with_headers, worker_class

log = logging.getLogger(__name__)

#: A request waits this long for the store before it is answered 503.
STORE_TIMEOUT_SECONDS = 3.0
#: How long requests under way may take once the service is told to end.
GRACE_SECONDS = 10
#: gunicorn's sign of life is a file that the worker touches; if its disk stalled, gunicorn would kill the worker.
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - gunicorn makes an unlinked file there


class WebServer(BaseApplication):
    """One gunicorn worker with threads.

    Everything with threads or connections is created in the worker, after the
    fork: neither survives a fork.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._load = Load(settings.web_threads)
        self._parts: list[ReaperThread | GuardThread | StoreWatch | AdminServer | UserSync | Refresh | Audit] = []
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn up; called by its base class."""
        settings = self._settings
        values = {
            "bind": [shown(resolve(settings.web_host, settings.web_port)[1], settings.web_port)],
            "workers": 1,
            "worker_class": worker_class(settings, self._load),
            "threads": settings.web_threads,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            # Clients must not set our path (SCRIPT_NAME) or claim that a request came over TLS (X-Forwarded-Proto).
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            # Our worker drops names with "_", after it has seen them.
            "header_map": "dangerous",
            # sendfile would wait for the client itself, in the kernel.
            "sendfile": False,
            "proc_name": "runtail-web",
            "logger_class": ServiceLog,
            "loglevel": GUNICORNS_LEVELS[settings.log_level],
            "post_worker_init": self._begin,
            "worker_exit": self._end,
        }
        if os.access(MEMORY_FOLDER, os.W_OK):
            values["worker_tmp_dir"] = str(MEMORY_FOLDER)
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the WSGI application; called in the worker."""
        store = Store(self._settings, connect(self._settings, socket_timeout_seconds=STORE_TIMEOUT_SECONDS))
        publish = TaskPublisher(store, make_producer(self._settings))
        reaper = ReaperThread(store, publish)
        guard = Guard(store)
        watch = self._store_watch()
        limits = Limits(self._settings)
        self._audit = audit = Audit(store)
        measures = Measures(store, reaper, guard, self._load, watch, limits, audit)
        login = Login(store)
        login.measure(measures.metrics)
        self._parts = [reaper, GuardThread(guard), watch, measures.admin_server(), audit, *login.parts(audit)]
        app = create_app(
            self._settings, store, publish, self._stop,
            watch=measures.watch, limits=limits, login=login, audit=audit,
        )  # fmt: skip
        measures.expose_routes(app)
        return with_headers(app)

    def _store_watch(self) -> StoreWatch:
        settings, seconds = self._settings, store_watch.TIMEOUT_SECONDS
        store = Store(settings, connect(settings, socket_timeout_seconds=seconds))
        return StoreWatch(store, QueueWatch(store, broker_queues(settings, socket_timeout_seconds=seconds)))

    def _begin(self, _worker: Any) -> None:
        """Run in the worker when it is ready to serve."""
        self._end_streams_on(signal.SIGTERM)
        self._end_streams_on(signal.SIGINT)
        self._end_streams_on(signal.SIGQUIT)
        for part in self._parts:
            part.start()
        self._audit.record("service-start", principal=None, why=f"web {__version__}")
        log.info("web ready on %s", shown(self._settings.web_host, self._settings.web_port))

    def _end_streams_on(self, number: signal.Signals) -> None:
        """End streams on a signal, before gunicorn handles it: gunicorn waits for their threads."""
        before = signal.getsignal(number)

        def handle(signum: int, frame: FrameType | None) -> None:
            self._stop.set()
            if callable(before):
                before(signum, frame)

        signal.signal(number, handle)

    def _end(self, _arbiter: Any, _worker: Any) -> None:
        """Run in the worker when it ends."""
        self._stop.set()
        for part in self._parts:
            part.stop()
