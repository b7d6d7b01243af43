"""The worker's health in two files for probes: whether it is alive, and whether it can take tasks.

``alive`` is touched once a second while Celery's event loop turns and the broker
answers the connection that receives messages. A worker that executes a task is
alive as long as its event loop turns, and so is one that is reconnecting (an
outage of the broker must not get the pod killed with its tasks). ``ready``
exists while the worker consumes messages. Probes need neither Python nor the broker::

    find "$RUNTAIL_HEALTH_DIR/alive" ! -mmin -0.5 -exec false {} +
    test -e "$RUNTAIL_HEALTH_DIR/ready"
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

from celery.worker import state

TICK_SECONDS = 1.0
#: An event loop that has not turned for this long is stuck.
STUCK_SECONDS = 30.0
#: A broker answers a request for messages within a second, even if there is no message. A worker that is connected
#: and idle but gets no answer for this long has stalled: a fault that Celery notices itself is repaired sooner.
BROKER_SILENCE_SECONDS = 60.0


class Health:
    """The two files of one worker."""

    def __init__(self, directory: Path) -> None:
        """Remove the files that an earlier worker left: it may have been killed.

        :raises OSError: if the folder cannot be used.
        """
        self.directory = directory
        self._pid = os.getpid()
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("alive", "ready"):
            (directory / name).unlink(missing_ok=True)
        self.ticked = time.monotonic()
        #: When the broker last answered a request for messages; None if that cannot be observed.
        self.heard: float | None = None
        self.consumer: Any = None
        self._stop = threading.Event()
        self._timer: Any = None

    def start(self) -> None:
        """Start to report whether the worker is alive (after its pool has forked, because this starts a thread)."""
        threading.Thread(target=self._touch, name="health", daemon=True).start()

    def tick(self) -> None:
        """Note that the event loop has turned."""
        self.ticked = time.monotonic()

    def connected(self, consumer: Any) -> None:
        """Note that the worker consumes messages."""
        self.consumer = consumer
        self.tick()
        self._timer = consumer.timer.call_repeatedly(TICK_SECONDS, self.tick)
        self.heard = self._listen(consumer)
        (self.directory / "ready").touch()

    def disconnected(self) -> None:
        """Note that the worker has stopped consuming messages for now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        (self.directory / "ready").unlink(missing_ok=True)

    def stop(self) -> None:
        """Note that the worker ends; do nothing in a process that a task forked."""
        if os.getpid() != self._pid:
            return
        self._stop.set()
        self.disconnected()

    def alive(self, now: float) -> bool:
        """Tell whether the worker needs no restart."""
        if getattr(self.consumer, "connection", None) is None:
            return True  # reconnecting, or not connected yet
        if now - self.ticked >= STUCK_SECONDS:
            return False
        # A worker whose pool processes are all busy does not ask for messages.
        return self.heard is None or now - self.heard < BROKER_SILENCE_SECONDS or bool(state.active_requests)

    def _listen(self, consumer: Any) -> float | None:
        """Notice every answer of the broker, even "no message"; only Celery's Redis transport allows this."""
        handlers = getattr(consumer.task_consumer.channel, "handlers", {})
        read = handlers.get("BRPOP")
        if read is None:
            return None

        def answered(**options: Any) -> Any:
            try:
                found = read(**options)
            except Empty:
                self.heard = time.monotonic()
                raise
            self.heard = time.monotonic()
            return found

        handlers["BRPOP"] = answered
        return time.monotonic()

    def _touch(self) -> None:
        while True:
            now = time.monotonic()
            if state.active_requests:
                # The silence counts from the end of the last task.
                self.heard = self.heard and now
            if self.alive(now):
                with contextlib.suppress(OSError):
                    (self.directory / "alive").touch()
            if self._stop.wait(TICK_SECONDS):
                return
