"""The Socket.IO namespace ``/tail``: subscribe, ack, unsubscribe.

Every event is answered in its acknowledgement, even when it fails, and the
socket stays usable. The events of one client are handled one by one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import flask_socketio
from flask_socketio import Namespace

from runtail.access.decision import allowed
from runtail.access.rights import Right
from runtail.errors import ProtocolError, RunNotFound, StoreUnavailable
from runtail.log import reader as store_reader
from runtail.log.reader import Location
from runtail.protocol import BEGINNING, VERSION, Cursor
from runtail.runs.access import summary_for, thing_of
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail_socket.clients import request as requests
from runtail_socket.clients.catch_up import CatchUp
from runtail_socket.clients.request import Code, Subscribe, SubscribeList
from runtail_socket.clients.viewer import MAX_SUBSCRIPTIONS, Viewer
from runtail_socket.delivery.feed import Feed, Subscription, SubscriptionState
from runtail_socket.delivery.frames import Reason, Shape, store_answers, tail_reset
from runtail_socket.reading.reader import Reader
from runtail_socket.reading.single_flight import SingleFlight
from runtail_socket.transport import NAMESPACE
from runtail_socket.transport.link import Links

log = logging.getLogger(__name__)

#: How many times to look up a run whose epoch changes during ``subscribe``.
ATTEMPTS = 3

#: Subscriptions looked up at once, each over its own connection to the store. When another relay dies, hundreds of
#: clients ask in the same moment; the store's client has 100 connections and refuses further requests at once.
CONCURRENT_SUBSCRIBES = 16

#: How long a lookup waits for its turn. Together with the store's own timeout, less than a page waits for its answer.
TURN_SECONDS = 5.0

#: Positions and records kept for the next client that asks.
MOST_SHARED = 64

Answer = dict[str, Any]


class OtherNamespaces(Namespace):
    """Every namespace that we do not have: a client that asks for one is told which one exists."""

    def __init__(self) -> None:
        super().__init__("*")

    def trigger_event(self, event: str, *_args: Any) -> Any:
        """Refuse to connect; called by Socket.IO."""
        if event == "connect":
            # Becomes CONNECT_ERROR with the message in an object, as the protocol requires.
            raise flask_socketio.ConnectionRefusedError(f"There is no such namespace. The one here is {NAMESPACE}.")


class TailNamespace(Namespace):
    """All clients and the events they may send.

    :param store_away: whether viewers have been told that the store is away.
    :param on_painted: called with the seconds from the moment an entry was written until it was on screen.
    """

    def __init__(
        self,
        store: Store,
        links: Links,
        reader: Reader,
        catch_up: CatchUp,
        *,
        store_away: Callable[[], bool],
        on_painted: Callable[[float], None],
    ) -> None:
        super().__init__(NAMESPACE)
        self._store = store
        self._links = links
        self._reader = reader
        self._catch_up = catch_up
        self._store_away = store_away
        self._on_painted = on_painted
        self._turns = threading.BoundedSemaphore(CONCURRENT_SUBSCRIBES)
        #: By run, epoch, line and digest; by run, epoch and state.
        self._locations: SingleFlight[tuple[str, int, int, bytes | None], Location] = SingleFlight(MOST_SHARED)
        self._records: SingleFlight[tuple[str, int, str | None], Run] = SingleFlight(MOST_SHARED)
        #: Clients by Socket.IO id.
        self.viewers: dict[str, Viewer] = {}

    def trigger_event(self, event: str, sid: str, *args: Any) -> Any:
        """Handle an event; called by Socket.IO, without a Flask context because no handler uses one."""
        if event == "connect":
            return self._connect(sid)
        if event == "disconnect":
            return self._disconnect(sid)
        viewer = self.viewers.get(sid)
        if viewer is None:
            return _error("bad-request", "You are not connected.")
        handler = HANDLERS.get(event)
        if handler is None:
            return _error("bad-request", f"There is no event {event[:40]!r}.")
        if len(args) != 1:
            return _error("bad-request", f"{event} takes one argument.")
        if not allowed(viewer.principal, handler.right):
            return _error("forbidden", f"{event} takes the right {handler.right}. Ask whoever grants rights here.")
        try:
            return handler.handle(self, viewer, args[0])
        except RunNotFound as error:
            return _error("unknown-run", f"There is no run {error.run_id!r}.")
        except StoreUnavailable:
            return _error("unavailable", "The store does not answer. Please try again.")
        except ProtocolError as error:
            return _error(requests.code_of(error), str(error))
        except Exception:
            # Whatever went wrong, the client must get an answer.
            log.exception("the event %.100r of a viewer failed", event)
            return _error("internal", "Something went wrong here. The relay's log has the traceback; please report it.")

    def _connect(self, sid: str) -> bool:
        link = self._links.of_client(self.socketio.server, sid)
        if link is None:
            return False
        link.joined = True
        self.viewers[sid] = Viewer(link, link.principal)
        return True

    def _disconnect(self, sid: str) -> None:
        viewer = self.viewers.pop(sid, None)
        if viewer is not None:
            viewer.finish()

    # subscribe

    def _subscribe(self, viewer: Viewer, data: object) -> Answer:
        request = requests.subscribe(data)
        if self._store_away() and (isinstance(request, SubscribeList) or request.shape is Shape.ENTRIES):
            viewer.told_away = True
            viewer.link.enqueue(store_answers(False))
        if isinstance(request, SubscribeList):
            viewer.lists = True
            return {"ok": True, "v": VERSION}
        others = len(viewer.subscriptions) - (request.run_id in viewer.subscriptions)
        if others >= MAX_SUBSCRIPTIONS:
            return _error("too-many", f"One client may follow {MAX_SUBSCRIPTIONS} runs at once.")
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise StoreUnavailable("too many wait for the store")
        try:
            return self._follow(viewer, request)
        finally:
            self._turns.release()

    def _follow(self, viewer: Viewer, request: Subscribe) -> Answer:
        for _ in range(ATTEMPTS):
            with self._reader.pin(request.run_id) as feed:
                found = self._locate(request, feed)
                if found.head.epoch != feed.cursor.epoch:
                    self._reader.outdated(feed, found.head)
                    continue
                return self._admit(viewer, request, feed, found)
        raise StoreUnavailable("the epoch changes too fast")

    def _locate(self, request: Subscribe, feed: Feed) -> Location:
        return self._locations.get(
            (request.run_id, feed.cursor.epoch, request.line, request.chain),
            lambda: store_reader.locate(self._store, request.run_id, request.line, request.chain),
        )

    def _record(self, feed: Feed) -> Run:
        # Keyed by state: a client that subscribes after a change gets no event about it, so it must not get a record
        # from before.
        key = (feed.run_id, feed.cursor.epoch, feed.state)
        return self._records.get(key, lambda: read_run(self._store, feed.run_id))

    def _admit(self, viewer: Viewer, request: Subscribe, feed: Feed, found: Location) -> Answer:
        run = self._record(feed)
        if not allowed(viewer.principal, "log:read", thing_of(run)):
            # As if the run did not exist, whatever position was asked for.
            raise RunNotFound(request.run_id)
        epoch = found.head.epoch
        if request.epoch not in (None, epoch):
            why = "The log that was shown is no longer the one in the store."
            return self._refuse_resume(viewer, request, epoch, "epoch", why)
        waits = found.beyond and request.chain is not None
        if not found.matched and not waits:
            why = "The position does not fit the stored log."
            return self._refuse_resume(viewer, request, epoch, "chain", why)
        if feed.over or viewer.gone:
            raise StoreUnavailable("the log was replaced meanwhile")
        cursor = found.cursor
        if waits and request.chain is not None:
            # The store may have rolled back and be about to get these lines again.
            cursor = Cursor(epoch, BEGINNING, request.line, request.chain)
        subscription = Subscription(
            viewer.link, feed, request.shape, cursor, self._store.settings.window_bytes, viewer.forget
        )
        if waits:
            subscription.state = SubscriptionState.WAITING
        previous = viewer.subscriptions.get(request.run_id)
        if previous is not None:
            previous.finish()
        viewer.subscriptions[request.run_id] = subscription
        feed.subscriptions.add(subscription)
        self._catch_up.start(subscription)
        return {
            "ok": True,
            "v": VERSION,
            "run": request.run_id,
            "epoch": epoch,
            "from": cursor.line,
            "chain": cursor.chain.hex(),
            "record": summary_for(viewer.principal, run),
        }

    def _refuse_resume(self, viewer: Viewer, request: Subscribe, epoch: int, reason: Reason, why: str) -> Answer:
        previous = viewer.subscriptions.get(request.run_id)
        if previous is not None:
            previous.finish()
        viewer.link.enqueue(tail_reset(request.run_id, epoch, reason, why))
        return {"ok": True, "v": VERSION, "reset": True, "run": request.run_id, "epoch": epoch}

    # ack, unsubscribe

    def _ack(self, viewer: Viewer, data: object) -> Answer:
        ack = requests.acknowledge(data)
        subscription = viewer.subscriptions.get(ack.run_id)
        if subscription is not None:
            subscription.acknowledge(ack.bytes)
            if ack.painted_ms is not None:
                self._on_painted(max(0.0, time.time() - ack.painted_ms / 1000))
        return {"ok": True}

    def _unsubscribe(self, viewer: Viewer, data: object) -> Answer:
        subscription = viewer.subscriptions.get(requests.unsubscribe(data))
        if subscription is not None:
            subscription.finish()
        return {"ok": True}


@dataclass(frozen=True, slots=True)
class Handler:
    """How an event is handled.

    :param right: the right that a client must have on at least one thing; the handler itself checks the run.
    """

    right: Right
    handle: Callable[[TailNamespace, Viewer, object], Answer]


#: The events that a client may send. A test compares this with a table of docs/protocol.md.
HANDLERS: Final[Mapping[str, Handler]] = {
    "subscribe": Handler("run:read", TailNamespace._subscribe),
    "ack": Handler("log:read", TailNamespace._ack),
    "unsubscribe": Handler("log:read", TailNamespace._unsubscribe),
}


def _error(code: Code, message: str) -> Answer:
    return {"ok": False, "v": VERSION, "code": code, "message": message}
