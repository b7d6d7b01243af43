"""One connection to the store, below redis-py's commands: bytes out, replies in.

redis-py connects (address, login, TLS, Sentinel) and hiredis parses. What
redis-py has in between (a look at the socket for each checkout, pipelines,
retries, its own measures) costs several times what it carries when the same
question is asked again and again, as the relay does.
"""

from __future__ import annotations

from typing import Any

import hiredis
import redis
from redis.exceptions import InvalidResponse, ResponseError

from runtail.errors import StoreUnavailable
from runtail.store import store_errors

#: What one call takes at most; replies that are larger take several.
RECEIVE_BYTES = 65536

_NOT_YET = object()


def pack(*command: str | bytes | int) -> bytes:
    """Return a command as it goes over the connection."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub has no union
    return packed


class Resp:
    """A connection of the client's pool, taken out of it until :meth:`close` or :meth:`give_back`.

    :raises StoreUnavailable: if there is none to be had.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        with store_errors():
            self._connection = self._pool.get_connection()
        #: For :func:`runtail_socket.runtime.readable` and the like.
        self.socket: Any = self._connection._sock
        self._replies = hiredis.Reader(InvalidResponse, ResponseError, notEnoughData=_NOT_YET)

    def send(self, packed: bytes) -> None:
        """Send what :func:`pack` made, of one command or several.

        :raises StoreUnavailable: if the connection is over.
        """
        try:
            self.socket.sendall(packed)
        except (OSError, EOFError) as error:
            raise StoreUnavailable(f"the store did not answer: {error}") from error

    def receive(self) -> list[Any]:
        """Wait until something comes; return the replies that are complete now, maybe none.

        An error that the server answered is among them, as ``ResponseError``.

        :raises StoreUnavailable: if the connection is over; from TimeoutError if nothing came in time.
        """
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except (OSError, EOFError) as error:
            # (EOFError: eventlet's, for a socket that somebody closed meanwhile.)
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
        """Put the connection, on which nothing is under way, back into its pool."""
        self._pool.release(self._connection)
