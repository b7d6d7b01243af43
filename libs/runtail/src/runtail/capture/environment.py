"""Secrets in a worker's environment: masked in every one of its runs."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from runtail.secret import encoded
from runtail.shipper.encodings import weakness

log = logging.getLogger("celery.runtail")

#: What stands before the host of an address: a name, and a password perhaps.
_USER_INFO = re.compile(r"://([^/?#\s@:]*)(?::([^/?#\s]*))?@")


class SecretEnvironment:
    """Finds the values that must not be shown.

    :param patterns: of names of variables, with commas (``RUNTAIL_MASK_ENV``); empty: none, and no address either.
    """

    def __init__(self, patterns: str) -> None:
        names = [pattern.strip().upper() for pattern in patterns.split(",") if pattern.strip()]
        self._names = re.compile("|".join(map(fnmatch.translate, names))) if names else None
        self._warned: set[str] = set()

    def secrets(self, environ: Mapping[str, str]) -> list[bytes]:
        """Return them as they are now; of those that are too short the worker's log says so, once."""
        if self._names is None:
            return []
        found: list[bytes] = []
        for name, value in environ.items():
            for secret in self._in(name, value):
                flaw = weakness(secret)
                if flaw and name not in self._warned:
                    self._warned.add(name)
                    log.warning("Runtail: the variable %s: %s", name, flaw)
                found.append(secret)
        return found

    def _in(self, name: str, value: str) -> Iterator[bytes]:
        assert self._names is not None
        if self._names.match(name.upper()):
            yield encoded(value)
        elif "://" in value:
            for user, password in _USER_INFO.findall(value):
                # A user's name stands in many a log; without a password it is a token.
                secret = password or user
                yield from {encoded(secret), unquote_to_bytes(encoded(secret))}
