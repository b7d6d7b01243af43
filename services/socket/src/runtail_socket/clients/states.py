"""Sends state changes of runs to the list pages and to viewers of the run, and those of the store to all clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from runtail.access.decision import allowed
from runtail.errors import StoreUnavailable
from runtail.runs.access import summary_for, thing_of
from runtail.runs.record import read_runs
from runtail.store import Store
from runtail_socket.clients.viewer import Viewer
from runtail_socket.delivery.frames import Shape, run_changed, store_answers
from runtail_socket.transport.websocket import Frame, WriteResult

#: Changes within this time are read and sent together.
GATHER_SECONDS = 0.05

#: Records read in one round trip.
RUNS_PER_READ = 64

#: A client with this many packets waiting is not sent more: the list is
#: fetched again every 10 s anyway, and Engine.IO's queue has no bound.
MAX_QUEUED = 32

#: Time between attempts while the store is away.
RETRY_SECONDS = 0.5


class States:
    """Reads the records of runs whose state changed, and tells the clients that want to know.

    :param viewers: returns all clients.
    """

    def __init__(self, store: Store, viewers: Callable[[], Iterable[Viewer]]) -> None:
        self._store = store
        self._viewers = viewers
        self._changed: set[str] = set()
        self._wake = threading.Event()

    def mark(self, run_id: str) -> None:
        """Note that the state of a run has changed."""
        if any(wants(viewer, run_id) for viewer in self._viewers()):
            self._changed.add(run_id)
            self._wake.set()

    def run(self) -> None:
        """Tell clients about changes; never returns."""
        while True:
            self._wake.wait()
            time.sleep(GATHER_SECONDS)
            self._wake.clear()
            changed, self._changed = self._changed, set()
            try:
                self._tell(sorted(changed))
            except StoreUnavailable:
                self._changed |= changed
                self._wake.set()
                time.sleep(RETRY_SECONDS)

    def tell_store_health(self, answers: bool) -> None:
        """Tell clients that the store is away, or that it answers again."""
        frame = store_answers(answers)
        for viewer in self._viewers():
            watches = viewer.lists or any(one.shape is Shape.ENTRIES for one in viewer.subscriptions.values())
            if watches or viewer.told_away:
                viewer.told_away = not answers
                _send(viewer, frame)

    def _tell(self, changed: list[str]) -> None:
        for index in range(0, len(changed), RUNS_PER_READ):
            for run in read_runs(self._store, changed[index : index + RUNS_PER_READ]):
                thing = thing_of(run)
                frames: dict[bool, Frame] = {}
                for viewer in self._viewers():
                    if not wants(viewer, run.id) or not allowed(viewer.principal, "run:read", thing):
                        continue
                    shows_kwargs = allowed(viewer.principal, "params:read", thing)
                    if shows_kwargs not in frames:
                        frames[shows_kwargs] = run_changed(summary_for(viewer.principal, run))
                    _send(viewer, frames[shows_kwargs])


def _send(viewer: Viewer, frame: Frame) -> None:
    link = viewer.link
    if link.try_send(frame) is WriteResult.NONE and not link.closed and link.queued < MAX_QUEUED:
        link.enqueue(frame)


def wants(viewer: Viewer, run_id: str) -> bool:
    """Return True if a client shows the list, or watches this run as entries."""
    if viewer.lists:
        return True
    subscription = viewer.subscriptions.get(run_id)
    return subscription is not None and subscription.shape is Shape.ENTRIES
