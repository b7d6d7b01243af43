"""Letting a command line in: it shows a code, a person who is logged in types it, and the command line gets a token.

The person types the code: a link that had it would be a gift to those who send links.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from runtail.access.rights import RIGHTS, Right
from runtail.auth.users import digest_of
from runtail.store import Store, store_errors

#: How long a code can be used.
WAIT_SECONDS: Final = 600
#: Letters that nobody takes for another, or reads as a word.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LETTERS: Final = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command line that asks to be let in.

    :param code: a person types it; eight letters.
    :param secret: the command line keeps it.
    """

    code: str
    secret: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a person gave a command line."""

    owner_id: str
    owner_name: str
    rights: frozenset[Right]


class CommandLines:
    """The command lines that wait, in the store."""

    def __init__(self, store: Store) -> None:
        self._store, self._keys = store, store.keys

    def begin(self, address: str, name: str) -> Waiting:
        """Return a code and a secret for a command line.

        :param address: where it is, for the person who confirms.
        :param name: the machine's name as it says itself.
        :raises StoreUnavailable: if the store did not answer.
        """
        code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
        secret = secrets.token_urlsafe(32)
        fields: dict[Any, Any] = {"secret": digest_of(secret), "address": address, "name": name}
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.hset(self._keys.command_line_login(digest_of(code)), mapping=fields)
            pipeline.expire(self._keys.command_line_login(digest_of(code)), WAIT_SECONDS)
            pipeline.set(self._keys.command_line_secret(digest_of(secret)), digest_of(code), ex=WAIT_SECONDS)
            pipeline.execute()
        return Waiting(code, secret)

    def about(self, code: str) -> dict[str, str] | None:
        """Return name and address of the command line with a code; None if none waits.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            found: Any = self._store.client.hgetall(self._keys.command_line_login(digest_of(plain(code))))
        if not _waits(found):
            return None
        return {"name": found[b"name"].decode(), "address": found[b"address"].decode()}

    def confirm(self, code: str, owner_id: str, owner_name: str, rights: Iterable[Right]) -> bool:
        """Let the command line with a code in; return False if none waits.

        :raises StoreUnavailable: if the store did not answer.
        """
        key = self._keys.command_line_login(digest_of(plain(code)))
        fields = {"owner_id": owner_id, "owner_name": owner_name, "rights": json.dumps(sorted(rights))}

        def write(pipeline: Any) -> bool:
            found = pipeline.hgetall(key)
            pipeline.multi()
            if not _waits(found):
                return False
            pipeline.hset(key, mapping=fields)
            pipeline.expire(key, WAIT_SECONDS)
            return True

        client: Any = self._store.client
        with store_errors():
            # Of two people who confirm at the same time one lets the command line in.
            let_in: bool = client.transaction(write, key, value_from_callable=True)
        return let_in

    def take(self, secret: str) -> Confirmed | bool | None:
        """Return what a command line was given; it can be taken once. True: still waiting. None: nobody waits.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            code_digest: Any = self._store.client.get(self._keys.command_line_secret(digest_of(secret)))
            if code_digest is None:
                return None
            key = self._keys.command_line_login(code_digest.decode())
            found: Any = self._store.client.hgetall(key)
            if not found:
                return None
            if b"owner_name" not in found:
                return True
            if not self._store.client.delete(self._keys.command_line_secret(digest_of(secret))):
                return None  # another request was quicker
            self._store.client.delete(key)
        names = json.loads(found[b"rights"])
        return Confirmed(
            found[b"owner_id"].decode(),
            found[b"owner_name"].decode(),
            frozenset(right for right in RIGHTS if right in names),
        )


def _waits(found: dict[bytes, bytes]) -> bool:
    return bool(found) and b"owner_name" not in found


def plain(code: str) -> str:
    """Return a code as it is kept: people type small letters, spaces and hyphens."""
    return "".join(letter for letter in code.upper() if letter.isalpha())
