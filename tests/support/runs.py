"""Runs without Celery: a store of its own prefix, a claim, a writer; and rolling a store back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from runtail.header import HEADER
from runtail.log.writer import LogWriter
from runtail.protocol import Entry, RunState
from runtail.runs.claim import Claimed, Delivery, claim
from runtail.settings import load_settings
from runtail.store import Store


def make_store(redis_url: str, key_prefix: str, **overrides: Any) -> Store:
    """A store on the test server under the test's own prefix."""
    environment = {"RUNTAIL_STORE_URL": redis_url, "RUNTAIL_BROKER_URL": redis_url}
    return Store(load_settings(environment, key_prefix=key_prefix, **overrides))


def open_run(
    store: Store,
    run_id: str | None = None,
    *,
    token: str = "token-1",
    task: str = "tests.task",
    headers: Mapping[str, Any] | None = None,
) -> LogWriter:
    """Claim a run as a worker would and return its writer.

    :param headers: what a run was published with; None for a plain ``.delay()``.
    """
    own = (headers or {}).get(HEADER)
    delivery = Delivery(run_id or str(uuid.uuid4()), task, "worker@test", headers=own, queue="celery")
    claimed = claim(store, delivery, owner="owner-1", token=token)
    assert isinstance(claimed, Claimed), claimed
    return LogWriter(store, claimed.claim)


def write_lines(writer: LogWriter, first: int, last: int, *, per_entry: int = 10) -> list[Entry]:
    """Add ``line <n>`` for n in [first, last] and store them."""
    made = []
    for start in range(first, last + 1, per_entry):
        numbers = range(start, min(start + per_entry, last + 1))
        payload = "".join(f"line {number}\n" for number in numbers).encode()
        made.append(writer.add("o", payload, 1_764_000_000_000 + start))
        writer.flush()
    return made


def finish(writer: LogWriter, state: RunState = RunState.SUCCEEDED, why: str = "done") -> None:
    """End the run."""
    writer.end(state, why, t_ms=1_764_000_999_000)


def snapshot(store: Store) -> dict[bytes, bytes]:
    """Remember everything under the store's prefix, as a lagging replica would."""
    keys = list(store.client.scan_iter(match=store.settings.key_prefix + "*"))
    # All at one moment: a replica never has a record without the entries that were stored with it.
    pipeline = store.client.pipeline(transaction=True)
    for key in keys:
        pipeline.dump(key)
    return {key: bytes(value) for key, value in zip(keys, pipeline.execute(), strict=True) if value is not None}


def roll_back(store: Store, remembered: Mapping[bytes, bytes]) -> None:
    """Put the store back to a snapshot: what a failover to a lagging replica does."""
    pipeline = store.client.pipeline(transaction=True)
    for key in store.client.scan_iter(match=store.settings.key_prefix + "*"):
        pipeline.delete(key)
    for key, value in remembered.items():
        pipeline.restore(key, 0, value)
    pipeline.execute()


def change_master(store: Store) -> None:
    """Give the server's history another name, as a promotion and a restart do."""
    store.client.replicaof("127.0.0.1", 1)
    store.client.replicaof("NO", "ONE")
