"""A log as a stream of text: the stored output, or the stored output and everything that follows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator

from redis.client import PubSub
from redis.exceptions import RedisError

from runtail.errors import RunNotFound, StoreUnavailable
from runtail.log.reader import Head, Location, pull, read
from runtail.protocol import OUTPUT, Clip, Cursor, Cut, Discontinuity, Entry
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


def as_stored(
    store: Store, cursor: Cursor, run_id: str, clip: Clip | None = None
) -> tuple[Head | None, list[Entry | Cut]]:
    """Return the items that follow a cursor and move it on, even if the chain does not hold.

    A client that gets entries checks them and names the broken one; a client
    that gets bytes gets those that are stored.

    :param clip: the lines that the reader may see, in the cursor's epoch; None: all.
    :raises RunNotFound: if there are only these lines for the reader, and the log has begun another epoch.
    :raises StoreUnavailable: if the server did not answer.
    """
    before = cursor.last
    try:
        head, items = read(store, cursor, run_id, count=ENTRIES)
    except Discontinuity:
        head, entries = pull(store, [(run_id, before)], count=ENTRIES)[0]
        items = list(entries)
        if entries:
            last = entries[-1]
            cursor.last, cursor.line, cursor.chain = last.id, last.next_line, last.chain
    _check_epoch(head, cursor, clip)
    return head, items


def stored(store: Store, run_id: str, location: Location, clip: Clip | None = None) -> Generator[bytes]:
    """Yield the output stored now, byte for byte.

    :param clip: the lines that the reader may see, in this epoch; None: all.
    :raises RuntailError: in the middle of the stream; the transfer then visibly breaks off.
    """
    cursor, until = location.cursor, location.head.last
    while cursor.last < until and not (clip and clip.ends_before(cursor.line)):
        head, items = as_stored(store, cursor, run_id, clip)
        if head is None:
            raise RunNotFound(run_id)
        if not items:
            return
        yield from _output((item for item in items if isinstance(item, Cut) or item.id <= until), clip)


def _check_epoch(head: Head | None, cursor: Cursor, clip: Clip | None) -> None:
    """Check that a part is still of the log whose lines were shared."""
    if clip and head is not None and head.epoch != cursor.epoch:
        raise RunNotFound(head.run_id)


def _output(items: Iterable[Entry | Cut], clip: Clip | None) -> Iterator[bytes]:
    """Yield the output of items, as far as the reader may see it."""
    for item in clip.items(items) if clip else items:
        if not isinstance(item, Cut) and item.type == OUTPUT:
            yield item.payload


def followed(
    store: Store,
    run_id: str,
    location: Location,
    clip: Clip | None,
    *,
    stop: threading.Event,
    gone: Callable[[], bool],
    login_changed: Callable[[], None],
) -> Generator[bytes]:
    """Yield the stored output, then new output until the run is over; empty pieces while there is none.

    :param clip: the lines that the reader may see; None: all.
    :param stop: set when this service ends.
    :param gone: tells whether the reader went away.
    :param login_changed: called when some login has changed.
    """
    # An empty piece sends the headers: the reader learns at once that it follows, however silent the run is.
    yield b""
    cursor = location.cursor
    notifications = store.client.pubsub(ignore_subscribe_messages=True)
    away_since: float | None = None
    try:
        while not (stop.is_set() or gone() or (clip and clip.ends_before(cursor.line))):
            try:
                head, items = read(store, cursor, run_id, count=ENTRIES)
            except StoreUnavailable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > PATIENCE_SECONDS:
                    raise
                stop.wait(SWEEP_SECONDS)
                continue
            away_since = None
            _check_epoch(head, cursor, clip)
            yield from _output(items, clip)
            if head is None or (head.state.terminal and cursor.last >= head.last):
                return
            if not items or cursor.last >= head.last:
                if _wait(store, notifications, run_id, stop) == store.keys.login_changes():
                    login_changed()
                yield b""
    finally:
        notifications.close()


def _wait(store: Store, notifications: PubSub, run_id: str, stop: threading.Event) -> str:
    """Wait for a notification, or until it is time to look without one; return its channel, or nothing."""
    try:
        if not notifications.subscribed:
            notifications.subscribe(store.keys.notifications(run_id), store.keys.login_changes())
            # Entries written before the subscription took effect send no notification: look at once.
            return ""
        told = notifications.get_message(timeout=SWEEP_SECONDS)
    except RedisError:
        stop.wait(SWEEP_SECONDS)
        return ""
    return told["channel"].decode() if told else ""


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
