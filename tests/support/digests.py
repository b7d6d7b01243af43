"""The chain of digests by the contract's words alone, with no code of the product."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

GENESIS = bytes(32).hex()


def payload_of(item: Mapping[str, Any]) -> bytes:
    """Return an entry's bytes."""
    return str(item["text"]).encode() if "text" in item else base64.b64decode(item["b64"])


def digest(previous: str, type_: str, payload: bytes) -> str:
    """Return the chain after one more entry, in hexadecimal."""
    return sha256(bytes.fromhex(previous) + type_.encode() + payload).hexdigest()
