"""The reference worker: a Celery app set up for tasks that run for hours.

It has the demo tasks (``RUNTAIL_DEMO_TASKS=off`` leaves them out) and ``runtail.check``.

    celery --app runtail_worker.app worker --without-gossip --without-mingle --without-heartbeat

The last one, since Celery publishes its heartbeats without end where the broker is away: the main process does nothing
else then, not even stop.

An app of one's own needs none of these settings to use Runtail.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

import runtail
from runtail.settings import load_settings

settings = load_settings(os.environ)

#: How long publishing to, and reading from, a broker that does not answer may take.
SOCKET_TIMEOUT_SECONDS = 5
#: A connection that lost its other end is noticed when it was silent for a little more than this.
HEALTH_CHECK_SECONDS = 5

#: Where ``runtail.check`` waits, apart from everybody's tasks.
CHECK_QUEUE = "runtail-check"

broker = runtail.celery_settings(settings.broker_url)

app = Celery(
    "runtail_worker",
    include=["runtail_worker.check", *(["runtail_worker.demo"] if settings.demo_tasks else [])],
)
app.conf.update(broker)
app.conf.update(
    # A message is acknowledged before its task runs: on Redis a late
    # acknowledgement means that a connection lost for a moment runs an
    # hours-long task twice. What was lost is found by lease and reaper.
    task_acks_late=False,
    # A message waits in the queue, where every worker can take it, not behind
    # a task that runs for hours.
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    # The run's record is the result.
    task_ignore_result=True,
    # The default gives up after 100 tries and ends the worker with its tasks.
    broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    worker_consumer="runtail_worker.consumer:Consumer",
    broker_transport_options={
        **broker.get("broker_transport_options", {}),
        # Only messages between reception and start are outstanding.
        "visibility_timeout": 1800,
        # Without them a silent broker holds a publisher for ever.
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": 5,
        # The default is 25 s, checked as rarely: a worker with a half-open connection got nothing for a minute.
        "health_check_interval": HEALTH_CHECK_SECONDS,
        # A message that was taken from its queue is noted as taken over another connection. Where that one is
        # half-open, too, the note fails and Celery loses the message, unless it is tried once more.
        "retry_on_timeout": True,
    },
    task_default_queue="celery",
    task_routes={"runtail.check": {"queue": CHECK_QUEUE}},
    worker_send_task_events=False,
)

runtail.install(app, settings)


@signals.celeryd_after_setup.connect
def listen_for_checks(instance: Any, **_: Any) -> None:
    """Take from the queue of checks as well, whatever queues this worker was told to take from."""
    if instance.app is app:
        app.amqp.queues.select_add(CHECK_QUEUE)


@signals.celeryd_after_setup.connect
def ask_for_colours(instance: Any, **_: Any) -> None:
    """Ask the commands that tasks start for colours, unless ``NO_COLOR`` or ``FORCE_COLOR`` is set."""
    if instance.app is app and "NO_COLOR" not in os.environ:
        os.environ.setdefault("FORCE_COLOR", "1")
