"""The reference worker: a Celery app set up for tasks that run for hours.

It has the demo tasks (``RUNTAIL_DEMO_TASKS=off`` leaves them out) and ``runtail.check``.

    celery --app runtail_worker.app worker --without-gossip --without-mingle --without-heartbeat

The last option is needed because Celery tries without end to publish heartbeats while the broker is away: the main
process then does nothing else, not even stop.

Your own app needs none of these settings to use Runtail.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

import runtail
from runtail.settings import load_settings

settings = load_settings(os.environ)

#: How long to wait for a broker that does not answer, both when publishing and when reading.
SOCKET_TIMEOUT_SECONDS = 5
#: A connection that lost its other end is noticed once it has been silent for a little more than this.
HEALTH_CHECK_SECONDS = 5

#: The queue of ``runtail.check``, apart from users' tasks.
CHECK_QUEUE = "runtail-check"

broker = runtail.celery_settings(settings.broker_url)

app = Celery(
    "runtail_worker",
    include=["runtail_worker.check", *(["runtail_worker.demo"] if settings.demo_tasks else [])],
)
app.conf.update(broker)
app.conf.update(
    # Celery's default, said aloud: whoever can write to the broker must not be able to execute code.
    accept_content=["json"],
    # A message is acknowledged before its task runs: with late acknowledgement
    # on Redis, a connection lost for a moment makes an hours-long task run
    # twice. The reaper finds lost runs by their leases.
    task_acks_late=False,
    # A message waits in the queue, where every worker can take it, instead of
    # waiting in one worker for a task that runs for hours.
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    # The run's record is the result.
    task_ignore_result=True,
    # By default, Celery gives up after 100 tries and ends the worker with its tasks.
    broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    worker_consumer="runtail_worker.consumer:Consumer",
    broker_transport_options={
        **broker.get("broker_transport_options", {}),
        # Only messages between reception and start are outstanding.
        "visibility_timeout": 1800,
        # Without the timeouts, a silent broker blocks a publisher without end.
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": 5,
        # The default is 25 s, and checks are as rare: a worker with a half-open connection got nothing for a minute.
        "health_check_interval": HEALTH_CHECK_SECONDS,
        # After a message is taken from its queue, that is recorded over another connection. If this connection is
        # half-open, too, recording fails and Celery loses the message, unless it tries once more.
        "retry_on_timeout": True,
    },
    task_default_queue="celery",
    task_routes={"runtail.check": {"queue": CHECK_QUEUE}},
    worker_send_task_events=False,
)

runtail.install(app, settings)


@signals.celeryd_after_setup.connect
def listen_for_checks(instance: Any, **_: Any) -> None:
    """Listen to the queue of checks as well, whatever queues this worker was told to take from."""
    if instance.app is app:
        app.amqp.queues.select_add(CHECK_QUEUE)


@signals.celeryd_after_setup.connect
def ask_for_colours(instance: Any, **_: Any) -> None:
    """Ask commands started by tasks for colours, unless ``NO_COLOR`` or ``FORCE_COLOR`` is set."""
    if instance.app is app and "NO_COLOR" not in os.environ:
        os.environ.setdefault("FORCE_COLOR", "1")
