"""API tokens in the store. A program shows the token, and the store has its SHA-256."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runtail.access.principal import Grant, Principal
from runtail.access.rights import RIGHTS, Right
from runtail.auth.token_text import TokenText, make_token
from runtail.auth.users import digest_of
from runtail.store import Store, store_errors

DAY_MS: Final = 86_400_000
#: A token ends soon in its last days, and a shorter one in the last part in so many of its time.
SOON_MS: Final = 30 * DAY_MS
LAST_PART: Final = 3
#: The rights that a token does not get unless it is given them by name: it could make more tokens.
BY_NAME_ONLY: Final[frozenset[Right]] = frozenset(("token:own", "admin"))
#: The time of the last use is not written more often than this.
USED_SECONDS: Final = 60.0
#: So many tokens' last uses are remembered.
MOST_NOTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """An API token without its secret.

    :param owner_id: the id of the user who made it; empty for a login without users.
    :param owner_name: the owner's name, for people.
    :param rights: what the token may do at most; never more than its owner may when it is used.
    :param used_ms: when it was last used; None if never.
    """

    id: str
    name: str
    owner_id: str
    owner_name: str
    rights: frozenset[Right]
    made_ms: int
    ends_ms: int
    used_ms: int | None = None

    def ends_soon(self, now_ms: float) -> bool:
        """Return True if its owner should hear of its end."""
        return self.ends_ms - now_ms < min(SOON_MS, (self.ends_ms - self.made_ms) / LAST_PART)

    def limits(self, grants: Iterable[Grant]) -> frozenset[Grant]:
        """Return the grants that are left of the owner's."""
        kept = (
            Grant(grant.rights & self.rights, grant.tasks, grant.queues, grant.labels, grant.own) for grant in grants
        )
        return frozenset(grant for grant in kept if grant.rights)


class Tokens:
    """The tokens in the store."""

    def __init__(self, store: Store) -> None:
        self._store, self._keys = store, store.keys
        #: By token id: when its use was last noted.
        self._noted: dict[str, float] = {}

    def make(
        self, name: str, owner_id: str, owner_name: str, rights: Iterable[Right], days: float
    ) -> tuple[TokenText, Token]:
        """Make a token; its text is not kept.

        :raises StoreUnavailable: if the store did not answer.
        """
        made, now_ms = make_token(), self._store.now_ms()
        token = Token(made.id, name, owner_id, owner_name, frozenset(rights), now_ms, now_ms + int(days * DAY_MS))
        fields: dict[Any, Any] = {
            "sha256": digest_of(made.text),
            "name": name,
            "owner_id": owner_id,
            "owner_name": owner_name,
            "rights": json.dumps(sorted(token.rights)),
            "made_ms": token.made_ms,
            "ends_ms": token.ends_ms,
        }
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.hset(self._keys.token(made.id), mapping=fields)
            pipeline.pexpireat(self._keys.token(made.id), token.ends_ms)
            pipeline.sadd(self._keys.tokens(), made.id)
            pipeline.zadd(self._keys.token_ends(), {made.id: token.ends_ms})
            pipeline.zremrangebyscore(self._keys.token_ends(), 0, now_ms)
            pipeline.execute()
        return made, token

    def find(self, shown: TokenText) -> Token | None:
        """Return the token that somebody shows; None if there is none, or it is over.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            fields: Any = self._store.client.hgetall(self._keys.token(shown.id))
        expected = fields.get(b"sha256", b"").decode()
        return _read(shown.id, fields, None) if hmac.compare_digest(expected, digest_of(shown.text)) else None

    def find_all(self, ids: Sequence[str]) -> list[Token | None]:
        """Return the tokens with these ids, in one round trip; None for each that is over.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline(transaction=False)
            for token_id in ids:
                pipeline.hgetall(self._keys.token(token_id))
                pipeline.get(self._keys.token_used(token_id))
            found: list[Any] = pipeline.execute()
        return [
            _read(token_id, fields, used) for token_id, fields, used in zip(ids, found[::2], found[1::2], strict=True)
        ]

    def all(self) -> list[Token]:
        """Return all tokens, the newest first, and forget the ids of those that are over.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            members: Any = self._store.client.smembers(self._keys.tokens())
        ids = [member.decode() for member in members]
        found = dict(zip(ids, self.find_all(ids), strict=True))
        over = [token_id for token_id, token in found.items() if token is None]
        if over:
            with store_errors():
                self._store.client.srem(self._keys.tokens(), *over)
        return sorted((token for token in found.values() if token), key=lambda token: -token.made_ms)

    def owner_of(self, principal: Principal) -> str:
        """Return the id of the user whose token a principal is; empty if it is none, or nobody's.

        :raises StoreUnavailable: if the store did not answer.
        """
        if principal.kind != "token":
            return ""
        (token,) = self.find_all([principal.credential.removeprefix("token:")])
        return token.owner_id if token else ""

    def note_use(self, token_id: str) -> bool:
        """Note that a token is used, at most once a minute in each process; return True if this was noted.

        :raises StoreUnavailable: if the store did not answer.
        """
        now = time.monotonic()
        if now - self._noted.get(token_id, -USED_SECONDS) < USED_SECONDS:
            return False
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted[token_id] = now
        with store_errors():
            self._store.client.set(self._keys.token_used(token_id), self._store.now_ms(), px=366 * DAY_MS)
        return True

    def revoke(self, token_id: str) -> None:
        """End a token, and tell the relays.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.delete(self._keys.token(token_id), self._keys.token_used(token_id))
            pipeline.srem(self._keys.tokens(), token_id)
            pipeline.zrem(self._keys.token_ends(), token_id)
            pipeline.publish(self._keys.login_changes(), f"token:{token_id}")
            pipeline.execute()


def _read(token_id: str, fields: dict[bytes, bytes], used: bytes | None) -> Token | None:
    try:
        rights = json.loads(fields[b"rights"])
        return Token(
            token_id,
            fields[b"name"].decode(),
            fields[b"owner_id"].decode(),
            fields[b"owner_name"].decode(),
            frozenset(right for right in RIGHTS if right in rights),
            int(fields[b"made_ms"]),
            int(fields[b"ends_ms"]),
            int(used) if used else None,
        )
    except (KeyError, ValueError, TypeError):
        return None
