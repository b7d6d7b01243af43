"""One pub/sub connection that says which runs changed.

A notification is a hint and carries no data. The reader's sweep makes up for
lost notifications; a nonce that we publish ourselves and must receive shows
whether this connection has fallen silent.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from runtail.errors import StoreUnavailable
from runtail.store import Store, store_errors
from runtail_socket import runtime
from runtail_socket.reading.resp import Resp, pack
from runtail_socket.watchdog import Watchdog

log = logging.getLogger(__name__)

#: How often the nonce is published. The interval is shorter than the connection's read timeout
#: (5 s), so that only a connection that receives nothing at all times out.
NONCE_SECONDS = 2.0

#: If the nonce has not come for this long, the listener is stalled. Longer than a read of the store may
#: take (5 s), because the listener's greenlet also reads runs.
STALLED_SECONDS = 4 * NONCE_SECONDS

#: Time between attempts to connect.
BACKOFF_SECONDS = 0.5


class Listener:
    """The subscription to the notifications of all watched runs and of the list.

    :param on_runs: called with the ids of watched runs that changed; the listener receives nothing during the call.
    :param on_list: called with the id of any run whose state changed.
    :param on_login_change: called when a session, a user or a token is no longer what it was.
    :param on_connected: called after every (re)connection: anything may have been missed.
    :param delay: returns the seconds for which the reader would not act on a notification.
    :param batches: returns whether notifications are sure to come during the next delay.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_runs: Callable[[set[str]], None],
        on_list: Callable[[str], None],
        on_login_change: Callable[[], None],
        on_connected: Callable[[], None],
        delay: Callable[[], float],
        batches: Callable[[], bool],
    ) -> None:
        self._store = store
        self._on_runs = on_runs
        self._on_list = on_list
        self._on_login_change = on_login_change
        self._on_connected = on_connected
        self._delay = delay
        self._batches = batches
        self._list_channel = store.keys.list_notifications().encode()
        self._login_channel = store.keys.login_changes().encode()
        self._nonce_channel = f"{store.keys.list_notifications()}:{uuid.uuid4()}".encode()
        self._run_prefix = store.keys.notifications("").encode()
        self._watched: set[bytes] = set()
        self._connection: Resp | None = None
        self._sending = threading.Lock()
        self._broken = False
        self._received_at = time.monotonic()
        #: Watches the listener's greenlet.
        self.watchdog = Watchdog("The pub/sub listener")
        #: How often the connection was found to receive nothing.
        self.stalls = 0
        self._stopped = False

    @property
    def watched(self) -> int:
        """The number of runs listened to."""
        return len(self._watched)

    def watch(self, run_id: str) -> None:
        """Listen to a run. Until the server has the command, notifications may be missed."""
        channel = self._run_prefix + run_id.encode()
        self._watched.add(channel)
        self._send("SUBSCRIBE", channel)

    def unwatch(self, run_id: str) -> None:
        """Stop listening to a run."""
        channel = self._run_prefix + run_id.encode()
        self._watched.discard(channel)
        self._send("UNSUBSCRIBE", channel)

    def notify_nonce(self) -> None:
        """Publish our nonce; call every :data:`NONCE_SECONDS`.

        :raises StoreUnavailable: if the store does not answer; this says nothing about the listener.
        """
        with store_errors():
            self._store.client.publish(self._nonce_channel, b"")
        if self._connection is not None and time.monotonic() - self._received_at > STALLED_SECONDS:
            self.stalls += 1
            self._broken = True

    def run(self) -> None:
        """Listen until stopped; connect again whenever the connection ends."""
        said = ""
        while not self._stopped:
            self.watchdog.reset()
            connection: Resp | None = None
            try:
                connection = Resp(self._store.client)
                if said:
                    log.info("the pub/sub connection is back")
                said = ""
                self._listen(connection)
            except (StoreUnavailable, RedisError) as error:
                # Not even the nonce came.
                self.stalls += isinstance(error.__cause__, TimeoutError)
                if not said:
                    log.warning("the pub/sub connection ended: %s", error)
                said = str(error)
            finally:
                self._connection = None
                if connection is not None:
                    connection.close()
            time.sleep(BACKOFF_SECONDS)

    def stop(self) -> None:
        """End :meth:`run` at its next wake-up."""
        self._stopped = self._broken = True

    def _listen(self, connection: Resp) -> None:
        with self._sending:
            connection.send(
                pack("SUBSCRIBE", self._list_channel, self._login_channel, self._nonce_channel, *self._watched)
            )
            self._connection, self._broken = connection, False
            self._received_at = time.monotonic()
        self._on_connected()
        while not self._broken:
            self.watchdog.reset()
            if self._batches() and (delay := self._delay()) > 0:
                # Notifications are sure to come meanwhile: no need to wait for the first one.
                time.sleep(delay)
            received = connection.receive()
            # Notifications that come during the delay are received together after it.
            if (delay := self._delay()) > 0:
                time.sleep(delay)
                if runtime.readable(connection.socket):
                    received += connection.receive()
            runs = self._sort(received)
            if runs:
                self._on_runs(runs)

    def _sort(self, received: list[Any]) -> set[str]:
        """Act on the replies received; return the watched runs that changed."""
        runs: set[str] = set()
        for reply in received:
            if isinstance(reply, Exception):
                with store_errors():
                    raise reply
            kind, channel, data = reply
            if kind != b"message":
                continue
            if channel == self._nonce_channel:
                self._received_at = time.monotonic()
            elif channel == self._login_channel:
                self._on_login_change()
            elif channel == self._list_channel:
                self._on_list(data.decode("utf-8", "replace"))
            else:
                runs.add(channel[len(self._run_prefix) :].decode("utf-8", "replace"))
        return runs

    def _send(self, command: str, channel: bytes) -> None:
        with self._sending:
            if self._connection is None or self._broken:
                return
            try:
                self._connection.send(pack(command, channel))
            except StoreUnavailable:
                # The listener will notice, connect again and subscribe to all runs.
                self._broken = True
