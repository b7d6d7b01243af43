"""The windows of a web service's limits: lets time pass for them without waiting, and fills them."""

from __future__ import annotations

from typing import Any

from runtail.store import Store


def let_pass(store: Store, seconds: float) -> None:
    """Make all requests that were counted so far as much older."""
    client: Any = store.client
    for key in client.scan_iter(match=f"{store.keys.limits()}:*"):
        times = [float(value) - seconds for value in client.lrange(key, 0, -1)]
        pipeline = client.pipeline(transaction=True)
        pipeline.delete(key)
        if times:
            pipeline.rpush(key, *times)
        pipeline.expire(key, 3600)
        pipeline.execute()


def fill(store: Store, limit: str) -> None:
    """Make every window of a limit as full as it can be, as if all of its requests had come now."""
    client: Any = store.client
    for key in client.scan_iter(match=f"{store.keys.limits()}:{limit}/*"):
        most = int(key.split(b"/")[-3])
        seconds, microseconds = client.time()
        client.lpush(key, *[seconds + microseconds / 1_000_000] * most)
        client.ltrim(key, 0, most - 1)
