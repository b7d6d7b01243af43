"""Hashes of passwords: argon2id.

The parameters are the second recommendation of RFC 9106: 64 MiB, three passes, four lanes. The package argon2-cffi is
needed only where passwords are hashed: in the web service, and by ``runtail passwd``.
"""

from __future__ import annotations

import hashlib
import re
import threading
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

MIN_CHARACTERS: Final = 12
#: A longer password would only cost time.
MAX_CHARACTERS: Final = 1024
#: Each check takes 64 MiB, so that one for each thread of a service could take a gigabyte.
_AT_ONCE: Final = threading.BoundedSemaphore(2)
_HASHER: Final = argon2.PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_HASH: Final = re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
#: The hash of no password, for users that do not exist: refusing them takes as long as refusing a wrong password.
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$cnVudGFpbC1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def is_hash(text: str) -> bool:
    """Return True if a text looks like the hash of a password."""
    return _HASH.fullmatch(text) is not None


def hash_password(password: str) -> str:
    """Return the hash of a password, with a salt of its own.

    :raises ValueError: if the password is too short or too long; the message says so.
    """
    if len(password) < MIN_CHARACTERS:
        raise ValueError(f"The password has {len(password)} characters. Take at least {MIN_CHARACTERS}.")
    if len(password) > MAX_CHARACTERS:
        raise ValueError(f"The password has more than {MAX_CHARACTERS:,} characters.")
    with _AT_ONCE:
        return _HASHER.hash(password)


def verify(hashed: str | None, password: str) -> bool:
    """Return True if a password has this hash.

    :param hashed: None if there is no such user; it takes as long as a wrong password.
    """
    if len(password) > MAX_CHARACTERS:
        return False
    with _AT_ONCE:
        try:
            _HASHER.verify(hashed or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


def fingerprint(password: str, salt: str) -> str:
    """Return a value that changes with the password, the same in every process that uses the same salt."""
    with _AT_ONCE:
        made = hash_secret_raw(
            password.encode(),
            hashlib.sha256(salt.encode()).digest()[:16],
            time_cost=3,
            memory_cost=65536,
            parallelism=4,
            hash_len=32,
            type=Type.ID,
        )
    return made.hex()
