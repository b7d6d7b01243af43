"""Viewers and their subscriptions: what each has, and whether it may get more now."""

from __future__ import annotations

import threading
import time
from enum import Enum
from typing import TYPE_CHECKING

from runtail.protocol import Cursor
from runtail_socket.direct import Link
from runtail_socket.frames import Shape
from runtail_socket.websocket import Frame, Offered, Writer

if TYPE_CHECKING:
    from runtail_socket.feed import Feed

#: Runs one client may follow at once.
MAX_SUBSCRIPTIONS = 64

#: A full window that does not move is overruled this often: a client that
#: counts wrongly becomes slow, never stuck.
WINDOW_PATIENCE_SECONDS = 5.0


class Standing(Enum):
    """Where a subscription stands."""

    #: Gets every new frame as it is made.
    LIVE = "live"
    #: Served from the store by its own greenlet.
    CATCHING_UP = "catching-up"
    #: Its position does not exist yet (or not again, after a rollback).
    WAITING = "waiting"
    #: Over: unsubscribed, reset, or the client is gone.
    OVER = "over"


class Subscription:
    """One client following one run.

    :param cursor: what the client has.
    :param window_bytes: payload bytes under way to a client that acknowledges.
    """

    __slots__ = (
        "_acked", "_moved_at", "_sent", "_window_bytes", "_windowed", "cursor", "feed", "fresh",
        "link", "serving", "shape", "standing", "told_end", "viewer", "wake",
    )  # fmt: skip

    def __init__(self, viewer: Viewer, feed: Feed, shape: Shape, cursor: Cursor, window_bytes: int) -> None:
        self.viewer = viewer
        self.link = viewer.link
        self.feed = feed
        self.shape = shape
        self.cursor = cursor
        self.standing = Standing.CATCHING_UP
        #: Nothing was sent yet: the answer to ``subscribe`` goes first.
        self.fresh = True
        #: Its greenlet runs.
        self.serving = False
        self.told_end = False
        #: Set when something it may wait for happened.
        self.wake = threading.Event()
        self._window_bytes = window_bytes
        self._windowed = False
        self._sent = 0
        self._acked = 0
        self._moved_at = time.monotonic()

    def is_over(self) -> bool:
        """No more is to be sent."""
        return self.standing is Standing.OVER or self.link.closed

    @property
    def wants_live(self) -> bool:
        """The client is shown the unfinished line as well."""
        return self.shape is Shape.ENTRIES

    @property
    def window_open(self) -> bool:
        """The client acknowledged enough of what was sent (or does not acknowledge at all)."""
        if not self._windowed or self._sent - self._acked < self._window_bytes:
            return True
        return time.monotonic() - self._moved_at > WINDOW_PATIENCE_SECONDS

    def acknowledge(self, total_bytes: int) -> None:
        """Note that the client has this many payload bytes since it subscribed."""
        self._windowed = True
        if total_bytes > self._acked:
            self._acked = min(total_bytes, self._sent)
            self._moved_at = time.monotonic()
        self.wake.set()

    def writer(self) -> Writer | None:
        """Return what writes a frame of the log now; None if the client cannot take one."""
        return self.link.writer() if not self._windowed or self.window_open else None

    def took(self, frame: Frame, sent: int | OSError) -> Offered:
        """Note what became of a frame; :meth:`count` counts it."""
        return self.link.took(frame, sent)

    def count(self, payload_bytes: int) -> None:
        """Note that payload was sent."""
        if self._windowed and self._sent - self._acked >= self._window_bytes:
            # Sent although the window is full: patience begins anew.
            self._moved_at = time.monotonic()
        self._sent += payload_bytes

    def finish(self, farewell: Frame | None = None) -> None:
        """End it; viewer and feed forget it.

        :param farewell: the last frame, sent behind what Engine.IO has queued.
        """
        if self.standing is Standing.OVER:
            return
        self.standing = Standing.OVER
        if self.viewer.subscriptions.get(self.feed.run_id) is self:
            del self.viewer.subscriptions[self.feed.run_id]
        self.feed.leave(self)
        self.wake.set()
        if farewell is not None and not self.link.closed:
            self.link.enqueue(farewell)


class Viewer:
    """One client with its subscriptions by run id."""

    __slots__ = ("gone", "link", "lists", "subscriptions", "told_away")

    def __init__(self, link: Link) -> None:
        self.link = link
        #: Has disconnected; nothing may be added any more.
        self.gone = False
        self.subscriptions: dict[str, Subscription] = {}
        #: Wants the state changes of all runs.
        self.lists = False
        #: Has heard that the store is away, and not yet that it is back.
        self.told_away = False

    def finish(self) -> None:
        """The client is gone: leave nothing behind."""
        self.gone = True
        for subscription in list(self.subscriptions.values()):
            subscription.finish()
        self.lists = False
