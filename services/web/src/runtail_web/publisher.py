"""Puts a run's message on its queue by the task's name, without importing any task code."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import amqp
from celery import Celery
from celery.utils.saferepr import saferepr

from runtail.celery_settings import celery_settings
from runtail.errors import StartError
from runtail.runs.listing import read_task
from runtail.runs.transport import DEFAULT, Transport
from runtail.sealing import is_sealed
from runtail.secret import hide, names_in
from runtail.settings import Settings
from runtail.signing import sign
from runtail.store import Store

#: Parameters come as JSON and are sent as JSON. The store's record of a task never decides the format: a worker that is
#: made to read pickle executes what it reads.
SERIALIZER = "json"

#: How long a silent broker may hold up a request.
BROKER_TIMEOUT_SECONDS = 3.0


#: How many producers are kept, one for each way in which apps keep their messages.
MAX_PRODUCERS = 16


def make_producer(settings: Settings, transport: Transport = DEFAULT) -> Celery:
    """Return a Celery app that only publishes, and gives up within seconds.

    :param transport: the transport of the app whose workers take the messages.
    """
    broker = celery_settings(settings.broker_url)
    app = Celery("runtail-web", set_as_current=False)
    app.conf.update(broker)
    app.conf.update(
        broker_connection_timeout=BROKER_TIMEOUT_SECONDS,
        broker_pool_limit=settings.web_threads,
        broker_transport_options={
            **broker.get("broker_transport_options", {}),
            "socket_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_keepalive": True,
            # By default, Kombu tries to connect without end.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.5,
            "connect_retries_timeout": BROKER_TIMEOUT_SECONDS,
            **transport.options(),
        },
        task_ignore_result=True,
        task_publish_retry=False,
        result_backend=None,
    )
    if settings.message_keys:
        sign(app, settings)
    return app


class TaskPublisher:
    """Publishes runs; called by :func:`runtail.runs.start.start` and the reaper."""

    def __init__(self, store: Store, producer: Celery) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._producers = {DEFAULT: producer}

    def _producer(self, entry: Mapping[str, Any]) -> Celery:
        """Return a producer that puts messages where the task's app looks for them."""
        transport = Transport.from_options(entry.get("transport"))
        with self._lock:
            producer = self._producers.pop(transport, None) or make_producer(self._store.settings, transport)
            # Producers are in order of use: the latest goes last.
            self._producers[transport] = producer
            if len(self._producers) > MAX_PRODUCERS:
                del self._producers[next(iter(self._producers))]
        return producer

    def __call__(
        self, run_id: str, task: str, kwargs: Mapping[str, Any], queue: str, headers: Mapping[str, Any]
    ) -> None:
        """Publish one message. All errors of the broker's client pass through, within seconds."""
        try:
            entry = read_task(self._store, task)
        except StartError:
            entry = {}
        secrets = (names_in(entry) & kwargs.keys()) | {name for name, value in kwargs.items() if is_sealed(value)}
        # Celery puts the arguments as text into the message's headers, for its events and programs that show these.
        shown = {"kwargsrepr": saferepr(hide(kwargs, secrets))} if secrets else {}
        send = partial(
            self._producer(entry).send_task,
            task,
            kwargs=dict(kwargs),
            task_id=run_id,
            queue=queue,
            headers=dict(headers),
            serializer=SERIALIZER,
            ignore_result=True,
            retry=False,
            **shown,
        )
        try:
            send()
        except amqp.PreconditionFailed:
            # Workers have declared the queue with arguments unknown to us: priorities, quorum, time to live.
            # So the queue exists, and nothing was sent yet.
            send(declare=[])
