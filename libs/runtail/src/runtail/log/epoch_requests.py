"""Requests of relays to begin a new epoch.

A relay only reads the store, so that its user there needs no right to write. When it has read history that the store no
longer has, it publishes a request. Each web service looks for requests; carrying one out twice changes nothing more.
A request that nobody heard is repeated, because the relay still sees the contradiction.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import orjson

from runtail.errors import ProtocolError
from runtail.log.reader import raise_epoch
from runtail.protocol import Cursor, EntryId
from runtail.store import Store, store_errors

log = logging.getLogger(__name__)

#: A longer request does not come from a relay.
MAX_REQUEST_BYTES = 4096
#: Requests that are carried out at once; the others are repeated.
MAX_REQUESTS = 200
#: The subscription is renewed this often: nothing else shows that its connection is dead.
RENEW_SECONDS = 30.0
_MAX_NUMBER = 2**53


def publish(store: Store, run_id: str, cursor: Cursor, *, certain: bool) -> bool:
    """Ask for a new epoch of a run, because the store lost what *cursor* has read; return whether somebody listens.

    :param certain: the stored log contradicts itself, entry by entry.
    :raises StoreUnavailable: if the server did not answer.
    """
    request = {
        "v": 1, "run": run_id, "epoch": cursor.epoch, "last": str(cursor.last), "chain": cursor.chain.hex(),
        "certain": certain,
    }  # fmt: skip
    with store_errors():
        heard: Any = store.client.publish(store.keys.epoch_requests(), orjson.dumps(request))
    return int(heard) > 0


class EpochRequests:
    """Hears the requests, from the first call of :meth:`handle` on, and carries them out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._channel: Any = None
        self._since = 0.0

    def handle(self) -> int:
        """Carry out the requests that came since the last call; return how many epochs were raised or were so already.

        :raises StoreUnavailable: if the server did not answer; the next call subscribes again.
        """
        done = 0
        if time.monotonic() - self._since > RENEW_SECONDS:
            self.close()
        try:
            with store_errors():
                if self._channel is None:
                    self._channel = self._store.client.pubsub(ignore_subscribe_messages=True)
                    self._channel.subscribe(self._store.keys.epoch_requests())
                    self._since = time.monotonic()
                for _ in range(MAX_REQUESTS):
                    message = self._channel.get_message(timeout=0)
                    if message is None and not self._channel.connection.can_read(timeout=0):
                        break
                    done += message is not None and self._carry_out(message["data"])
        except BaseException:
            self.close()
            raise
        return done

    def close(self) -> None:
        """End the subscription; the next call of :meth:`handle` makes another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _carry_out(self, data: bytes) -> bool:
        try:
            run_id, cursor, certain = _read(data)
        except (ValueError, TypeError, KeyError, ProtocolError) as error:
            log.warning("a request for a new epoch cannot be read: %.200s", error)
            return False
        return raise_epoch(self._store, run_id, cursor, certain=certain) != 0


def _read(data: bytes) -> tuple[str, Cursor, bool]:
    """Read a request.

    :raises ValueError, TypeError, KeyError, ProtocolError: if it is not one.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise ValueError(f"it has {len(data)} bytes")
    request = orjson.loads(data)
    run_id, epoch, last = request["run"], request["epoch"], request["last"]
    if not isinstance(run_id, str) or not isinstance(last, str) or type(epoch) is not int:
        raise TypeError("run and last are not text, or epoch is not a number")
    if not 0 <= epoch < _MAX_NUMBER:
        raise ValueError("epoch is out of range")
    # (The line plays no part in it.)
    cursor = Cursor(epoch, EntryId.parse(last), 1, bytes.fromhex(request["chain"]))
    return run_id, cursor, request["certain"] is True
