"""Celery's consumer, with less patience for a broker that is away.

Celery waits up to 30 seconds between two tries to connect, and no setting
shortens that: after an outage of some minutes a worker took tasks half a minute late.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

#: Longest wait between two tries to connect, in seconds.
RETRY_SECONDS = 5


class Consumer(CeleryConsumer):
    """Tries to reach a broker that is away every few seconds."""

    def ensure_connected(self, conn: Any) -> Any:
        """Wait for the broker; return the connection."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=RETRY_SECONDS)
        return super().ensure_connected(conn)
