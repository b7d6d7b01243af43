"""Slots for long responses: each kind has a limited number, so that some threads are always free for short ones."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from runtail_web.authorization import principal
from runtail_web.clients import ClientSocket
from runtail_web.limits import Limits, counted_by
from runtail_web.problems import unavailable


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of long response."""

    #: The limit's name.
    name: str
    #: What the client does, as the end of a sentence.
    what: str
    #: The part of the threads that this kind may take.
    part: float
    #: How many slots one client may have at once.
    per_client: int
    #: The response is sent while it is produced: a thread waits for a slow client.
    streams: bool = True


FOLLOW = Kind("follow", "following a log", 1 / 2, 4)
DOWNLOAD = Kind("download", "downloading a log", 1 / 4, 4)
TEXT_PAGE = Kind("text-page", "reading a log as a page", 1 / 4, 4, streams=False)
SEARCH = Kind("search", "searching a log", 1 / 4, 2)

#: The part of the threads that all kinds may take together.
ALL = 3 / 4
RETRY_AFTER_SECONDS = 2


class Slots:
    """The slots of this service.

    :param threads: the number of the service's threads.
    :param limits: counts what is refused.
    """

    def __init__(self, threads: int, limits: Limits) -> None:
        self._threads = threads
        self._limits = limits
        self._lock = threading.Lock()
        self._taken: Counter[Kind] = Counter()
        self._clients: Counter[tuple[Kind, str]] = Counter()

    def acquire(self, kind: Kind) -> Callable[[], None]:
        """Take a slot for the current request, and return the function that releases it.

        :raises Problem: 429 if this client has all the slots it may have, 503 if all slots are taken.
        """
        who = counted_by(principal())
        client = None if who is None else (kind, who)
        with self._lock:
            if client is not None and self._clients[client] >= kind.per_client:
                told = f"You are {kind.what} {kind.per_client} times already, which is the most at once."
                raise self._limits.refusal(kind.name, told, RETRY_AFTER_SECONDS - 1)
            if self._taken[kind] >= self._most(kind.part) or self._taken.total() >= self._most(ALL):
                raise unavailable(f"Too many clients are {kind.what}.", RETRY_AFTER_SECONDS)
            self._taken[kind] += 1
            if client is not None:
                self._clients[client] += 1
        connection = request.environ.get("gunicorn.socket")
        if isinstance(connection, ClientSocket):
            connection.streams = kind.streams
        return lambda: self._release(kind, client)

    def _most(self, part: float) -> int:
        return max(1, int(self._threads * part))

    def _release(self, kind: Kind, client: tuple[Kind, str] | None) -> None:
        with self._lock:
            self._taken[kind] -= 1
            if client is not None:
                self._clients[client] -= 1
                if not self._clients[client]:
                    del self._clients[client]
