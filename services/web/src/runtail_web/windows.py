"""Moving windows in the store and in memory: the storages of the library ``limits``, which say how long to wait."""

from __future__ import annotations

import time
from typing import Any, Final

import redis
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage

#: The library takes the time from the process that asks. Web services whose clocks differ would take each other's
#: requests for new ones for as long as the difference is.
_STORES_CLOCK: Final = b"local clock = redis.call('TIME')\nARGV[1] = clock[1] + clock[2] / 1000000\n"


class StoredWindows(RedisStorage):
    """Windows in the store, by the store's clock.

    :param client: its connections are used, whatever its kind of server.
    :param key_prefix: put before every key, with a colon.
    """

    STORAGE_SCHEME = None  # type: ignore[assignment] # not to be found by an address
    SCRIPT_ACQUIRE_MOVING_WINDOW = _STORES_CLOCK + RedisStorage.SCRIPT_ACQUIRE_MOVING_WINDOW

    def __init__(self, client: redis.Redis, key_prefix: str) -> None:
        super().__init__("redis://", connection_pool=client.connection_pool, key_prefix=key_prefix)
        self._client = client

    def waiting_seconds(self, window: RateLimitItem, key: str) -> float:
        """Return the time until a window has room for one more; 0 if it has room now."""
        clock: Any = self._client.time()
        now, seconds = clock[0] + clock[1] / 1_000_000, window.get_expiry()
        begins, count = self._entries(window.key_for(key), window.amount, now - seconds) or (now, 0)
        return _waiting_seconds(window, float(begins), int(count), now)

    def _entries(self, key: str, most: int, since: float) -> Any:
        return self.lua_moving_window([self.prefixed_key(key)], [since, most])


class OwnWindows(MemoryStorage):
    """Windows in the memory of this process."""

    STORAGE_SCHEME = None  # type: ignore[assignment] # not to be found by an address

    def waiting_seconds(self, window: RateLimitItem, key: str) -> float:
        """Return the time until a window has room for one more; 0 if it has room now."""
        now = time.time()
        begins, count = self.get_moving_window(window.key_for(key), window.amount, window.get_expiry())
        return _waiting_seconds(window, begins, count, now)


def _waiting_seconds(window: RateLimitItem, begins: float, count: int, now: float) -> float:
    """Return the time until the oldest entry leaves a window that is full; at most the whole window."""
    if count < window.amount:
        return 0.0
    return min(float(window.get_expiry()), max(0.001, begins + window.get_expiry() - now))
