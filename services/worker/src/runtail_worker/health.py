"""Is this worker alive, and can it take tasks: two files that a probe looks at.

``alive`` is touched once a second while Celery's event loop turns, or while it
is reconnecting (an outage of the broker must not get the pod killed with its
tasks). ``ready`` exists while the worker consumes messages. Probes need no
Python and no broker::

    find "$RUNTAIL_HEALTH_DIR/alive" -mmin -0.5 | grep -q .
    test -e "$RUNTAIL_HEALTH_DIR/ready"
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps, signals

from runtail.settings import Settings

TICK_SECONDS = 1.0
#: An event loop that has not turned for this long is stuck.
STUCK_SECONDS = 30.0


class Health:
    """The two files of one worker."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ticked = time.monotonic()
        self.consumer: Any = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """The event loop turned."""
        self.ticked = time.monotonic()

    def connected(self, consumer: Any) -> None:
        """The worker consumes messages."""
        self.consumer = consumer
        self.tick()
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "ready").touch()
        if self._thread is None:
            self._thread = threading.Thread(target=self._touch, name="health", daemon=True)
            self._thread.start()

    def disconnected(self) -> None:
        """The worker consumes nothing for now."""
        (self.directory / "ready").unlink(missing_ok=True)

    def stop(self) -> None:
        """The worker ends."""
        self._stop.set()
        self.disconnected()

    def _touch(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            reconnecting = getattr(self.consumer, "connection", None) is None
            if reconnecting or time.monotonic() - self.ticked < STUCK_SECONDS:
                with contextlib.suppress(OSError):
                    (self.directory / "alive").touch()


def install(app: Celery, settings: Settings) -> None:
    """Write the files of every worker of *app*, if a folder is named."""
    if not settings.health_dir:
        return
    health = Health(Path(settings.health_dir))

    class HealthStep(bootsteps.StartStopStep):
        """Ticks from Celery's event loop, again after every reconnect."""

        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            self.timer = consumer.timer.call_repeatedly(TICK_SECONDS, health.tick)
            health.connected(consumer)

        def stop(self, consumer: Any) -> None:  # noqa: ARG002
            self.timer.cancel()
            health.disconnected()

    app.steps["consumer"].add(HealthStep)
    signals.worker_shutdown.connect(lambda **_: health.stop(), weak=False)
