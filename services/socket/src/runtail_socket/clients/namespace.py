"""The Socket.IO namespace ``/tail``: subscribe, ack, unsubscribe.

Every event is answered in its acknowledgement, even when it fails, and the
socket stays usable. The events of one client are handled one by one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import flask_socketio
from flask_socketio import Namespace

from runtail.access.decision import allowed, knows, reaches_everything, shared_part
from runtail.access.principal import Principal, SharedLog
from runtail.access.rights import Right
from runtail.auth.audit import Audit
from runtail.auth.audit_entry import Event
from runtail.errors import ProtocolError, RunNotFound, StoreUnavailable
from runtail.listening import plain
from runtail.log import reader as store_reader
from runtail.log.reader import Location
from runtail.protocol import BEGINNING, VERSION, Clip, Cursor
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
from runtail_socket.transport.link import Link, Links

log = logging.getLogger(__name__)

#: How many times to look up a run whose epoch changes during ``subscribe``.
ATTEMPTS = 3

#: Subscriptions looked up at once, each over its own connection to the store. When another relay dies, hundreds of
#: clients ask in the same moment; the store's client has 100 connections and refuses further requests at once.
CONCURRENT_SUBSCRIBES = 16

#: How long a lookup waits for its turn. Together with the store's own timeout, less than a page waits for its answer.
TURN_SECONDS = 5.0

#: A client that takes longer than this from the handshake to joining the namespace is checked again.
PROMPT_SECONDS = 1.0

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
    :param admit: returns who joins, given what the client sends with CONNECT; raises ConnectionRefusedError.
    :param audit: where is written who was refused what, and who reads which log if that is wanted.
    :param recheck: looks soon whether the logins of all clients still hold.
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
        admit: Callable[[Link, object], Principal],
        audit: Audit,
        recheck: Callable[[], None],
    ) -> None:
        super().__init__(NAMESPACE)
        self._store = store
        self._links = links
        self._reader = reader
        self._catch_up = catch_up
        self._store_away = store_away
        self._on_painted = on_painted
        self._admit_client = admit
        self._audit = audit
        self._recheck = recheck
        self._turns = threading.BoundedSemaphore(CONCURRENT_SUBSCRIBES)
        #: By run, epoch, line and digest; by run, epoch and state.
        self._locations: SingleFlight[tuple[str, int, int, bytes | None], Location] = SingleFlight(MOST_SHARED)
        self._records: SingleFlight[tuple[str, int, str | None], Run] = SingleFlight(MOST_SHARED)
        #: By run; None for one that is not there, which must not take longer to say than that it may not be read.
        self._known: SingleFlight[str, Run | None] = SingleFlight(MOST_SHARED)
        #: Clients by Socket.IO id.
        self.viewers: dict[str, Viewer] = {}

    def trigger_event(self, event: Any, sid: str, *args: Any) -> Any:
        """Handle an event; called by Socket.IO, without a Flask context because no handler uses one.

        :param event: its name; a client can give it any value.
        """
        if not self._links.is_inside(self.socketio.server, sid):
            return self._connect(sid, args[-1] if args else None) if event == "connect" else self._disconnect(sid)
        viewer = self.viewers.get(sid)
        if viewer is None:
            return _error("bad-request", "You are not connected.")
        handler = HANDLERS.get(event) if isinstance(event, str) else None
        if handler is None:
            return _error("bad-request", f"There is no event {event!r:.40}.")
        if len(args) != 1:
            return _error("bad-request", f"{event} takes one argument.")
        if not (viewer.principal.shared or any(allowed(viewer.principal, right) for right in handler.rights)):
            return self._forbidden(viewer, handler.rights[0], event)
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

    def _connect(self, sid: str, shown: object) -> bool:
        link = self._links.of_client(self.socketio.server, sid)
        if link is None:
            return False
        who = self._admit_client(link, shown)
        link.joined = True
        self.viewers[sid] = Viewer(link, who)
        if time.monotonic() - link.opened_at > PROMPT_SECONDS:
            # The login may have ended since the handshake.
            self._recheck()
        return True

    def _disconnect(self, sid: str) -> None:
        viewer = self.viewers.pop(sid, None)
        if viewer is not None:
            viewer.finish()
            if not viewer.link.closed:
                # Who comes back is identified anew: nobody looks whether a login still holds that no viewer has.
                viewer.link.close("left")

    # subscribe

    def _subscribe(self, viewer: Viewer, data: object) -> Answer:
        request = requests.subscribe(data)
        if self._store_away() and (isinstance(request, SubscribeList) or request.shape is Shape.ENTRIES):
            viewer.told_away = True
            viewer.link.enqueue(store_answers(False))
        if isinstance(request, SubscribeList):
            if not allowed(viewer.principal, "run:read"):
                return self._forbidden(viewer, "run:read", "subscribe")
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
        log: SharedLog | None = None
        if not reaches_everything(viewer.principal, "log:read"):
            # Before anything is looked up in the log: nothing that goes wrong there may tell that it exists.
            log = self._check(viewer, self._readable(request.run_id))
        if log is not None and request.shape is Shape.LINES:
            raise ProtocolError("bad-request", "With a share link, subscribe takes an object.")
        for _ in range(ATTEMPTS):
            with self._reader.pin(request.run_id) as feed:
                if log is not None:
                    return self._admit_guest(viewer, request, feed, log)
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

    def _readable(self, run_id: str) -> Run:
        def ask() -> Run | None:
            try:
                return read_run(self._store, run_id)
            except (RunNotFound, ProtocolError):
                return None

        run = self._known.get(run_id, ask)
        if run is None:
            raise RunNotFound(run_id)
        return run

    def _check(self, viewer: Viewer, run: Run) -> SharedLog | None:
        """Refuse a run that a client may not read as if it did not exist, whatever position was asked for.

        Return the part of its log that the client may read; None: all.

        :raises ProtocolError: code ``forbidden``: the client may read the run's record, and not its log.
        """
        thing = thing_of(run)
        log = shared_part(viewer.principal, run.id, thing)
        if log is None and not allowed(viewer.principal, "log:read", thing):
            self._note("denied", viewer, "log:read", run)
            if knows(viewer.principal, thing):
                raise ProtocolError("forbidden", _takes("subscribe", "log:read"))
            raise RunNotFound(run.id)
        return log

    def _admit(self, viewer: Viewer, request: Subscribe, feed: Feed, found: Location) -> Answer:
        run = self._record(feed)
        if self._check(viewer, run) is not None:
            raise StoreUnavailable("the rights changed meanwhile")
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
        self._begin(viewer, feed, request.shape, cursor, run, waits=waits)
        return {
            "ok": True,
            "v": VERSION,
            "run": request.run_id,
            "epoch": epoch,
            "from": cursor.line,
            "chain": cursor.chain.hex(),
            **self._told_of(viewer, run),
        }

    def _told_of(self, viewer: Viewer, run: Run) -> dict[str, Any]:
        """Return what an answer tells of a run: its record, or to who may read only the log what that tells anyway."""
        summary = summary_for(viewer.principal, run)
        if allowed(viewer.principal, "run:read", thing_of(run)):
            return {"record": summary}
        return {name: summary[name] for name in ("state", "lines")}

    def _admit_guest(self, viewer: Viewer, request: Subscribe, feed: Feed, log: SharedLog) -> Answer:
        """Serve a part that was shared: from the line asked for, whatever digest and entry it is in."""
        run, stored = self._record(feed), feed.cursor.line - 1
        line = request.line
        clip = log.clip.from_end(-line, stored) if line < 0 else log.clip.since(line)
        found = self._locate(replace(request, line=clip.first, chain=None), feed)
        if not feed.cursor.epoch == found.head.epoch == log.epoch or request.epoch not in (None, log.epoch):
            # The link is dead, which the next check will find.
            raise RunNotFound(feed.run_id)
        if feed.over or viewer.gone:
            raise StoreUnavailable("the log was replaced meanwhile")
        self._begin(viewer, feed, clip, found.cursor, run)
        return {
            "ok": True,
            "v": VERSION,
            "run": feed.run_id,
            "epoch": log.epoch,
            "from": clip.first,
            "state": str(run.state),
        }

    def _begin(
        self, viewer: Viewer, feed: Feed, shape: Shape | Clip, cursor: Cursor, run: Run, *, waits: bool = False
    ) -> None:
        """Begin a subscription; an earlier one of the client to the run ends."""
        window_bytes = self._store.settings.window_bytes
        subscription = Subscription(viewer.link, feed, shape, cursor, window_bytes, viewer.forget)
        if waits:
            subscription.state = SubscriptionState.WAITING
        previous = viewer.subscriptions.get(feed.run_id)
        if previous is not None:
            previous.finish()
        viewer.subscriptions[feed.run_id], viewer.things[feed.run_id] = subscription, thing_of(run)
        if self._store.settings.audit_reads:
            self._note("log-read", viewer, "log:read", run)
        feed.subscriptions.add(subscription)
        self._catch_up.start(subscription)

    def _forbidden(self, viewer: Viewer, right: Right, event: str) -> Answer:
        self._note("denied", viewer, right, event=event)
        return _error("forbidden", _takes(event, right))

    def _note(
        self, what: Event, viewer: Viewer, right: Right, run: Run | None = None, event: str = "subscribe"
    ) -> None:
        self._audit.record(
            what,
            principal=viewer.principal,
            address=plain(viewer.link.address),
            agent=viewer.link.agent,
            run=run.id if run else "",
            task=run.text("task") if run else "",
            right=right,
            request=event,
        )

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

    :param rights: of which a client must have one on at least one thing; the handler itself checks the run.
    """

    rights: tuple[Right, ...]
    handle: Callable[[TailNamespace, Viewer, object], Answer]


#: The events that a client may send. A test compares this with a table of docs/protocol.md.
HANDLERS: Final[Mapping[str, Handler]] = {
    # To a log, or to the list.
    "subscribe": Handler(("log:read", "run:read"), TailNamespace._subscribe),
    "ack": Handler(("log:read",), TailNamespace._ack),
    "unsubscribe": Handler(("log:read",), TailNamespace._unsubscribe),
}


def _takes(event: str, right: Right) -> str:
    return f"{event} takes the right {right}. Ask whoever grants rights here."


def _error(code: Code, message: str) -> Answer:
    return {"ok": False, "v": VERSION, "code": code, "message": message}
