"""``runtail.install(app)``: record the output of a Celery app's tasks.

It does not change any setting of the app. Outside a worker process (in a web app,
beat or a shell) it only connects a few signals. In a worker it uses these hooks:

    worker_init          checks the pool, starts the keeper
    worker bootstep      says in the worker's log what is recorded and where
    worker_process_init  wraps the tasks in every pool child
    consumer bootstep    wraps them under ``solo``, watches the keeper
    task_failure         reports why a task's process is gone
    task_revoked         reports that Celery discarded a run's message, or signalled its process
    worker_shutdown      waits until the last output is stored
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runtail.contained import contained, log
from runtail.pools import is_prefork, is_solo, reason_to_refuse

if TYPE_CHECKING:
    from celery import Celery

    from runtail.health import Health
    from runtail.settings import Settings
    from runtail.worker.celery_main.gate import Gate
    from runtail.worker.celery_main.supervisor import Supervisor

_INSTALLED = "_runtail_installation"
#: Formats of messages whose reading can execute code, by the names that Celery takes.
_EXECUTABLE = {"pickle", "yaml", "application/x-python-serialize", "application/x-yaml"}


def install(app: Celery, settings: Settings | None = None) -> None:
    """Record the output of *app*'s tasks. Safe to call twice.

    :param settings: if not given, read from the environment when a worker starts; runs are then kept on the app's own
        broker, unless ``RUNTAIL_BROKER_URL`` or ``RUNTAIL_STORE_URL`` says otherwise.
    :raises Unsupported: if Celery or redis-py is too old.
    """
    if getattr(app, _INSTALLED, None) is None:
        from runtail.worker import celery_versions

        celery_versions.check()
        setattr(app, _INSTALLED, Installation(app, settings))


class Installation:
    """Runtail in one app."""

    def __init__(self, app: Any, settings: Settings | None) -> None:
        from celery import signals

        self.app = app
        self.settings = settings
        self.supervisor: Supervisor | None = None
        self.worker: Any = None
        self._tracer: Any = None
        #: The keys of sealed arguments, once a worker has started.
        self._seals: Any = None
        #: Under solo, SIGQUIT interrupts the current task.
        self._interrupts = False
        self._health: Health | None = None
        self._gate: Gate | None = None
        #: Messages that cannot be logged yet: Celery sets up logging after ``worker_init``.
        self._notes: list[tuple[int, str, Any]] = []
        # The app holds this object; the signals do not, because Celery keeps only a weak reference to a bound method.
        signals.worker_init.connect(self._on_worker_init)
        signals.worker_process_init.connect(self._on_child_init)
        signals.task_failure.connect(self._on_task_failure)
        signals.task_revoked.connect(self._on_task_revoked)
        signals.worker_shutting_down.connect(self._on_shutting_down)
        signals.worker_shutdown.connect(self._on_shutdown)
        app.steps["worker"].add(_worker_step(self))
        app.steps["consumer"].add(_consumer_step(self))

    # Signals and steps. Celery swallows an Exception raised by a signal handler; one raised by a step ends the worker.

    def _on_worker_init(self, sender: Any, **_: Any) -> None:
        if sender.app is not self.app or self.supervisor is not None:
            return
        from runtail.errors import ConfigError

        try:
            self._prepare(sender)
        except ConfigError as error:
            # SystemExit is not an Exception, so it ends the worker, with this sentence.
            raise SystemExit(f"Runtail: {error}") from None
        except Exception as error:  # noqa: BLE001 - every error is logged
            self._note(logging.ERROR, "Runtail: tasks run without being recorded", error)

    def _prepare(self, worker: Any) -> None:
        """Start everything that can start before the pool exists.

        :raises ConfigError: if the worker must not start.
        """
        from runtail.errors import ConfigError
        from runtail.sealing import seals_of

        settings = self.settings or self._load_settings()
        self._seals = seals_of(settings)
        self._guard_messages(worker, settings)
        if settings.health_dir:
            self._prepare_health(settings.health_dir)
        if not settings.capture:
            return
        refusal = reason_to_refuse(worker)
        if refusal:
            raise ConfigError(refusal)
        if sys.platform != "linux":
            self._note(logging.WARNING, "Runtail captures output on Linux only; tasks run without being recorded")
            return
        try:
            place = _check_store(settings)
        except ConfigError as error:
            if settings.store_url:
                raise
            self._note(logging.WARNING, f"Runtail: nothing is recorded: {error}")
            return
        from runtail.worker.celery_main.supervisor import Supervisor
        from runtail.worker.task.celery_log import HiddenArguments

        HiddenArguments(self.app.tasks).install()
        try:
            self.supervisor = Supervisor(worker.hostname, settings)
        except OSError as error:
            why = f"Runtail: tasks run without being recorded: the keeper could not be started: {error}"
            self._note(logging.ERROR, why)
            return
        self._note(logging.INFO, f"Runtail records the output of tasks in {place}{settings.in_words()}")
        self.worker = worker
        if is_prefork(worker.pool_cls):
            _import_for_children()
            self.supervisor.cancels = True
            self.supervisor.pool_pids = self._pool_pids
            from runtail.worker.celery_main.celery_state import executes, is_revoked

            self.supervisor.running, self.supervisor.revoked_in_celery = executes, is_revoked
        # A cold shutdown does not send worker_shutdown.
        atexit.register(_call, weakref.WeakMethod(self._on_shutdown))

    def _load_settings(self) -> Settings:
        from runtail.appstore import settings_of_app
        from runtail.settings import load_settings

        return load_settings(os.environ, **settings_of_app(self.app, os.environ))

    def _guard_messages(self, worker: Any, settings: Settings) -> None:
        from runtail.errors import ConfigError
        from runtail.worker.celery_main.gate import Gate

        if settings.messages == "signed" and not settings.message_keys:
            raise ConfigError("RUNTAIL_MESSAGES=signed needs RUNTAIL_MESSAGE_KEYS, to check the signatures")
        self._gate = Gate(settings, worker.hostname, self._tell_rejected)
        if settings.message_keys:
            from runtail.signing import sign

            # What its tasks send, retries included.
            sign(self.app, settings)
        unsafe = sorted(_EXECUTABLE & set(self.app.conf.accept_content or ()))
        if unsafe:
            self._note(
                logging.WARNING,
                f"Runtail: this app's accept_content has {', '.join(unsafe)}: who can write to the broker can execute "
                "any code here. Celery's default is ['json']",
            )

    def _tell_rejected(self, *report: Any) -> None:
        if self.supervisor is not None:
            self.supervisor.tell_rejected(*report)

    def _prepare_health(self, directory: str) -> None:
        from pathlib import Path

        from runtail.health import Health

        try:
            self._health = Health(Path(directory))
        except OSError as error:
            self._note(logging.ERROR, f"Runtail: the health files cannot be written: {error}")

    def _note(self, level: int, sentence: str, error: BaseException | None = None) -> None:
        self._notes.append((level, sentence, error))

    def on_pool_started(self) -> None:
        """Start everything that needs a forked pool and working logs."""
        notes, self._notes = self._notes, []
        for level, sentence, error in notes:
            log.log(level, "%s", sentence, exc_info=error)
        if self._health is not None:
            with contained("the health files are not right"):
                self._health.start()

    def on_connected(self, consumer: Any) -> None:
        """Note that the worker consumes messages, for the first time or again."""
        if self._health is not None:
            with contained("the health files are not right"):
                self._health.connected(consumer)
        if self._gate is not None:
            if self._gate.guards:
                # What fails here ends the worker: it must not execute what nobody has checked.
                self._gate.attach(consumer)
            else:
                with contained("refused messages are not counted"):
                    self._gate.attach(consumer)
        supervisor = self.supervisor
        if supervisor is None:
            if not is_prefork(type(consumer.pool)):
                self._open_sealed()
            return
        if not is_prefork(type(consumer.pool)):
            with contained("tasks run without being recorded"):
                # Celery has just rebuilt the traces of this process.
                self.wrap(reaps=False)
            if is_solo(consumer.pool) and not self._interrupts:
                self._interrupts = True
                with contained("SIGQUIT does not interrupt the task in hand"):
                    from runtail.worker.celery_main.solo import interrupt_task_on_quit

                    interrupt_task_on_quit(self._in_task, supervisor.draining)
        with contained("nobody watches the keeper"):
            supervisor.start_thread()
        with contained("this worker's tasks are not published, and cannot be started from the page"):
            from runtail import catalogue

            supervisor.publish(
                catalogue.document(self.app, consumer, supervisor.settings, started_ms=supervisor.started_ms)
            )

    def on_disconnected(self) -> None:
        """Note that the worker has stopped consuming messages for now."""
        if self._health is not None:
            with contained("the health files are not right"):
                self._health.disconnected()

    def _on_child_init(self, **_: Any) -> None:
        supervisor = self.supervisor
        if supervisor is None:
            self._open_sealed()
            return
        if os.getpid() == supervisor.pid:
            return
        from runtail.worker import subreaper

        with contained("tasks of this process run without being recorded"):
            supervisor.forget_in_child()
            subreaper.offer_to_oom_killer()
            self.wrap(reaps=subreaper.become_subreaper())

    def _on_task_failure(self, task_id: str | None = None, exception: BaseException | None = None, **_: Any) -> None:
        supervisor = self.supervisor
        if supervisor is None or os.getpid() != supervisor.pid:
            return
        from billiard.exceptions import TimeLimitExceeded, WorkerLostError

        from runtail.worker.celery_main.celery_state import pid_of, read_status

        if isinstance(exception, TimeLimitExceeded):
            why = f"time limit of {exception.args[0]} s exceeded" if exception.args else "time limit exceeded"
            supervisor.died(pid_of(task_id), task_id, why, signum=None, exit_status=None)
        elif isinstance(exception, WorkerLostError):
            status = read_status(str(exception))
            supervisor.died(pid_of(task_id), task_id, status.why, signum=status.signal, exit_status=status.exit_status)

    def _on_task_revoked(
        self, request: Any = None, terminated: bool = False, signum: Any = None, expired: bool = False, **_: Any
    ) -> None:
        supervisor = self.supervisor
        if supervisor is not None and os.getpid() == supervisor.pid and request is not None:
            number = signum if isinstance(signum, int) else None
            supervisor.tell_revoked(request.id, terminated=bool(terminated), expired=bool(expired), signum=number)

    def _on_shutting_down(self, **_: Any) -> None:
        if self.supervisor is not None and os.getpid() == self.supervisor.pid:
            self.supervisor.draining()

    def _on_shutdown(self, **_: Any) -> None:
        if self._health is not None:
            self._health.stop()
        supervisor = self.supervisor
        if supervisor is None or os.getpid() != supervisor.pid:
            return
        self.supervisor = None
        supervisor.close()

    # For the worker's processes.

    def wrap(self, *, reaps: bool) -> None:
        """Wrap the tasks of this process (again, after Celery rebuilt them)."""
        supervisor = self.supervisor
        if supervisor is None:
            return
        settings = supervisor.settings
        if self._tracer is None:
            from runtail.selection import Selection
            from runtail.worker.task import celery_log
            from runtail.worker.task.environment import SecretEnvironment
            from runtail.worker.task.streams import Streams
            from runtail.worker.task.trace import Tracer

            streams = Streams()
            celery_log.split(streams.own)
            streams.adopt_handlers()
            self._tracer = Tracer(
                self.app,
                supervisor.send,
                streams,
                hostname=supervisor.hostname,
                split=settings.split,
                results=settings.results,
                patience_seconds=settings.claim_patience_seconds,
                selection=Selection(settings.tasks),
                reaps=reaps,
                environment=SecretEnvironment(
                    settings.mask_env, self.app, [*settings.seal_keys.split(","), *settings.message_keys.split(",")]
                ),
                seals=self._seals,
            )
        self._tracer.wrap_tasks()

    def _open_sealed(self) -> None:
        """Open sealed arguments in a worker that records nothing: its tasks would get tokens in their place."""
        if self._seals is not None and self._seals.names:
            from runtail.worker.task.call import open_sealed

            with contained("sealed arguments are not opened"):
                open_sealed(self.app, self._seals)

    def _in_task(self) -> bool:
        return self._tracer is not None and self._tracer.in_task

    def _pool_pids(self) -> set[int]:
        pool = getattr(getattr(self.worker, "pool", None), "_pool", None)
        return {process.pid for process in list(getattr(pool, "_pool", ())) if process.pid}


def _import_for_children() -> None:
    """Import once what each pool process needs: with ``--max-tasks-per-child=1`` each task gets a new process."""
    from runtail.worker import subreaper  # noqa: F401
    from runtail.worker.task import celery_log, environment, streams, trace  # noqa: F401


def _call(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    found = method()
    if found is not None:
        found()


def _check_store(settings: Settings) -> str:
    """Return the store's address in a form that may be shown.

    :raises ConfigError: if the address cannot be used.
    """
    from runtail.store import connect

    connect(settings).close()
    return f"{settings.store_address.shown} under {settings.key_prefix}*"


def _worker_step(installation: Installation) -> type:
    from celery import bootsteps

    class RuntailWorkerStep(bootsteps.StartStopStep):
        """Starts after the pool has forked; the broker may be unreachable."""

        requires = ("celery.worker.components:Pool",)

        def start(self, worker: Any) -> None:  # noqa: ARG002
            installation.on_pool_started()

    return RuntailWorkerStep


def _consumer_step(installation: Installation) -> type:
    from celery import bootsteps

    class RuntailStep(bootsteps.StartStopStep):
        """Starts when the worker is connected, and again after every reconnect."""

        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            installation.on_connected(consumer)

        def stop(self, consumer: Any) -> None:  # noqa: ARG002
            installation.on_disconnected()

    return RuntailStep
