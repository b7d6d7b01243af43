"""Secrets in a worker's environment and in its app's configuration: masked in every one of its runs."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from runtail.masking.encodings import weakness
from runtail.secret import encoded

log = logging.getLogger("celery.runtail")

#: The part before the host of an address: a name, and perhaps a password.
_USER_INFO = re.compile(r"://([^/?#\s@:]*)(?::([^/?#\s]*))?@")
#: An option of an address, such as redis-py's ``?password=``.
_OPTION = re.compile(r"[?&](?:\w*_)?(?:password|passwd|secret|token)=([^&#;\s]+)", re.IGNORECASE)
#: Celery's names for settings that hold a secret, and the names of secrets in settings that are objects.
_SECRET_SETTING = re.compile(r"(?:.*_)?(?:password|passwd|secret|token|(?:api|access|account)_key)", re.IGNORECASE)
#: Settings of Celery's extensions that are addresses.
_ADDRESS_SETTING = re.compile(r".*(?:_url|_uri|_backend)", re.IGNORECASE)
#: How many levels of nested objects are searched.
_LEVELS = 4


class SecretEnvironment:
    """Finds the values that must not be shown.

    :param patterns: of names of variables, with commas (``RUNTAIL_MASK_ENV``); empty: no values, and no address either.
    :param app: its configuration has secrets, too.
    :param keys: keys of Runtail's own, which are masked whatever the patterns are.
    """

    def __init__(self, patterns: str, app: Any = None, keys: Iterable[str] = ()) -> None:
        names = [pattern.strip().upper() for pattern in patterns.split(",") if pattern.strip()]
        self._names = re.compile("|".join(map(fnmatch.translate, names))) if names else None
        self._warned: set[str] = set()
        self._keys = [encoded(key.strip()) for key in keys if key.strip()]
        self._configured = self._in_configuration(app) if self._names is not None and app is not None else []

    def secrets(self, environ: Mapping[str, str]) -> list[bytes]:
        """Return the secrets as they are now; those that are too short are reported once in the worker's log."""
        if self._names is None:
            return list(self._keys)
        found = [*self._keys, *self._configured]
        for name, value in environ.items():
            for secret in self._in(name, value):
                self._look_at(secret, f"the variable {name}")
                found.append(secret)
        return found

    def _look_at(self, secret: bytes, where: str) -> None:
        flaw = weakness(secret)
        if flaw and where not in self._warned:
            self._warned.add(where)
            log.warning("Runtail: %s: %s", where, flaw)

    def _in(self, name: str, value: str) -> Iterator[bytes]:
        assert self._names is not None
        if self._names.match(name.upper()):
            yield encoded(value)
        else:
            yield from _in_address(value)

    def _in_configuration(self, app: Any) -> list[bytes]:
        from celery.app.defaults import DEFAULTS

        found = []
        names = {*DEFAULTS, *(name for name in app.conf if isinstance(name, str) and _ADDRESS_SETTING.fullmatch(name))}
        for name in sorted(names):
            for secret in _in_setting(name, app.conf.get(name), _LEVELS):
                self._look_at(secret, f"the setting {name}")
                found.append(secret)
        return found


def _in_address(text: str) -> Iterator[bytes]:
    """Find passwords in any text that contains addresses."""
    if "://" not in text:
        return
    for user, password in _USER_INFO.findall(text):
        # A user's name appears in many logs; without a password it is a token. A password that equals the user's name
        # is not a secret but a default, such as guest:guest. Nobody can measure how long this takes.
        # nosemgrep: secret-comparison
        if password != user:
            yield from _spellings(password or user)
    for password in _OPTION.findall(text):
        yield from _spellings(password)


def _spellings(secret: str) -> Collection[bytes]:
    return {encoded(secret), unquote_to_bytes(encoded(secret))}


def _in_setting(name: str, value: Any, levels: int) -> Iterator[bytes]:
    """Find secrets in one of an app's settings.

    :param levels: how many levels of nested objects to search.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        if _SECRET_SETTING.fullmatch(name):
            yield encoded(value)
        else:
            yield from _in_address(value)
    elif levels and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _in_setting(str(key), inner, levels - 1)
    elif levels and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _in_setting(name, inner, levels - 1)
