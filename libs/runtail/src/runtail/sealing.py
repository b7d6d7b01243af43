"""Sealed values: secret parameters as a message carries them, encrypted for the workers of the installation.

A sealed value is the JSON object ``{"runtail.sealed": "<token>"}``. The token is a Fernet token of the package
``cryptography``, which only this module imports, and only if there are keys.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from runtail import extras
from runtail.errors import ConfigError, MissingExtra, SealBroken

if TYPE_CHECKING:
    from celery import Celery
    from cryptography.fernet import Fernet, MultiFernet

    from runtail.settings import Settings

#: The only member of a sealed value.
SEALED = "runtail.sealed"
SETTING = "RUNTAIL_SEAL_KEYS"
#: How to make a key, as errors and the docs say it.
MAKE_A_KEY = "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"


class Opened(NamedTuple):
    """A value that was sealed."""

    value: Any
    #: The value is no secret itself, but contains the value of a secret parameter.
    repeats: bool = False


class Seals:
    """The keys of one installation.

    :param keys: the newest first.
    :raises ConfigError: if one of them is not a key, or the package ``cryptography`` is missing.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernets: dict[str, Fernet] = {}
        self._every: MultiFernet | None = None
        if not keys:
            return
        try:
            extras.require("seal")
        except MissingExtra as error:
            raise ConfigError(f"{SETTING} is set, but there is {error}") from None
        from cryptography.fernet import Fernet, MultiFernet

        for number, key in enumerate(keys, 1):
            try:
                fernet = Fernet(key)
            except ValueError:
                # (The key itself must not be in any log.)
                raise ConfigError(
                    f"{SETTING}: key {number} is not 32 random bytes in URL-safe base64. Make one with: {MAKE_A_KEY}"
                ) from None
            self._fernets[_name_of(base64.urlsafe_b64decode(key))] = fernet
        self._every = MultiFernet(list(self._fernets.values()))

    @property
    def names(self) -> list[str]:
        """The names of the keys, which tell nothing about the keys; the newest first."""
        return list(self._fernets)

    def seal(self, value: Any, name: str = "", *, repeats: bool = False) -> dict[str, str]:
        """Return a sealed value.

        :param value: what JSON can express.
        :param name: the name of the key; the newest one if empty.
        :param repeats: see :class:`Opened`.
        :raises TypeError: if the value is not JSON.
        """
        plain = {"value": value, **({"repeats": True} if repeats else {})}
        return {SEALED: self._fernets[name or self.names[0]].encrypt(json.dumps(plain).encode()).decode()}

    def open(self, sealed: Mapping[str, Any], what: str) -> Opened:
        """Open a sealed value.

        :param what: names the value in an error.
        :raises SealBroken: if no key fits, or somebody changed the token.
        """
        if self._every is None:
            raise SealBroken(f"{what} is sealed, and {SETTING} is not set here: set it to the keys of the web service")
        from cryptography.fernet import InvalidToken

        try:
            plain = json.loads(self._every.decrypt(sealed[SEALED]))
            return Opened(plain["value"], bool(plain.get("repeats")))
        except (InvalidToken, ValueError, KeyError, TypeError, AttributeError):
            raise SealBroken(
                f"{what} is sealed, and no key of {SETTING} here opens it: it was sealed with another key, or changed"
            ) from None


def _name_of(key: bytes) -> str:
    return hashlib.sha256(b"runtail seal key\0" + key).hexdigest()[:16]


@lru_cache(maxsize=16)
def _seals(keys: str) -> Seals:
    return Seals([key for part in keys.split(",") if (key := part.strip())])


def seals_of(settings: Settings) -> Seals:
    """Return the keys that the settings name.

    :raises ConfigError: as :class:`Seals` does.
    """
    return _seals(settings.seal_keys)


def is_sealed(value: Any) -> bool:
    """Tell whether a value is a sealed one."""
    return isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get(SEALED), str)


def any_sealed(values: Iterable[Any]) -> bool:
    """Tell whether one of the values is a sealed one."""
    return any(map(is_sealed, values))


def seal(app: Celery, value: Any) -> Any:
    """Encrypt a value for a task's parameter, so that the broker and everybody who reads it see no more than a token.

    ``deploy.delay(token=runtail.seal(app, token))``. A worker on which ``runtail.install(app)`` was called opens it
    right before it calls the task, and masks it in the run's output. Seal the whole argument: a sealed value inside a
    list or an object is not opened.

    :param app: the Celery app; the keys are those of its settings, or of the environment (``RUNTAIL_SEAL_KEYS``).
    :param value: anything that JSON can express. With ``task_always_eager`` it is returned as it is.
    :raises ConfigError: if there is no key.
    :raises TypeError: if the value is not JSON.
    """
    from runtail.settings import load_settings

    if app.conf.task_always_eager:
        return value
    settings = getattr(getattr(app, "_runtail_installation", None), "settings", None) or load_settings(os.environ)
    seals = seals_of(settings)
    if not seals.names:
        raise ConfigError(f"{SETTING} is not set, so nothing can be sealed. Make a key with: {MAKE_A_KEY}")
    return seals.seal(value)
