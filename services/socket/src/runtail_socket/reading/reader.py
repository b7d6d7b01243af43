"""The one reader of all watched runs: notifications prompt it, and a sweep finds what they missed.

Dirty runs are pulled together, in one round trip: at once when the relay is
idle; a busy relay collects notifications for up to ``coalesce_seconds`` first.
While the store is away, the reader tells viewers nothing, because it knows nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from runtail.errors import ProtocolError, StoreUnavailable
from runtail.log import epoch_requests
from runtail.log import reader as store_reader
from runtail.log.reader import Head
from runtail.protocol import Cursor, Cut, Entry, EntryId
from runtail.store import Store, store_errors
from runtail_socket.delivery.feed import Feed, Subscription
from runtail_socket.delivery.frames import Chunk, Reason, chunks, tail_reset, terminal
from runtail_socket.reading.coalescer import Coalescer
from runtail_socket.reading.listener import Listener
from runtail_socket.reading.puller import Puller
from runtail_socket.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Runs per round trip: bounds the size of one reply.
RUNS_PER_PULL = 32

#: Entries per run and round trip.
ENTRIES_PER_PULL = 16

#: Time between attempts while the store is away.
RETRY_SECONDS = 0.5

#: A run that was not read for this many ``sweep_seconds`` is compared with the store.
QUIET_SWEEPS = 1.5

#: An entry that does not continue our chain is read again this many times before it is believed:
#: head and entries are not read at the same moment.
RECHECKS = 2


class Reader:
    """Keeps every watched run's feed at the end of its log.

    :param catch_up: starts the greenlet of a subscription that is not in the live set.
    :param on_state: called with the id of a watched run whose state changed.
    :param on_sent: called for each delivery with (frames taken, their bytes, newest entry's time in ms or None).
    """

    def __init__(
        self,
        store: Store,
        listener: Listener,
        *,
        catch_up: Callable[[Subscription], None],
        on_state: Callable[[str], None],
        on_sent: Callable[[int, int, int | None], None],
    ) -> None:
        self._store = store
        self._settings = store.settings
        self._listener = listener
        self._catch_up = catch_up
        self._on_state = on_state
        self._on_sent = on_sent
        self.feeds: dict[str, Feed] = {}
        self._dirty: set[str] = set()
        self._wake = threading.Event()
        self._puller = Puller(store)
        #: Held during a round: one at a time, in whichever greenlet.
        self._reading = threading.Lock()
        #: The UUID of the store's data set when the store first had one.
        self._store_uuid: str | None = None
        self._has_answered = False
        #: The store answered the last time it was asked.
        self.store_answers = False
        #: When a round last began; once the store has answered, the sweep causes one every half second.
        self.turned_at = time.monotonic()
        #: Watches the reader's own greenlet.
        self.watchdog = Watchdog("The reader")
        self.coalescer = Coalescer(store.settings.coalesce_seconds)
        #: How many runs were reset to a new epoch.
        self.resets = 0

    # Called by listener and sweep

    def notified(self, run_ids: Iterable[str]) -> None:
        """Read runs that have changed, in the caller's greenlet.

        Waking the reader's own greenlet would cost as much as a small pull.
        """
        self._dirty.update(run_id for run_id in run_ids if run_id in self.feeds)
        if self._dirty:
            self._read()

    def mark(self, run_id: str) -> None:
        """Note that a watched run may have changed; the reader's own greenlet will look."""
        if run_id in self.feeds:
            self._dirty.add(run_id)
            self._wake.set()

    def mark_all(self) -> None:
        """Note that any watched run may have changed."""
        self._dirty.update(self.feeds)
        self._wake.set()

    def sweep(self) -> None:
        """Mark every watched run that was not read for 1.5 ``sweep_seconds``. Call it twice per ``sweep_seconds``.

        Each run is then compared with the store at least once in two ``sweep_seconds``, which
        reveals a lost notification, a stalled connection or a store that rolled back.
        (With 1 instead of 1.5, a run that prints every second would often be read twice.)

        :raises StoreUnavailable: if the store does not answer.
        """
        if not self._has_answered:
            # Before the store's first answer there is nothing to read and no round begins: that is not a stall.
            self.turned_at = time.monotonic()
            self._store_uuid = self._store.known_uuid()
            self.store_answers = self._has_answered = True
        elif self._store_uuid is None:
            # An empty store gets its UUID from web or a worker. The round tells whether the store answers.
            with suppress(StoreUnavailable):
                self._store_uuid = self._store.known_uuid()
        before = time.monotonic() - QUIET_SWEEPS * self._settings.sweep_seconds
        self._dirty.update(run_id for run_id, feed in self.feeds.items() if feed.read_at <= before)
        self._wake.set()

    # Called by subscriptions

    @contextmanager
    def pin(self, run_id: str) -> Iterator[Feed]:
        """Yield the feed of a run, watched from now on; the feed stays while it is held or subscribed to.

        :raises RunNotFound: if there is no such run.
        :raises StoreUnavailable: if the store does not answer.
        """
        feed = self.feeds.get(run_id) or self._open(run_id)
        feed.pins += 1
        try:
            yield feed
        finally:
            feed.pins -= 1
            self.forget_unused(feed)

    def _open(self, run_id: str) -> Feed:
        head = store_reader.head(self._store, run_id)
        end = self._read_end(run_id) if head.state.terminal else None
        feed = self.feeds.get(run_id)
        if feed is not None:  # Another greenlet opened it while we asked.
            return feed
        feed = Feed(run_id, at_end(head), catch_up=self._catch_up, on_unused=self.forget_unused)
        feed.state, feed.live, feed.end, feed.execution = str(head.state), head.live, end, head.execution
        self.feeds[run_id] = feed
        self._listener.watch(run_id)
        # To read entries written between the answer and the subscription.
        self.mark(run_id)
        return feed

    def _read_end(self, run_id: str) -> dict[str, Any] | None:
        with store_errors():
            newest: Any = self._store.client.xrevrange(self._store.keys.log(run_id), count=1)
        if not newest:
            return None
        id_, fields = newest[0]
        return terminal(Entry.from_fields(EntryId.parse(id_), fields))

    def forget_unused(self, feed: Feed) -> None:
        """Stop watching a run that nobody follows any more."""
        if feed.unused and self.feeds.get(feed.run_id) is feed:
            del self.feeds[feed.run_id]
            self._dirty.discard(feed.run_id)
            self._listener.unwatch(feed.run_id)

    def outdated(self, feed: Feed, head: Head) -> None:
        """Reset a feed whose epoch is outdated: all its viewers start again."""
        if feed.over:
            return
        reason: Reason
        if head.execution > feed.execution:
            reason = "execution"
            why = f"This id was used again. The earlier log is that of run {feed.run_id}~{feed.execution} now."
        elif feed.epoch_wanted is not None:
            reason, why = feed.epoch_wanted
        else:
            reason = "store-lost"
            why = "The store may have lost a part of this run's log. What it has now begins a new history."
        self._reset(feed, head.epoch, reason, why)

    # The loop

    def run(self) -> None:
        """Pull the runs that were marked; never returns."""
        while True:
            self._wake.wait()
            self.watchdog.reset()
            time.sleep(max(0.0, self.coalescer.delay_seconds))
            self._wake.clear()
            self._read()

    def _read(self) -> None:
        """Pull the dirty runs: one round."""
        with self._reading:
            self.turned_at = time.monotonic()
            self.coalescer.begin()
            dirty, self._dirty = self._dirty, set()
            try:
                self._pull(dirty)
                self.store_answers = True
                self.coalescer.end(len(dirty))
            except StoreUnavailable as error:
                if self.store_answers:
                    log.warning("the store does not answer: %s", error)
                self.store_answers = False
                # The pool's idle connections are just as dead; each would cost a caller an answer.
                self._store.client.connection_pool.disconnect(inuse_connections=False)
                self._dirty |= dirty
                self._wake.set()
                self.coalescer.delay(RETRY_SECONDS)

    def _pull(self, dirty: set[str]) -> None:
        feeds = [feed for run_id in dirty if (feed := self.feeds.get(run_id))]
        for index in range(0, len(feeds), RUNS_PER_PULL):
            batch = feeds[index : index + RUNS_PER_PULL]
            try:
                self._pull_together(batch)
            except ProtocolError:
                # One run cannot be read; it must not stop the others.
                for feed in batch:
                    self._pull_alone(feed)

    def _pull_together(self, batch: list[Feed]) -> None:
        wanted = [(feed.run_id, feed.cursor.last) for feed in batch]
        asked_at = time.monotonic()
        answers = self._puller.pull(wanted, ENTRIES_PER_PULL)
        for feed, (head, entries) in zip(batch, answers, strict=True):
            # The last viewer may have left between question and answer.
            if self.feeds.get(feed.run_id) is feed:
                feed.read_at = asked_at
                self._take(feed, head, entries)

    def _pull_alone(self, feed: Feed) -> None:
        try:
            self._pull_together([feed])
        except ProtocolError as error:
            log.warning("the log of run %s cannot be read: %s", feed.run_id, error)
            self._reset(feed, feed.cursor.epoch, "chain", f"The stored log cannot be read: {error}.")

    def _take(self, feed: Feed, head: Head | None, entries: list[Entry]) -> None:
        if head is None:
            self._gone(feed)
            return
        if head.epoch != feed.cursor.epoch:
            self.outdated(feed, head)
            return
        if head.last < feed.cursor.last:
            self._behind(feed)
            return
        feed.behind_since = None
        trial = replace(feed.cursor)
        try:
            items = trial.advance(entries, head.cut)
            if trial.last == head.last and trial.chain != head.chain:
                # The same last entry with another digest: a store that rolled back was filled by another writer.
                raise ProtocolError("discontinuity", f"entry {head.last} has another digest")
        except ProtocolError as error:
            self._contradiction(feed, error)
            return
        feed.suspicions, feed.epoch_wanted = 0, None
        self._deliver(feed, items)
        # Its line number tells clients whether the text is stored by now; the progress is valid anyway.
        feed.show_live(head.live)
        if str(head.state) != feed.state:
            feed.state = str(head.state)
            self._on_state(feed.run_id)
        if len(entries) == ENTRIES_PER_PULL:
            self.mark(feed.run_id)

    def _deliver(self, feed: Feed, items: list[Entry | Cut]) -> None:
        made: list[Chunk] = list(chunks(feed.run_id, feed.cursor, items, self._settings.frame_bytes))
        for chunk in made:
            self._on_sent(*feed.deliver([chunk]), chunk.newest_ms)

    # What may be wrong with a log

    def _gone(self, feed: Feed) -> None:
        """Handle a missing record: the run was deleted, or the store was emptied and the run's writer will say so."""
        uuid = self._store.known_uuid()
        if self._store_uuid is None or uuid == self._store_uuid or self._patience_is_over(feed):
            self._reset(feed, 0, "store-lost", "This run is no longer in the store: it was deleted or has expired.")

    def _behind(self, feed: Feed) -> None:
        """Handle a store that has less than we have sent: the run's writer may be about to write the rest again."""
        if self._patience_is_over(feed):
            self._want_epoch(feed, "ahead", "The store lost lines that were already shown.")

    def _contradiction(self, feed: Feed, error: ProtocolError) -> None:
        """Handle entries that do not continue our chain: look again, then ask for a new epoch."""
        feed.suspicions += 1
        if feed.suspicions <= RECHECKS:
            self.mark(feed.run_id)
            return
        if feed.epoch_wanted is None:
            log.warning("the log of run %s contradicts itself: %s", feed.run_id, error)
        why = "The stored log does not continue what was already shown."
        self._want_epoch(feed, "chain", why, certain=True)

    def _want_epoch(self, feed: Feed, reason: Reason, why: str, *, certain: bool = False) -> None:
        """Ask web, which may write, for a new epoch. The next sweep asks again while the store is as it is."""
        first, feed.epoch_wanted = feed.epoch_wanted is None, (reason, why)
        heard = epoch_requests.publish(self._store, feed.run_id, feed.cursor, certain=certain)
        if first and not heard:
            log.warning("run %s needs a new epoch, and no web service listens: this relay waits for one", feed.run_id)

    def _patience_is_over(self, feed: Feed) -> bool:
        now = time.monotonic()
        feed.behind_since = feed.behind_since or now
        return now - feed.behind_since > self._settings.lease_seconds

    def _reset(self, feed: Feed, epoch: int, reason: Reason, why: str) -> None:
        """End all subscriptions to a history that no longer exists; clients subscribe again as they like."""
        self.resets += 1
        log.info("run %s has a new epoch, %d: %s", feed.run_id, epoch, reason)
        feed.over = True
        farewell = tail_reset(feed.run_id, epoch, reason, why)
        for subscription in list(feed.subscriptions):
            subscription.finish(farewell)
        # A handler may still hold the feed; it will see that the feed is over.
        if self.feeds.get(feed.run_id) is feed:
            del self.feeds[feed.run_id]
            self._listener.unwatch(feed.run_id)


def at_end(head: Head) -> Cursor:
    """Return a cursor at the end of a run's log."""
    return Cursor(head.epoch, head.last, head.line, head.chain)
