"""The users with passwords: those of ``RUNTAIL_AUTH_USERS_FILE``, or the one user ``admin``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runtail.auth.passwords import MIN_CHARACTERS, fingerprint, hash_password, is_hash, verify
from runtail.auth.policy_file import ReloadedFile
from runtail.auth.users import digest_of
from runtail.errors import ConfigError
from runtail.store import Store

ADMIN: Final = "admin"
ADMINS: Final = "admins"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class PasswordUser:
    """A user who logs in with a password.

    :param hashed: the password's argon2id hash.
    :param fingerprint: a value that changes with the password, the same in every replica.
    """

    name: str
    hashed: str
    groups: tuple[str, ...]
    fingerprint: str

    @property
    def id(self) -> str:
        """The user's id, for rules."""
        return id_of(self.name)


def id_of(name: str) -> str:
    """Return the id of the user with a name."""
    return f"user:{name}"


def parse_users(text: str) -> Mapping[str, PasswordUser]:
    """Return the users of a file, by name.

    :param text: lines ``name:hash:group,group``; empty lines and those that begin with ``#`` do not count.
    :raises ConfigError: if a line cannot be used; it names the line and never shows the hash.
    """
    found: dict[str, PasswordUser] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.strip().split(":")
        if len(parts) != 3:
            raise ConfigError(f"line {number} is not name:hash:group,group. `runtail passwd NAME` prints such a line")
        name, hashed, listed = parts
        groups = tuple(group.strip() for group in listed.split(",") if group.strip())
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"line {number}: {name[:64]!r} cannot be a name. Use 1 to 64 letters, digits and any of . _ @ + -"
            )
        if name in found:
            raise ConfigError(f"line {number}: the user {name} has a line already")
        if not is_hash(hashed):
            raise ConfigError(f"line {number}: the user {name} has no argon2id hash. `runtail passwd {name}` makes one")
        for group in groups:
            if not _NAME.fullmatch(group):
                raise ConfigError(f"line {number}: {group[:64]!r} cannot be a group. Use the characters of a name")
        found[name] = PasswordUser(name, hashed, groups, digest_of(hashed))
    return found


class PasswordUsers:
    """Everybody who can log in with a password.

    :raises ConfigError: if there is nobody, or the settings cannot be used.
    """

    def __init__(self, store: Store) -> None:
        settings = store.settings
        path, password = settings.auth_users_file, settings.auth_admin_password
        if path and password:
            raise ConfigError(
                "RUNTAIL_AUTH_USERS_FILE and RUNTAIL_AUTH_ADMIN_PASSWORD are both set. Remove one of them: the file "
                "can have a user admin, too"
            )
        self._file = ReloadedFile("RUNTAIL_AUTH_USERS_FILE", path, parse_users) if path else None
        self._admin: Mapping[str, PasswordUser] = {}
        self._store, self._password = store, password
        if not path and not password:
            raise ConfigError(
                "RUNTAIL_AUTH_MODE is password, but there is no user. Set RUNTAIL_AUTH_USERS_FILE, or "
                "RUNTAIL_AUTH_ADMIN_PASSWORD for one user named admin"
            )
        if password and len(password) < MIN_CHARACTERS:
            raise ConfigError(
                f"RUNTAIL_AUTH_ADMIN_PASSWORD has {len(password)} characters. Take at least {MIN_CHARACTERS}"
            )

    def all(self) -> Mapping[str, PasswordUser]:
        """Return all users by name.

        :raises StoreUnavailable: if the store is needed, and did not answer.
        """
        if self._file:
            return self._file.get()
        if not self._admin:
            # The salt is the store's, so that all replicas get the same fingerprint.
            mark = fingerprint(self._password, self._store.uuid())
            self._admin = {ADMIN: PasswordUser(ADMIN, hash_password(self._password), (ADMINS,), mark)}
        return self._admin

    @property
    def files(self) -> Mapping[str, ReloadedFile[Mapping[str, PasswordUser]]]:
        """The file, by what it holds; empty if there is none."""
        return {"users": self._file} if self._file else {}

    def check(self, name: str, password: str) -> PasswordUser | None:
        """Return the user with a name and a password; None if there is none. It takes the same time in both cases.

        :raises StoreUnavailable: if the store is needed, and did not answer.
        """
        user = self.all().get(name)
        return user if verify(user.hashed if user else None, password) else None
