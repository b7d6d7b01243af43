"""Leases of runs whose writer is a test: renewed as a worker's shipper would, however slow the machine is."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import redis

from runtail.store import Store

#: What a renewal changes in the record. One script: a run that is deleted meanwhile must not get a record again.
_BEAT = """
local time = redis.call('TIME')
for _, run in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  redis.call('HINCRBY', ARGV[1] .. run, 'beat', 1)
  redis.call('HSET', ARGV[1] .. run, 'beat_ms', time[1] .. string.format('%03d', math.floor(time[2] / 1000)))
end
"""


@contextlib.contextmanager
def beating(store: Store) -> Iterator[None]:
    """Keep all running runs of a store alive until the end of the ``with``: nobody calls them lost."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(store.settings.beat_seconds / 2):
            # A test may have taken the store away; it gets the next one.
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
                store.client.eval(_BEAT, 1, store.keys.running(), store.keys.run(""))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
