"""The hash chain that lets every reader prove that a log is complete.

d(0) = 32 zero bytes, d(k) = SHA-256(d(k-1) + type + payload), where type is
one byte (``o`` output, ``e`` event). A changed, missing, duplicated or swapped
entry changes every digest after it.
"""

from __future__ import annotations

from hashlib import sha256

#: The digest before the first entry of every log.
GENESIS = bytes(32)


def link(previous: bytes, type_: str, payload: bytes) -> bytes:
    """Return the digest after one more entry.

    :param previous: the 32 byte digest before the entry.
    :param type_: ``o`` or ``e``.
    :param payload: the entry's bytes, exactly as stored.
    """
    digest = sha256(previous)
    digest.update(type_.encode("ascii"))
    digest.update(payload)
    return digest.digest()
