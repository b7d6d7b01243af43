"""One connection to the store, below redis-py's commands: bytes out, replies in.

redis-py connects (address, login, TLS, Sentinel) and hiredis parses. The
layers of redis-py in between (a check of the socket for each checkout,
pipelines, retries, its own metrics) cost several times as much as the traffic
itself when the same question is asked again and again, as the relay does.
"""

from __future__ import annotations

from typing import Any

import hiredis
import redis
from redis.exceptions import InvalidResponse, ResponseError

from runtail.errors import StoreUnavailable
from runtail.store import store_errors

#: The most that one call receives; larger replies take several calls.
RECEIVE_BYTES = 65536

_NOT_YET = object()


def pack(*command: str | bytes | int) -> bytes:
    """Return a command in the form that goes over the connection."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub has no union
    return packed


class Resp:
    """A connection of the client's pool, taken out of it until :meth:`close` or :meth:`give_back`.

    :raises StoreUnavailable: if the pool has no connection to give.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        with store_errors():
            self._connection = self._pool.get_connection()
        #: For functions such as :func:`runtail_socket.runtime.readable`.
        self.socket: Any = self._connection._sock
        self._replies = hiredis.Reader(InvalidResponse, ResponseError, notEnoughData=_NOT_YET)

    def send(self, packed: bytes) -> None:
        """Send one or more commands made by :func:`pack`.

        :raises StoreUnavailable: if the connection is over.
        """
        try:
            self.socket.sendall(packed)
        except (OSError, EOFError) as error:
            raise StoreUnavailable(f"the store did not answer: {error}") from error

    def receive(self) -> list[Any]:
        """Wait for data; return the replies that are complete now, possibly none.

        A reply that is an error appears among them as ``ResponseError``.

        :raises StoreUnavailable: if the connection is over; caused by TimeoutError if nothing came in time.
        """
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except (OSError, EOFError) as error:
            # (eventlet raises EOFError for a socket that other code closed meanwhile.)
            raise StoreUnavailable(f"the store did not answer: {error}") from error
        if not data:
            raise StoreUnavailable("the store closed the connection")
        replies = self._replies
        replies.feed(data)
        found: list[Any] = []
        while (reply := replies.gets()) is not _NOT_YET:
            found.append(reply)
        return found

    def close(self) -> None:
        """End the connection."""
        self._connection.disconnect()
        self._pool.release(self._connection)

    def give_back(self) -> None:
        """Put the connection back into its pool; nothing may be under way on it."""
        self._pool.release(self._connection)
