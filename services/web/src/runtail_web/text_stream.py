"""A log as a stream of text: the stored output, or the stored output and everything that follows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

from redis.client import PubSub
from redis.exceptions import RedisError

from runtail.errors import RunNotFound, StoreUnavailable
from runtail.log.reader import Head, Location, pull, read
from runtail.protocol import Cursor, Cut, Discontinuity, Entry
from runtail.store import Store

#: After a lost notification, new output is noticed within this time.
SWEEP_SECONDS = 1.0
#: A follower waits this long for a store that is away; then its stream breaks off.
PATIENCE_SECONDS = 60.0
#: Entries per read; an entry has at most 64 KiB or so.
ENTRIES = 32

#: Headers of answers that are read while they are made: nginx would hold an answer until its buffer is full, and other
#: proxies might do so to compress it.
LIVE = {"X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"}


def as_stored(store: Store, cursor: Cursor, run_id: str) -> tuple[Head | None, list[Entry | Cut]]:
    """Return the items that follow a cursor and move it on, even if the chain does not hold.

    A client that gets entries checks them and names the broken one; a client
    that gets bytes gets those that are stored.
    :raises StoreUnavailable: if the server did not answer.
    """
    before = cursor.last
    try:
        return read(store, cursor, run_id, count=ENTRIES)
    except Discontinuity:
        head, entries = pull(store, [(run_id, before)], count=ENTRIES)[0]
        if entries:
            last = entries[-1]
            cursor.last, cursor.line, cursor.chain = last.id, last.next_line, last.chain
        return head, list(entries)


def stored(store: Store, run_id: str, location: Location) -> Iterator[bytes]:
    """Yield the output stored now, byte for byte.

    :raises RuntailError: in the middle of the stream; the transfer then visibly breaks off.
    """
    cursor, until = location.cursor, location.head.last
    while cursor.last < until:
        head, items = as_stored(store, cursor, run_id)
        if head is None:
            raise RunNotFound(run_id)
        if not items:
            return
        for item in items:
            if not isinstance(item, Cut) and item.type == "o" and item.id <= until:
                yield item.payload


def followed(
    store: Store,
    run_id: str,
    location: Location,
    *,
    stop: threading.Event,
    gone: Callable[[], bool],
) -> Iterator[bytes]:
    """Yield the stored output, then new output until the run is over.

    :param stop: set when this service ends.
    :param gone: tells whether the reader went away.
    """
    # An empty piece sends the headers: the reader learns at once that it follows, however silent the run is.
    yield b""
    cursor = location.cursor
    notifications = store.client.pubsub(ignore_subscribe_messages=True)
    away_since: float | None = None
    try:
        while not (stop.is_set() or gone()):
            try:
                head, items = read(store, cursor, run_id, count=ENTRIES)
            except StoreUnavailable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > PATIENCE_SECONDS:
                    raise
                stop.wait(SWEEP_SECONDS)
                continue
            away_since = None
            yield from (item.payload for item in items if not isinstance(item, Cut) and item.type == "o")
            if head is None or (head.state.terminal and cursor.last >= head.last):
                return
            if not items or cursor.last >= head.last:
                _wait(store, notifications, run_id, stop)
    finally:
        notifications.close()


def _wait(store: Store, notifications: PubSub, run_id: str, stop: threading.Event) -> None:
    """Wait for a notification of the run, or until it is time to look without one."""
    try:
        if not notifications.subscribed:
            notifications.subscribe(store.keys.notifications(run_id))
            # Entries written before the subscription took effect send no notification: look at once.
            return
        notifications.get_message(timeout=SWEEP_SECONDS)
    except RedisError:
        stop.wait(SWEEP_SECONDS)


def gone_check(environ: dict[str, object]) -> Callable[[], bool]:
    """Return a function that tells whether the client closed its connection.

    For a silent run nothing is written, so no write would fail. The server names
    the socket in the environment; without that, the function always returns False.
    """
    connection = environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket):
        return lambda: False

    def gone() -> bool:
        try:
            return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    return gone
