"""Slots for long responses: each kind has a limited number, so that some threads are always free for short ones."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from runtail.listening import plain
from runtail_web.clients import ClientSocket
from runtail_web.problems import Problem, unavailable


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of long response."""

    #: What the client does, as the end of a sentence.
    what: str
    #: The part of the threads that this kind may take.
    part: float
    #: How many slots one client (address) may have at once; None: no limit per client.
    per_client: int | None = None
    #: The response is sent while it is produced: a thread waits for a slow client.
    streams: bool = True


FOLLOW = Kind("following a log", 1 / 2)
DOWNLOAD = Kind("downloading a log", 1 / 4)
TEXT_PAGE = Kind("reading a log as a page", 1 / 4, streams=False)
SEARCH = Kind("searching a log", 1 / 4, per_client=2)

#: The part of the threads that all kinds may take together.
ALL = 3 / 4
RETRY_AFTER_SECONDS = 2


class Slots:
    """The slots of this service.

    :param threads: the number of the service's threads.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._taken: Counter[Kind] = Counter()
        self._clients: Counter[tuple[Kind, str]] = Counter()

    def acquire(self, kind: Kind) -> Callable[[], None]:
        """Take a slot for the current request, and return the function that releases it.

        :raises Problem: 429 if this client has all the slots it may have, 503 if all slots are taken.
        """
        client = (kind, plain(request.remote_addr or ""))
        with self._lock:
            if kind.per_client is not None and self._clients[client] >= kind.per_client:
                raise Problem(
                    429,
                    "too-many",
                    "Too many requests at once",
                    f"You are {kind.what} {kind.per_client} times already. Try again in {RETRY_AFTER_SECONDS} s.",
                    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                )
            if self._taken[kind] >= self._most(kind.part) or self._taken.total() >= self._most(ALL):
                raise unavailable(f"Too many clients are {kind.what}.", RETRY_AFTER_SECONDS)
            self._taken[kind] += 1
            self._clients[client] += 1
        connection = request.environ.get("gunicorn.socket")
        if isinstance(connection, ClientSocket):
            connection.streams = kind.streams
        return lambda: self._release(kind, client)

    def _most(self, part: float) -> int:
        return max(1, int(self._threads * part))

    def _release(self, kind: Kind, client: tuple[Kind, str]) -> None:
        with self._lock:
            self._taken[kind] -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
