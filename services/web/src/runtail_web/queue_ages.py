"""Finds out how long, at least, the oldest message of a queue has waited; messages do not say when they were sent.

Now and then it remembers the newest message and the time. While that message is in the queue, the oldest one is at
least as old: messages leave at the other end.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import redis

from runtail.store import store_errors

#: Markers per list; above this, every second one is forgotten: twice as coarse, for twice as long.
MAX_MARKERS: Final = 32
#: A longer message is not remembered: it would have to be held here, and sent to the server to search for it.
MAX_MARKER_BYTES: Final = 8192
#: The server compares at most this many messages at once (some milliseconds); in a longer list none is remembered.
MAX_SEARCHED: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Marker:
    at: float
    message: bytes


class ListAges:
    """The ages of the oldest messages of many lists.

    :param client: a client of the broker's database.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._markers: dict[str, deque[_Marker]] = {}

    def look(self, lengths: dict[str, int], now: float) -> dict[str, float]:
        """Return for each list that is not empty how many seconds, at least, its oldest message has waited.

        For messages that came before the first look, time counts from that look. A list that was too long to search
        when it was first seen is left out while its age is unknown.

        :param lengths: all existing lists, with the number of their messages.
        :param now: monotonic seconds.
        :raises StoreUnavailable: if the broker did not answer.
        """
        self._markers = {name: found for name, found in self._markers.items() if lengths.get(name)}
        ages = {}
        for name, length in lengths.items():
            if length and (age := self._look_at(name, length, now)) is not None:
                ages[name] = age
        return ages

    def _look_at(self, name: str, length: int, now: float) -> float | None:
        markers = self._markers.setdefault(name, deque())
        while markers and not self._waits(name, markers[0]):
            markers.popleft()
        if length <= MAX_SEARCHED:
            self._remember(name, markers, now)
        return now - markers[0].at if markers else None

    def _waits(self, name: str, marker: _Marker) -> bool:
        # (The client's types allow only text.)
        client: Any = self._client
        with store_errors():
            place = client.lpos(name, marker.message, rank=-1, maxlen=MAX_SEARCHED)
        return place is not None

    def _remember(self, name: str, markers: deque[_Marker], now: float) -> None:
        with store_errors():
            newest: Any = self._client.lindex(name, 0)
        if newest is None or len(newest) > MAX_MARKER_BYTES:
            return
        # An age need not be more exact than a few per cent.
        if markers and (now - markers[-1].at) * MAX_MARKERS < now - markers[0].at:
            return
        if markers and markers[-1].message == newest:
            return
        if len(markers) >= MAX_MARKERS:
            kept = list(markers)[::2]
            markers.clear()
            markers.extend(kept)
        markers.append(_Marker(now, newest))
