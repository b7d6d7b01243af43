"""One run as this relay reads it: the reader's position, and the subscriptions to the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum
from typing import Any

from runtail.protocol import Clip, Cursor
from runtail_socket.delivery.frames import Chunk, Reason, Shape, part_end, tail_end, tail_live, terminal
from runtail_socket.transport.link import Link
from runtail_socket.transport.websocket import ALL, NONE, PART, Frame, Writer, WriteResult, try_send_all

#: A full window that does not move is overruled at this interval: a client
#: that counts wrongly becomes slow, never stuck.
WINDOW_PATIENCE_SECONDS = 5.0


class SubscriptionState(Enum):
    """How a subscription is served."""

    #: Gets every new frame as it is made.
    LIVE = "live"
    #: Served from the store by its own greenlet.
    CATCHING_UP = "catching-up"
    #: Its position does not exist yet, or not again after a rollback.
    WAITING = "waiting"
    #: Over: unsubscribed, reset, or the client is gone.
    OVER = "over"


class Subscription:
    """One client following one run.

    :param shape: the form that the client gets; a clip: only these lines, because the client is a guest.
    :param cursor: the client's position.
    :param window_bytes: payload bytes that may be under way to a client that acknowledges.
    :param on_finished: called once, when the subscription is over.
    """

    __slots__ = (
        "_acked", "_moved_at", "_sent", "_window_bytes", "_windowed", "cursor", "feed", "fresh",
        "link", "on_finished", "serving", "shape", "state", "told_end", "wake",
    )  # fmt: skip

    def __init__(
        self,
        link: Link,
        feed: Feed,
        shape: Shape | Clip,
        cursor: Cursor,
        window_bytes: int,
        on_finished: Callable[[Subscription], None],
    ) -> None:
        self.link = link
        self.on_finished = on_finished
        self.feed = feed
        self.shape = shape
        self.cursor = cursor
        self.state = SubscriptionState.CATCHING_UP
        #: Nothing was sent yet: the answer to ``subscribe`` goes first.
        self.fresh = True
        #: Its greenlet runs.
        self.serving = False
        self.told_end = False
        #: Set when an event that its greenlet may wait for has happened.
        self.wake = threading.Event()
        self._window_bytes = window_bytes
        self._windowed = False
        self._sent = 0
        self._acked = 0
        self._moved_at = time.monotonic()

    def is_over(self) -> bool:
        """Return True if nothing more is to be sent."""
        return self.state is SubscriptionState.OVER or self.link.closed

    @property
    def wants_live(self) -> bool:
        """True if the client is shown the unfinished line as well."""
        return self.shape is Shape.ENTRIES

    @property
    def window_open(self) -> bool:
        """True if the client has acknowledged enough of the bytes sent, or does not acknowledge at all."""
        if not self._windowed or self._sent - self._acked < self._window_bytes:
            return True
        return time.monotonic() - self._moved_at > WINDOW_PATIENCE_SECONDS

    @property
    def is_complete(self) -> bool:
        """True if a guest was sent all lines that it may see, and no others will come."""
        if not isinstance(self.shape, Clip):
            return False
        over = self.feed.end is not None and self.cursor.last == self.feed.cursor.last
        return over or self.shape.ends_before(self.cursor.line)

    def end_frame(self) -> Frame:
        """Return the event that says that nothing more will come."""
        feed = self.feed
        if isinstance(self.shape, Clip):
            return part_end(feed.run_id, feed.end["state"] if feed.end else feed.state)
        return tail_end(feed.run_id, feed.end or {})

    def acknowledge(self, total_bytes: int) -> None:
        """Note that the client has received this many payload bytes since it subscribed."""
        self._windowed = True
        if total_bytes > self._acked:
            self._acked = min(total_bytes, self._sent)
            self._moved_at = time.monotonic()
        self.wake.set()

    def writer(self) -> Writer | None:
        """Return a function that writes a frame of the log now; None if the client cannot take one."""
        return self.link.writer() if not self._windowed or self.window_open else None

    def record_write(self, frame: Frame, sent: int | OSError) -> WriteResult:
        """Note how much of a frame was sent; :meth:`count` counts it."""
        return self.link.record_write(frame, sent)

    def count(self, payload_bytes: int) -> None:
        """Note that payload was sent."""
        if self._windowed and self._sent - self._acked >= self._window_bytes:
            # Sent although the window was full: patience starts again.
            self._moved_at = time.monotonic()
        self._sent += payload_bytes

    def finish(self, farewell: Frame | None = None) -> None:
        """End the subscription; viewer and feed forget it.

        :param farewell: the last frame, sent after what Engine.IO has queued.
        """
        if self.state is SubscriptionState.OVER:
            return
        self.state = SubscriptionState.OVER
        self.on_finished(self)
        self.feed.leave(self)
        self.wake.set()
        if farewell is not None and not self.link.closed:
            self.link.enqueue(farewell)


class Feed:
    """A watched run. A relay has one feed per run, whatever the number of viewers.

    :param cursor: the end of the log as far as it was read.
    :param catch_up: starts a subscription's own greenlet.
    :param on_unused: called when the last subscription has left.
    """

    def __init__(
        self,
        run_id: str,
        cursor: Cursor,
        *,
        catch_up: Callable[[Subscription], None],
        on_unused: Callable[[Feed], None],
    ) -> None:
        self.run_id = run_id
        self.cursor = cursor
        self._catch_up = catch_up
        self._on_unused = on_unused
        #: Its history no longer exists: no subscription may join.
        self.over = False
        #: Handlers that are about to add a subscription.
        self.pins = 0
        self.subscriptions: set[Subscription] = set()
        #: The subscriptions that get every chunk as it is read: their position is exactly :attr:`cursor`.
        self.live_set: set[Subscription] = set()
        #: Those of guests that do, too. Apart, so that they cost nothing where there are none.
        self.guests: set[Subscription] = set()
        #: The execution of the id that is being read.
        self.execution = 1
        #: The run's state when last read.
        self.state: str | None = None
        #: The unfinished line.
        self.live: dict[str, Any] | None = None
        #: The content of the terminal entry, once it was read.
        self.end: dict[str, Any] | None = None
        #: When (monotonic) the last answered request for further entries was made.
        self.read_at = 0.0
        #: Since when (monotonic) the store has been behind us or without the run.
        self.behind_since: float | None = None
        #: How often in a row the next entry did not continue our chain.
        self.suspicions = 0
        #: Why web was asked for a new epoch, for the clients: reason and sentence.
        self.epoch_wanted: tuple[Reason, str] | None = None

    @property
    def unused(self) -> bool:
        """True if no client follows this run here any more."""
        return not self.subscriptions and not self.pins

    def deliver(self, chunks: Iterable[Chunk]) -> tuple[int, int]:
        """Send new chunks to the live set; return how many frames were taken, and their bytes.

        A subscription that does not take a frame leaves the live set and is served by its own greenlet.
        """
        frames = size_bytes = 0
        for chunk in chunks:
            before, self.cursor = self.cursor, chunk.after
            shapes: dict[Shape | Clip, list[Subscription]] = {
                shape: [subscription for subscription in self.live_set if subscription.shape is shape]
                for shape in Shape
            }
            for guest in self.guests:
                shapes.setdefault(guest.shape, []).append(guest)
            for shape, receivers in shapes.items():
                frame = chunk.frame(shape) if receivers else None
                if frame is None:
                    continue
                payload_bytes = chunk.bytes_in(shape)
                for subscription, outcome in zip(receivers, try_send_all(receivers, frame), strict=True):
                    if outcome is not NONE:
                        subscription.count(payload_bytes)
                        frames += 1
                        size_bytes += len(frame)
                    if outcome is not ALL:
                        self._leave_live_set(subscription, before if outcome is NONE else chunk.after)
            end = terminal(chunk.items[-1])
            if end is not None:
                self.end = end
                self._tell_end()
        return frames, size_bytes

    def show_live(self, live: dict[str, Any] | None) -> None:
        """Show the unfinished line to the live set.

        It is replaced ten times a second, so a client that does not take it misses nothing that counts.
        """
        if live is None or live == self.live:
            return
        self.live = live
        shown = [subscription for subscription in self.live_set if subscription.wants_live]
        if shown:
            self._send_live(shown, live)
        if self.guests:
            self._send_live([guest for guest in self.guests if may_show(guest, live)], live)

    def join(self, subscription: Subscription) -> None:
        """Put a subscription whose position is exactly :attr:`cursor` into the live set."""
        subscription.state = SubscriptionState.LIVE
        subscription.cursor = self.cursor
        (self.guests if isinstance(subscription.shape, Clip) else self.live_set).add(subscription)
        if self.live is not None and self.end is None and may_show(subscription, self.live):
            self._send_live([subscription], self.live)

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        self.live_set.discard(subscription)
        self.guests.discard(subscription)
        self.subscriptions.discard(subscription)
        if self.unused:
            self._on_unused(self)

    def _send_live(self, subscriptions: list[Subscription], live: dict[str, Any]) -> None:
        outcomes = try_send_all([subscription.link for subscription in subscriptions], tail_live(self.run_id, live))
        for subscription, outcome in zip(subscriptions, outcomes, strict=True):
            if outcome is PART:
                self._leave_live_set(subscription, self.cursor)

    def _tell_end(self) -> None:
        assert self.end is not None
        live = list(self.live_set)
        outcomes = try_send_all([subscription.link for subscription in live], tail_end(self.run_id, self.end))
        for subscription, outcome in zip(live, outcomes, strict=True):
            subscription.told_end = outcome is not NONE
            if outcome is not ALL:
                self._leave_live_set(subscription, self.cursor)
        for guest in list(self.guests):
            guest.finish(guest.end_frame())

    def _leave_live_set(self, subscription: Subscription, cursor: Cursor) -> None:
        self.live_set.discard(subscription)
        self.guests.discard(subscription)
        if subscription.is_over():
            subscription.finish()
            return
        subscription.state = SubscriptionState.CATCHING_UP
        subscription.cursor = replace(cursor)
        self._catch_up(subscription)


def may_show(subscription: Subscription, live: dict[str, Any]) -> bool:
    """Return True if a client is to see the unfinished line."""
    if isinstance(subscription.shape, Clip):
        return subscription.shape.holds_live(live)
    return subscription.wants_live
