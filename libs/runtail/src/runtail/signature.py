"""The signature of a message: who sends it knows a key of ``RUNTAIL_MESSAGE_KEYS``. Pure.

It stands in the header ``runtail`` as ``sig``, an HMAC-SHA256 over the task's name and id, the body as it is sent, its
content type, and all other fields of that header: run, attempt, execution, the store's uuid, queue, time, who. It does
not cover what else Celery puts into headers (retries, time limits, ETA).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runtail.errors import ConfigError
from runtail.header import VERSION

#: Names of fields in the header ``runtail``.
SIGNATURE: Final = "sig"
QUEUE: Final = "queue"
SENT_MS: Final = "sent_ms"
#: A shorter key can be guessed.
MIN_KEY_CHARS: Final = 32


def read_keys(text: str) -> tuple[str, ...]:
    """Read ``RUNTAIL_MESSAGE_KEYS``: the first signs, each of them is accepted.

    :raises ConfigError: if a key is too short; the message contains none.
    """
    keys = tuple(part for one in text.split(",") if (part := one.strip()))
    if any(len(key) < MIN_KEY_CHARS for key in keys):
        raise ConfigError(
            f"RUNTAIL_MESSAGE_KEYS has a key with less than {MIN_KEY_CHARS} characters; "
            "`openssl rand -hex 32` makes a good one"
        )
    return keys


def signed(
    key: str, header: object, *, task: str, task_id: str, queue: str, sent_ms: int, content_type: str, body: bytes
) -> dict[str, Any]:
    """Return the header of a message, signed.

    :param header: what stands there already; a message that no run was announced for has none.
    :param queue: where it is sent: the queue's name, or the routing key.
    :param sent_ms: the sender's clock, milliseconds since 1970.
    :param body: as it is sent, before compression.
    """
    found: dict[str, Any] = dict(header) if isinstance(header, Mapping) else {"v": VERSION, "run": ""}
    found |= {QUEUE: queue, SENT_MS: sent_ms}
    found[SIGNATURE] = _sign(key, found, task, task_id, content_type, body)
    return found


def is_valid(
    keys: Sequence[str], header: Mapping[str, Any], *, task: object, task_id: object, content_type: object, body: bytes
) -> bool:
    """Tell whether a signed header was made with one of the keys for this message. Takes whatever JSON can hold."""
    given = header.get(SIGNATURE)
    if not isinstance(given, str) or not given.isascii():
        return False
    try:
        made = [_sign(key, header, task, task_id, content_type, body) for key in keys]
    except (TypeError, ValueError, RecursionError):
        return False
    return any(hmac.compare_digest(one, given) for one in made)


def _sign(key: str, header: Mapping[str, Any], task: object, task_id: object, content_type: object, body: bytes) -> str:
    fields = {name: value for name, value in header.items() if name != SIGNATURE}
    digest = hashlib.sha256(body).hexdigest()
    text = json.dumps(["runtail-message", task, task_id, content_type, fields, digest], sort_keys=True)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
