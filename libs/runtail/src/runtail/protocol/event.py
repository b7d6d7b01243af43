"""Event entries: what happened to a run, in place, as JSON objects with a ``kind``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from runtail.errors import ProtocolError
from runtail.protocol.entry import EVENT, Entry
from runtail.protocol.position import VERSION

#: An attempt begins: ``attempt``, ``worker``, and ``why`` when it is not the first.
START = "start"
#: A section opens / closes (``title``; ``line`` when a stored line caused it).
GROUP, ENDGROUP = "group", "endgroup"
#: The task marked something: ``text``, ``line``.
WARNING, ERROR = "warning", "error"
#: ``count`` secrets were replaced in the output so far.
MASKED = "masked"
#: From here on with output of processes that an earlier run of the same task process left behind: ``run``.
EARLIER_RUN = "earlier-run"
#: ``bytes`` of output were dropped because the store was away longer than the spool holds.
OVERFLOW = "overflow"
#: The task asked Celery to run it again: ``retries``, ``max``, ``eta_ms``, ``reason``.
RETRY = "retry"
#: The task called ``self.replace()``: ``task``, which goes on in this run.
REPLACED = "replaced"
#: ``count`` tasks with this run's id were executed beside it, and not recorded.
OVERLAP = "overlap"
#: ``who`` asked for the end; then what was done about it (``signal``, counts).
CANCEL_REQUESTED, CANCEL = "cancel-requested", "cancel"
#: The worker was shut down before the task ended.
INTERRUPTED = "interrupted"
#: The worker fell silent: ``silent_ms``, and how much output may be missing (``unflushed_ms``).
WORKER_LOST = "worker-lost"
#: Stored lines were lost: ``from``, ``to`` (inclusive), ``reason``. Starts a new epoch.
STORE_LOST = "store-lost"
#: More sections, warnings and errors than a run may have; ``count`` were not recorded.
MARKERS_CAPPED = "markers-capped"
#: The stored lines ``from`` to ``to`` (inclusive, the last ones) were drawn again: what they show now follows.
REDRAWN = "redrawn"
#: The terminal entry.
END = "end"


def encode(kind: str, **fields: Any) -> bytes:
    """Return the payload of an event entry.

    :param kind: one of the constants above.
    :param fields: JSON values.
    """
    return orjson.dumps({"kind": kind, "v": VERSION, **fields})


def encode_fields(fields: Mapping[str, Any]) -> bytes:
    """Return the payload of an event entry, from its fields, ``kind`` among them."""
    return encode(**fields)


def output_bytes(entry: Entry) -> int:
    """Return how many bytes of output an entry stands for: its own, or those a ``store-lost`` event says are gone."""
    if entry.type != EVENT:
        return len(entry.payload)
    if b'"kind":"store-lost"' not in entry.payload:
        return 0
    return int(decode(entry).get("bytes") or 0)


def decode(entry: Entry) -> dict[str, Any]:
    """Read an event entry's payload.

    :raises ProtocolError: code ``event`` if it is not an event or not a JSON object with a kind.
    """
    if entry.type != EVENT:
        raise ProtocolError("event", f"entry {entry.id} is output, not an event")
    try:
        value = orjson.loads(entry.payload)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("event", f"entry {entry.id} is not JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise ProtocolError("event", f"entry {entry.id} has no kind")
    return value
