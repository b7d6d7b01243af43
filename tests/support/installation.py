"""One installation on one store: workers, relay and web as processes, to be killed or stopped one by one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx
from celery import Celery

from runtail.runs.record import Run, read_run
from runtail.settings import load_settings
from runtail.store import Store
from tests.support.celery_client import close_client
from tests.support.celery_worker import START_SECONDS, CeleryWorker, celery_environment
from tests.support.ports import free_port
from tests.support.recorded_runs import RecordedRuns
from tests.support.services import Service
from tests.support.store_users import is_plain, urls
from tests.support.waiting import wait_for

#: The store's user of each service.
ROLES = {"web": "web", "socket": "relay"}


class Installation(RecordedRuns):
    """Everything on one store; workers are added. What was started is killed at the end of the ``with``.

    :param directory: for output files.
    :param redis_url: broker and store; settings may name another of either.
    :param app: the workers' Celery app.
    :param queue: what workers take from, and tasks are sent to, if nothing else is said.
    :param services: ``web``, whose reaper ends lost runs, and ``socket``.
    :param environment: other variables of the services.
    :param queues: other queues that workers take from.
    :param acl: each service logs in as its own user of the store, with the rights of production. Off: as anybody.
    :param settings: settings by field name, for all.
    """

    def __init__(
        self,
        directory: Path,
        redis_url: str,
        *,
        app: str = "tests.support.figure_app",
        queue: str = "celery",
        services: tuple[str, ...] = (),
        environment: Mapping[str, str | None] | None = None,
        queues: Sequence[str] = (),
        acl: bool = True,
        **settings: Any,
    ) -> None:
        self.directory, self.app, self.queue, self._acl = directory, app, queue, acl
        self._queues = {queue, *queues}
        self.settings: dict[str, Any] = {
            "broker_url": redis_url, "store_url": redis_url, "key_prefix": f"t-{uuid.uuid4().hex[:8]}:", "echo": False,
            **settings,
        }  # fmt: skip
        self.store = Store(load_settings({}, **self.settings))
        self.members: list[CeleryWorker] = []
        self._stack = ExitStack()
        self._services = {
            name: Service(name, directory, self._settings_of(ROLES[name], self.settings), environment)
            for name in services
        }

    def _settings_of(self, user: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a process, with its own login at store and broker."""
        prefix, places = settings["key_prefix"], {settings[name] for name in ("store_url", "broker_url")}
        logins = {url: urls(url, prefix, self._queues)[user] for url in places if self._acl and is_plain(url)}
        return {**settings, **{f: logins.get(settings[f], settings[f]) for f in ("store_url", "broker_url")}}

    def __enter__(self) -> Self:
        try:
            for service in self._services.values():
                self._stack.enter_context(service)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for member in self.members:
            member.kill()
        self._stack.close()
        if "client" in vars(self):
            close_client(self.client)
        self.store.client.close()

    @property
    def web(self) -> Service:
        """The web service."""
        return self._services["web"]

    @property
    def address(self) -> str:
        """Where its pages are, without the last slash."""
        return f"{self.web.url}{self.settings.get('base_path', '')}"

    @property
    def relay(self) -> Service:
        """The relay."""
        return self._services["socket"]

    def add(
        self,
        *,
        name: str = "",
        concurrency: int = 1,
        heartbeat: bool = False,
        queue: str = "",
        redis_url: str = "",
        arguments: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
        **more: Any,
    ) -> CeleryWorker:
        """Start a worker; does not wait for it.

        :param concurrency: task processes; 0 if *arguments* say so.
        :param redis_url: where this worker finds broker and store, a proxy perhaps.
        :param more: for :class:`CeleryWorker`.
        """
        name, port = name or f"worker{len(self.members)}", self.settings.get("worker_admin_port", free_port())
        settings = {**self.settings, "worker_admin_port": port}
        if redis_url:
            settings |= {"broker_url": redis_url, "store_url": redis_url}
        # Its environment may say something else than the settings.
        said = environment or {}
        self._queues |= {*(queue or self.queue).split(","), said.get("TEST_QUEUE") or self.queue}
        prefix = said.get("RUNTAIL_KEY_PREFIX") or settings["key_prefix"]
        logins = self._settings_of("worker", {**settings, "key_prefix": prefix})
        settings |= {name: logins[name] for name in ("broker_url", "store_url")}
        own = {"TEST_QUEUE": self.queue, "TEST_BROKER_URL": settings["broker_url"]}
        member = CeleryWorker(
            self.directory, self.app, f"{name}@test", admin_port=port,
            arguments=[
                f"--queues={queue or self.queue}",
                *([f"--concurrency={concurrency}"] if concurrency else ()),
                *(() if heartbeat else ["--without-heartbeat"]),
                *arguments,
            ],
            environment={**celery_environment(settings), **own, **(environment or {})}, **more,
        )  # fmt: skip
        self.members.append(member)
        return member

    def evidence(self) -> str:
        """The output of the workers that were started last."""
        return "\n".join(member.process.evidence() for member in self.members[-2:])

    @cached_property
    def client(self) -> Celery:
        """A Celery app that sends tasks and reads results."""
        app = Celery("test", broker=self.settings["broker_url"], backend=self.settings["broker_url"])
        app.conf.task_default_queue = self.queue
        return app

    def run(self, run_id: str) -> Run:
        """The run's record, which must be there."""
        return read_run(self.store, run_id)

    # What users do.

    def get(self, path: str) -> httpx.Response:
        """GET from the API."""
        return httpx.get(f"{self.address}{path}", timeout=30)

    def send(self, task: str, *args: Any, queue: str = "", headers: dict[str, Any] | None = None, **kwargs: Any) -> str:
        """Send a task as ``.delay()`` would; return the run's id."""
        sent = self.client.send_task(task, args=args, kwargs=kwargs, queue=queue or self.queue, headers=headers)
        return str(sent.id)

    def wait_published(self, task: str = "") -> None:
        """Return when web knows a task, or any if none is named."""

        def known() -> bool:
            tasks = self.get("/api/v1/tasks").json().get("tasks", ())
            return any(task in ("", one["name"]) for one in tasks)

        wait_for(known, START_SECONDS, self.evidence)

    def start(self, task: str, kwargs: Mapping[str, Any] | None = None, **more: Any) -> str:
        """Start a run over the API, once a worker has published the task; return its id.

        :param more: what else the request says, e.g. ``queue``.
        """
        self.wait_published(task)
        body = {"task": task, "kwargs": kwargs or {}, **more}
        answer = httpx.post(f"{self.address}/api/v1/runs", json=body, timeout=30)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["id"])
