"""The tasks of the nemesis: they end in every way, and write in every way."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from celery import Celery

import runtail
from runtail.settings import load_settings
from tests.proof import writer

settings = load_settings(os.environ)
app = Celery("proof", broker=settings.broker_url)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    broker_connection_max_retries=None,
    broker_connection_retry_on_startup=True,
    # Short, so that faults of a few seconds are seen from both sides.
    broker_connection_timeout=2,
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2, "visibility_timeout": 6},
)
runtail.install(app, settings)


def identity() -> str:
    """Return ``<run>|<attempt>`` of the execution we are in."""
    run_id, _, attempt = os.environ["RUNTAIL_RUN"].rpartition(".")
    return f"{run_id}|{attempt}"


@app.task(name="proof.prints")
def prints(lines: int, per_second: float) -> None:
    """Python prints."""
    writer.produce(identity(), lines, per_second)


@app.task(name="proof.unfinished")
def unfinished(lines: int, per_second: float) -> None:
    """The last line has no end."""
    writer.produce(identity(), lines, per_second, unfinished=True)


@app.task(name="proof.subprocess")
def in_subprocess(lines: int, per_second: float) -> None:
    """A program that knows nothing of Runtail prints."""
    command = [sys.executable, "-I", "-S", writer.__file__, identity(), str(lines), str(per_second)]
    subprocess.run(command, check=True)


@app.task(name="proof.restartable", runtail={"restart": True, "max_attempts": 4})
def restartable(lines: int, per_second: float) -> None:
    """Started again when its worker is lost."""
    writer.produce(identity(), lines, per_second)


@app.task(name="proof.late", acks_late=True, reject_on_worker_lost=True)
def late(lines: int, per_second: float) -> None:
    """Delivered again by the broker when its worker is lost."""
    writer.produce(identity(), lines, per_second)


@app.task(name="proof.retried", bind=True, max_retries=2)
def retried(self: Any, lines: int, per_second: float) -> None:
    """Retries itself once."""
    writer.produce(identity(), lines // 2, per_second)
    if self.request.retries == 0:
        raise self.retry(countdown=0.5)
