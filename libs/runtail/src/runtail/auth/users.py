"""Users in the store: what all replicas of all services must know of somebody who has logged in."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runtail.auth.remembered import RememberedHashes
from runtail.store import Store, store_errors

#: That a user is here is not written more often than this.
SEEN_MS: Final = 3_600_000


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class User:
    """A user who has logged in at least once.

    :param generation: rises when all sessions of the user end at once; a session of an earlier one is over.
    :param groups: the groups now, not those of the time of a login.
    :param locked: an administrator locked the user out.
    :param gone: the user is no longer in the file of users.
    :param password: a fingerprint that changes with the password; empty if the user has none here.
    :param seen_ms: when the user was here last, to the hour; 0 if that is not known.
    """

    generation: int
    groups: tuple[str, ...]
    locked: bool
    gone: bool
    password: str
    seen_ms: int = 0

    @property
    def disabled(self) -> bool:
        """True if sessions and tokens of the user do not work."""
        return self.locked or self.gone

    @classmethod
    def read(cls, fields: dict[bytes, bytes]) -> User | None:
        """Return the user with these fields in the store; None if there are none, or they cannot be read."""
        try:
            groups = json.loads(fields[b"groups"])
            return cls(
                int(fields[b"gen"]),
                tuple(str(group) for group in groups),
                b"locked" in fields,
                b"gone" in fields,
                fields.get(b"password", b"").decode(),
                int(fields.get(b"seen_ms", 0)),
            )
        except (KeyError, ValueError, TypeError):
            return None


class Users:
    """The users in the store."""

    def __init__(self, store: Store) -> None:
        self._store, self._keys = store, store.keys
        self._hashes = RememberedHashes(
            store, lambda who_id: self._keys.user(digest_of(who_id)), lambda _, fields: User.read(fields)
        )

    def find(self, who_id: str) -> User | None:
        """Return a user; None if the user never logged in.

        :raises StoreUnavailable: if the store did not answer.
        """
        (found,) = self.find_all([who_id])
        return found

    def find_all(self, who_ids: Sequence[str]) -> list[User | None]:
        """Return users; None for each who never logged in.

        :raises StoreUnavailable: if the store did not answer.
        """
        return self._hashes.round(who_ids)

    def ids(self) -> list[str]:
        """Return the ids of all users who have logged in, sorted.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            members: Any = self._store.client.smembers(self._keys.users())
        return sorted(member.decode() for member in members)

    def put(self, who_id: str, groups: Iterable[str], *, password: str = "") -> User:
        """Write what is known of a user at a login or after a change of the file of users, and tell the relays.

        If the password has changed, all sessions of the user end.

        :raises StoreUnavailable: if the store did not answer.
        """
        key, listed = self._keys.user(digest_of(who_id)), tuple(sorted(set(groups)))
        now_ms = self._store.now_ms()

        def write(pipeline: Any) -> User:
            before = User.read(pipeline.hgetall(key))
            generation = before.generation if before else 1
            # Both are fingerprints that are stored here; who asks has sent neither.
            # nosemgrep: secret-comparison
            if before and before.password != password:
                generation += 1
            pipeline.multi()
            known = {"gen": generation, "groups": json.dumps(listed), "password": password, "seen_ms": now_ms}
            pipeline.hset(key, mapping=known)
            pipeline.hdel(key, "gone")
            pipeline.sadd(self._keys.users(), who_id)
            self._tell(pipeline, who_id)
            return User(generation, listed, before.locked if before else False, False, password, now_ms)

        client: Any = self._store.client
        with store_errors():
            # If somebody else changes the user meanwhile, such as by ending all sessions, this is done again.
            written: User = client.transaction(write, key, value_from_callable=True)
        return written

    def note_seen(self, who_id: str, user: User) -> None:
        """Note that a user is here, at most once an hour.

        :raises StoreUnavailable: if the store did not answer.
        """
        if time.time() * 1000 - user.seen_ms < SEEN_MS:
            return
        with store_errors():
            self._store.client.hset(self._keys.user(digest_of(who_id)), "seen_ms", self._store.now_ms())

    def remove(self, who_id: str) -> None:
        """Note that a user is no longer in the file of users: sessions and tokens no longer work.

        :raises StoreUnavailable: if the store did not answer.
        """
        self._change(who_id, {"gone": "1"})

    def lock(self, who_id: str) -> None:
        """Lock a user out until :meth:`unlock`.

        :raises StoreUnavailable: if the store did not answer.
        """
        self._change(who_id, {"locked": "1"})

    def unlock(self, who_id: str) -> None:
        """Let a user in again who was locked out.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            self._store.client.hdel(self._keys.user(digest_of(who_id)), "locked")

    def end_sessions(self, who_id: str) -> None:
        """End all sessions of a user.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.hincrby(self._keys.user(digest_of(who_id)), "gen", 1)
            self._tell(pipeline, who_id)
            pipeline.execute()

    def _change(self, who_id: str, fields: dict[Any, Any]) -> None:
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.hset(self._keys.user(digest_of(who_id)), mapping=fields)
            self._tell(pipeline, who_id)
            pipeline.execute()

    def _tell(self, pipeline: Any, who_id: str) -> None:
        pipeline.publish(self._keys.login_changes(), f"user:{digest_of(who_id)}")
