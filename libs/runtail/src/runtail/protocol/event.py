"""Event entries: what happened to a run, at its place in the log, as JSON objects with a ``kind``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from runtail.errors import ProtocolError
from runtail.protocol.entry import EVENT, Entry
from runtail.protocol.position import VERSION

#: An attempt begins: ``attempt``, ``worker``, and ``why`` if it is not the first.
START = "start"
#: A section opens / closes (``title``; ``line`` if a stored line caused it).
GROUP, ENDGROUP = "group", "endgroup"
#: The task marked something: ``text``, ``line``.
WARNING, ERROR = "warning", "error"
#: ``count`` secrets were replaced in the output so far.
MASKED = "masked"
#: From here on the log includes output of processes left over from an earlier run of the same task process: ``run``.
EARLIER_RUN = "earlier-run"
#: ``bytes`` of output were dropped because the store was away for longer than the spool could hold the output.
OVERFLOW = "overflow"
#: The task asked Celery to run it again: ``retries``, ``max``, ``eta_ms``, ``reason``.
RETRY = "retry"
#: The task called ``self.replace()``: ``task``, which continues in this run.
REPLACED = "replaced"
#: ``count`` tasks with this run's id were executed beside it without being recorded.
OVERLAP = "overlap"
#: ``who`` asked for the run's end; then what was done about it (``signal``, counts).
CANCEL_REQUESTED, CANCEL = "cancel-requested", "cancel"
#: The worker was shut down before the task ended.
INTERRUPTED = "interrupted"
#: The worker fell silent: ``silent_ms``, and how much output may be missing (``unflushed_ms``).
WORKER_LOST = "worker-lost"
#: Stored lines were lost: ``from``, ``to`` (inclusive), ``reason``. Starts a new epoch.
STORE_LOST = "store-lost"
#: More sections, warnings and errors than a run may have; ``count`` were not recorded.
MARKERS_CAPPED = "markers-capped"
#: The stored lines ``from`` to ``to`` (inclusive, the last ones) were drawn again: their new content follows.
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
    """Return the payload of an event entry from its fields, including ``kind``."""
    return encode(**fields)


def output_bytes(entry: Entry) -> int:
    """Return how many bytes of output an entry counts for: its own, or those that a ``store-lost`` event reports."""
    if entry.type != EVENT:
        return len(entry.payload)
    if b'"kind":"store-lost"' not in entry.payload:
        return 0
    return int(decode(entry).get("bytes") or 0)


def decode(entry: Entry) -> dict[str, Any]:
    """Read an event entry's payload.

    :raises ProtocolError: code ``event`` if the entry is not an event or not a JSON object with a kind.
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
