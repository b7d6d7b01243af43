"""Catching up: one subscription, served from the store at its own pace, until it joins the live set."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from runtail.errors import ProtocolError, RunNotFound, StoreUnavailable
from runtail.log import reader as store_reader
from runtail.log.reader import Head
from runtail.protocol import Cut, Entry, EntryId
from runtail.store import Store
from runtail_socket import runtime
from runtail_socket.delivery.feed import Subscription, SubscriptionState
from runtail_socket.delivery.frames import Chunk, Reason, chunks, tail_reset
from runtail_socket.reading.single_flight import SingleFlight
from runtail_socket.transport.websocket import Frame

log = logging.getLogger(__name__)

#: Reads at once, for all catching-up viewers together: each holds a connection to the store.
CONCURRENT_READS = 16

#: Entries in the first read; later reads ask for about a frame's worth.
FIRST_ENTRIES = 4
MAX_ENTRIES = 64

#: The first frames are small; they grow while the client takes them quickly
#: and shrink when one takes long, so that a ping never waits long for a frame.
FIRST_FRAME_BYTES = 65536
MIN_FRAME_BYTES = 16384
QUICK_SECONDS = 0.25
SLOW_SECONDS = 1.0

#: How long to wait for the answer to ``subscribe`` to go out.
ANSWER_SECONDS = 30.0

#: Time between checks for a position that does not exist yet, or not again.
WAIT_SECONDS = 1.0

#: Time between checks whether the reader has advanced.
NUDGE_SECONDS = 0.02

#: Reads kept for the next viewer that asks, and how much of a log each may hold.
MOST_SHARED = 32
MAX_SHARED_BYTES = 65536

#: Time between attempts while the store is away.
RETRY_SECONDS = 0.5


class CatchUp:
    """Serves the subscriptions that are not in the live set, each in its own greenlet.

    :param nudge: called with the id of a run of which the store has more than the reader.
    :param on_sent: called for each frame with (frames, their bytes, newest entry's time in ms or None).
    """

    def __init__(
        self,
        store: Store,
        *,
        nudge: Callable[[str], None],
        on_sent: Callable[[int, int, int | None], None],
    ) -> None:
        self._store = store
        self._settings = store.settings
        self.nudge = nudge
        self._on_sent = on_sent
        #: By run, epoch, entry and number of entries. Empty answers are not kept: their viewers ask again at once.
        self._shared: SingleFlight[tuple[str, int, EntryId, int], tuple[Head | None, list[Entry]]] = SingleFlight(
            MOST_SHARED,
            lambda answer: bool(answer[1]) and sum(len(entry.payload) for entry in answer[1]) <= MAX_SHARED_BYTES,
        )
        self._reads = threading.BoundedSemaphore(CONCURRENT_READS)
        #: Subscriptions being served now.
        self.serving = 0
        #: How many times serving a subscription has begun.
        self.started = 0

    def start(self, subscription: Subscription) -> None:
        """Serve a subscription until it joins the live set; do nothing if it is being served already."""
        if not subscription.serving:
            subscription.serving = True
            self.started += 1
            runtime.spawn(self._serve, subscription)

    def _serve(self, subscription: Subscription) -> None:
        self.serving += 1
        try:
            if subscription.fresh:
                subscription.fresh = False
                subscription.link.wait_for_queue(ANSWER_SECONDS)
            if subscription.state is not SubscriptionState.WAITING or self._arrive(subscription):
                _Pursuit(self, subscription).run()
        except OSError:
            # The client is gone; Engine.IO notices and tells the namespace.
            subscription.finish()
        except Exception:
            # This may not be the viewer's fault: it comes back and resumes.
            log.exception("a viewer of run %s could not be served", subscription.feed.run_id)
            subscription.link.close("error")
        finally:
            self.serving -= 1
            subscription.serving = False

    def read(self, subscription: Subscription, count: int) -> tuple[list[Entry | Cut], int]:
        """Return the items between the subscription's cursor and the feed's, and the number of entries read.

        Does not move the cursor.

        :raises Discontinuity: if the store does not continue from the cursor.
        :raises StoreUnavailable: if the store does not answer.
        """
        feed = subscription.feed
        after = subscription.cursor.last
        key = (feed.run_id, subscription.cursor.epoch, after, count)
        head, entries = self._shared.get(key, lambda: self._pull(feed.run_id, after, count))
        # Never further than the reader: a subscription joins at the reader's position.
        entries = [entry for entry in entries if entry.id <= feed.cursor.last]
        trial = replace(subscription.cursor)
        return trial.advance(entries, head.cut if head else None), len(entries)

    def _pull(self, run_id: str, after: EntryId, count: int) -> tuple[Head | None, list[Entry]]:
        with self._reads:
            return store_reader.pull(self._store, [(run_id, after)], count=count)[0]

    def sent(self, frame: Frame, newest_ms: int | None) -> None:
        """Count one frame."""
        self._on_sent(1, len(frame), newest_ms)

    @property
    def frame_bytes(self) -> int:
        """The largest size of a frame."""
        return self._settings.frame_bytes

    def _arrive(self, subscription: Subscription) -> bool:
        """Wait for a position that the store does not have yet, or not again; return False after giving up."""
        feed, wanted = subscription.feed, subscription.cursor
        deadline = time.monotonic() + self._settings.lease_seconds
        while not subscription.is_over():
            try:
                with self._reads:
                    found = store_reader.locate(self._store, feed.run_id, wanted.line, wanted.chain)
                if not found.beyond:
                    if found.matched and found.head.epoch == wanted.epoch:
                        subscription.state = SubscriptionState.CATCHING_UP
                        subscription.cursor = found.cursor
                        return True
                    self._give_up(subscription, found.head.epoch, "chain")
                    return False
                if time.monotonic() > deadline:
                    self._give_up(subscription, found.head.epoch, "ahead")
                    return False
            except RunNotFound:
                return False  # the reader tells the viewer
            except StoreUnavailable:
                # Time in which the store is away does not count.
                deadline += WAIT_SECONDS
            subscription.wake.clear()
            subscription.wake.wait(WAIT_SECONDS)
        return False

    def _give_up(self, subscription: Subscription, epoch: int, reason: Reason) -> None:
        why = "The store does not have the lines that were shown up to here."
        subscription.finish(tail_reset(subscription.feed.run_id, epoch, reason, why))


class _Pursuit:
    """One subscription on its way to the live set."""

    def __init__(self, catch_up: CatchUp, subscription: Subscription) -> None:
        self._catch_up = catch_up
        self._subscription = subscription
        self._entries = FIRST_ENTRIES
        self._frame_bytes = min(FIRST_FRAME_BYTES, catch_up.frame_bytes)
        self._failures = 0

    def run(self) -> None:
        """Send until the feed is reached, then join it.

        :raises OSError: if the client is gone.
        """
        subscription = self._subscription
        feed = subscription.feed
        while not subscription.is_over():
            subscription.link.flush()
            if subscription.is_complete:
                subscription.finish(subscription.end_frame())
                return
            if not subscription.window_open:
                subscription.wake.clear()
                subscription.wake.wait(1.0)
                continue
            if subscription.cursor.last == feed.cursor.last:
                if feed.end is not None and not subscription.told_end:
                    subscription.told_end = True
                    subscription.link.send(subscription.end_frame())
                    continue
                feed.join(subscription)
                return
            for made, chunk in self._next():
                if subscription.is_over():
                    return
                self._send(made, chunk)

    def _next(self) -> list[tuple[Frame | None, Chunk]]:
        """Return the next frames, each with its chunk; the chunks are emptied because frames may wait long."""
        subscription = self._subscription
        try:
            items, entries = self._catch_up.read(subscription, self._entries)
            self._failures = 0
        except StoreUnavailable:
            time.sleep(RETRY_SECONDS)
            return []
        except ProtocolError as error:
            self._failures += 1
            if self._failures > 2:
                # The reader, at the end of the same log, decides for all viewers;
                # this one alone is in a part that is gone.
                log.warning("a viewer of run %s cannot continue: %s", subscription.feed.run_id, error)
                self._reset(str(error))
            time.sleep(RETRY_SECONDS)
            return []
        if not items:
            # The reader has not reached the viewer's position, or will find out what is wrong.
            self._catch_up.nudge(subscription.feed.run_id)
            time.sleep(NUDGE_SECONDS)
            return []
        made = []
        for chunk in chunks(subscription.feed.run_id, subscription.cursor, items, self._frame_bytes):
            made.append((chunk.frame(subscription.shape), chunk))
            chunk.release()
        size = sum(chunk.payload_bytes for _, chunk in made)
        average = max(1, size // max(1, entries))
        self._entries = max(1, min(MAX_ENTRIES, self._catch_up.frame_bytes // average))
        return made

    def _send(self, frame: Frame | None, chunk: Chunk) -> None:
        subscription = self._subscription
        if frame is not None:
            began = time.monotonic()
            subscription.link.send(frame)
            subscription.count(chunk.bytes_in(subscription.shape))
            self._catch_up.sent(frame, chunk.newest_ms)
            took = time.monotonic() - began
            if took < QUICK_SECONDS:
                self._frame_bytes = min(self._catch_up.frame_bytes, self._frame_bytes * 2)
            elif took > SLOW_SECONDS:
                self._frame_bytes = max(MIN_FRAME_BYTES, self._frame_bytes // 2)
        subscription.cursor = chunk.after

    def _reset(self, why: str) -> None:
        subscription = self._subscription
        subscription.finish(
            tail_reset(
                subscription.feed.run_id,
                subscription.feed.cursor.epoch,
                "chain",
                f"The stored log does not continue what was shown: {why}",
            )
        )
