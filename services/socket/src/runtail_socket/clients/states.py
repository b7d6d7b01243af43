"""Sends state changes of runs to the list pages and to viewers of the run, and those of the store to all clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from runtail.access.decision import allowed
from runtail.access.principal import RightsClass
from runtail.errors import StoreUnavailable
from runtail.runs.access import summary_for, thing_of
from runtail.runs.record import read_runs
from runtail.store import Store
from runtail_socket.clients.viewer import Viewer
from runtail_socket.delivery.frames import Shape, run_changed, store_answers
from runtail_socket.transport.websocket import Frame, WriteResult

#: Changes within this time are read and sent together.
GATHER_SECONDS = 0.05

#: A list is sent changes this often at most; a run that changed more than once in between is sent as it is then.
LIST_SECONDS = 0.5

#: Records read in one round trip, and sent to a list in one piece.
RUNS_PER_READ = 64

#: A client with this many packets waiting is not sent more: the list is
#: fetched again every 10 s anyway, and Engine.IO's queue has no bound.
MAX_QUEUED = 32

#: Time between attempts while the store is away.
RETRY_SECONDS = 0.5


#: Tells whether a client wants to know of a run.
Wants = Callable[[Viewer, str], bool]


class _Changes:
    """Runs whose state changed and that some clients are still to be told of.

    :param pause_seconds: the shortest time between two takings.
    """

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._run_ids: set[str] = set()
        self._wake = threading.Event()

    def add(self, run_ids: Iterable[str]) -> None:
        """Note changes."""
        self._run_ids.update(run_ids)
        self._wake.set()

    def tell(self, tell: Callable[[list[str]], None]) -> None:
        """Wait for changes and tell of them; never returns."""
        while True:
            self._wake.wait()
            time.sleep(GATHER_SECONDS)
            self._wake.clear()
            run_ids, self._run_ids = self._run_ids, set()
            try:
                tell(sorted(run_ids))
            except StoreUnavailable:
                self.add(run_ids)
                time.sleep(RETRY_SECONDS)
            else:
                time.sleep(self._pause_seconds)


class States:
    """Reads the records of runs whose state changed, and tells the clients that want to know.

    :param viewers: returns all clients.
    """

    def __init__(self, store: Store, viewers: Callable[[], Iterable[Viewer]]) -> None:
        self._store = store
        self._viewers = viewers
        self._watched = _Changes(0.0)
        self._listed = _Changes(LIST_SECONDS - GATHER_SECONDS)

    def mark(self, run_id: str) -> None:
        """Note that the state of a run has changed."""
        viewers = list(self._viewers())
        if any(watches(viewer, run_id) for viewer in viewers):
            self._watched.add((run_id,))
        if any(viewer.lists for viewer in viewers):
            self._listed.add((run_id,))

    def run(self) -> None:
        """Tell the viewers of runs about changes; never returns."""
        self._watched.tell(lambda run_ids: self.tell(run_ids, watches))

    def run_lists(self) -> None:
        """Tell the lists about changes; never returns."""
        self._listed.tell(lambda run_ids: self.tell(run_ids, lists))

    def tell_store_health(self, answers: bool) -> None:
        """Tell clients that the store is away, or that it answers again."""
        frame = store_answers(answers)
        for viewer in self._viewers():
            told = viewer.lists or any(one.shape is Shape.ENTRIES for one in viewer.subscriptions.values())
            if told or viewer.told_away:
                viewer.told_away = not answers
                _send(viewer, frame)

    def tell(self, changed: list[str], wants: Wants) -> None:
        """Tell the clients that want to know about these runs.

        :raises StoreUnavailable: if the server did not answer.
        """
        for index in range(0, len(changed), RUNS_PER_READ):
            runs = [(run, thing_of(run)) for run in read_runs(self._store, changed[index : index + RUNS_PER_READ])]
            # Decided and encoded once for each class of viewers; None: they may not see it.
            frames: dict[tuple[RightsClass, str], Frame | None] = {}
            pieces: dict[tuple[RightsClass, tuple[str, ...]], Frame] = {}
            for viewer in self._viewers():
                principal = viewer.principal
                kind = principal.rights_class
                wanted = tuple(run.id for run, _ in runs if wants(viewer, run.id))
                if (kind, wanted) not in pieces:
                    for run, thing in runs:
                        if run.id in wanted and (kind, run.id) not in frames:
                            seen = allowed(principal, "run:read", thing)
                            frames[kind, run.id] = run_changed(summary_for(principal, run)) if seen else None
                    # Frames may follow each other in one send.
                    pieces[kind, wanted] = Frame(b"".join(frames[kind, run_id] or b"" for run_id in wanted))
                if pieces[kind, wanted]:
                    _send(viewer, pieces[kind, wanted])


def _send(viewer: Viewer, frame: Frame) -> None:
    link = viewer.link
    if link.try_send(frame) is WriteResult.NONE and not link.closed and link.queued < MAX_QUEUED:
        link.enqueue(frame)


def watches(viewer: Viewer, run_id: str) -> bool:
    """Return True if a client watches this run as entries."""
    subscription = viewer.subscriptions.get(run_id)
    return subscription is not None and subscription.shape is Shape.ENTRIES


def lists(viewer: Viewer, _run_id: str) -> bool:
    """Return True if a client shows the list."""
    return viewer.lists
