"""Sessions in the store. A browser has a cookie of 256 random bits, the store its SHA-256.

Nothing depends on the clocks of services: keys end by the store's own clock, and times are its times.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from runtail.auth.modes import is_login_of, modes_of
from runtail.auth.remembered import RememberedHashes
from runtail.auth.users import User, digest_of
from runtail.store import Store, store_errors

SessionKind = Literal["login", "link", "share"]
_KINDS: Final[Mapping[bytes, SessionKind]] = {b"login": "login", b"link": "link", b"share": "share"}
#: The use of a session is not written more often than this.
TOUCH_MS: Final = 60_000
#: The length of a cookie's value: 32 bytes in URL-safe Base64 without padding.
SECRET_CHARACTERS: Final = 43
#: A session holds no more share links.
MAX_SHARES: Final = 20
#: So many sessions are listed.
MOST_LISTED: Final = 10_000
#: No name or address of a client is kept longer than this.
MAX_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Session:
    """A login of one browser.

    :param digest: SHA-256 of the cookie's value: the session's name.
    :param who_id: the user's id; empty for a login by link.
    :param generation: that of the user when the session began; see :class:`~.users.User`.
    :param ends_ms: when the session ends however much it is used.
    :param left_ms: how long it is valid if it is not used any more; 0 if nobody asked.
    :param shares: the ids of the share links that were opened in that browser, the newest last.
    """

    digest: str
    who_id: str
    kind: SessionKind
    name: str
    generation: int
    made_ms: int
    ends_ms: int
    left_ms: int
    address: str
    agent: str
    shares: tuple[str, ...] = ()

    @classmethod
    def read(cls, digest: str, fields: dict[bytes, bytes], left_ms: int) -> Session | None:
        """Return the session with these fields in the store; None if there are none, or they cannot be read."""
        try:
            kind = _KINDS[fields[b"kind"]]
            who_id, name, address, agent = (fields[key].decode() for key in (b"who_id", b"name", b"address", b"agent"))
            generation, made_ms, ends_ms = (int(fields[key]) for key in (b"gen", b"made_ms", b"ends_ms"))
            shares = tuple(fields.get(b"shares", b"").decode().split())
        except (KeyError, ValueError):
            return None
        return cls(digest, who_id, kind, name, generation, made_ms, ends_ms, left_ms, address, agent, shares)

    def is_of(self, user: User | None) -> bool:
        """Return True if the user may still use the session."""
        return not self.ended_by(user) and not (user is not None and user.disabled)

    def ended_by(self, user: User | None) -> bool:
        """Return True if all sessions of the user have ended since this one began. It will never be valid again."""
        return bool(self.who_id) and (user is None or self.generation != user.generation)


class Sessions:
    """The sessions in the store."""

    def __init__(self, store: Store) -> None:
        self._store, self._keys = store, store.keys
        self._session_ms = store.settings.auth_session_seconds * 1000
        self._idle_ms = store.settings.auth_idle_seconds * 1000
        self._modes = modes_of(store.settings)
        self._hashes = RememberedHashes(
            store, self._keys.session, lambda digest, fields: self._possible(Session.read(digest, fields, 0))
        )

    def begin(
        self,
        kind: SessionKind,
        who_id: str,
        name: str,
        user: User | None,
        *,
        seconds: float | None = None,
        address: str = "",
        agent: str = "",
    ) -> tuple[str, Session]:
        """Begin a session; return the cookie's value, and the session.

        :param user: the user with this id; None for a login by link.
        :param seconds: how long it may last; never longer than ``RUNTAIL_AUTH_SESSION_SECONDS``, which is the default.
        :param address: where the client is, for people.
        :param agent: what the client says it is, for people.
        :raises StoreUnavailable: if the store did not answer.
        """
        secret = secrets.token_urlsafe(32)
        digest = digest_of(secret)
        now_ms = self._store.now_ms()
        lasts_ms = self._session_ms if seconds is None else min(self._session_ms, int(seconds * 1000))
        session = Session(
            digest,
            who_id,
            kind,
            name[:MAX_TEXT],
            user.generation if user else 0,
            now_ms,
            now_ms + lasts_ms,
            min(lasts_ms, self._idle_ms),
            address[:MAX_TEXT],
            agent[:MAX_TEXT],
        )
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.hset(
                self._keys.session(digest),
                mapping={
                    "who_id": who_id,
                    "kind": kind,
                    "name": session.name,
                    "gen": session.generation,
                    "made_ms": now_ms,
                    "ends_ms": session.ends_ms,
                    "address": session.address,
                    "agent": session.agent,
                },
            )
            pipeline.pexpire(self._keys.session(digest), session.left_ms)
            pipeline.execute()
        return secret, session

    def hold(self, session: Session, share_id: str) -> None:
        """Note that a share link was opened in a session; of more than :data:`MAX_SHARES` the oldest go.

        Nothing is noted if the session has ended meanwhile.

        :raises StoreUnavailable: if the store did not answer.
        """
        key = self._keys.session(session.digest)

        def write(pipeline: Any) -> None:
            # Not those of *session*: two tabs may open a link each at the same time.
            held = Session.read(session.digest, pipeline.hgetall(key), 0)
            pipeline.multi()
            if held is not None:
                shares = (*(one for one in held.shares if one != share_id), share_id)[-MAX_SHARES:]
                pipeline.hset(key, "shares", " ".join(shares))

        client: Any = self._store.client
        with store_errors():
            client.transaction(write, key)

    def find(self, secret: str) -> Session | None:
        """Return the session with a cookie's value; None if there is none, or it is over.

        :raises StoreUnavailable: if the store did not answer.
        """
        if len(secret) != SECRET_CHARACTERS:
            return None
        digest = digest_of(secret)
        key = self._keys.session(digest)
        with store_errors():
            pipeline = self._store.client.pipeline(transaction=False)
            pipeline.hgetall(key)
            pipeline.pttl(key)
            fields, left_ms = pipeline.execute()
        return self._possible(Session.read(digest, fields, left_ms))

    def find_all(self, digests: Sequence[str]) -> list[Session | None]:
        """Return the sessions with these names, without ``left_ms``; None for each that is over, or of another mode.

        :raises StoreUnavailable: if the store did not answer.
        """
        return self._hashes.round(digests)

    def _possible(self, session: Session | None) -> Session | None:
        # (Who comes by a share link has not logged in.)
        if session is None or session.kind == "share" or is_login_of(self._modes, session.who_id):
            return session
        return None

    def all(self) -> list[Session]:
        """Return all sessions, at most :data:`MOST_LISTED`; some of them may be of users who are locked out.

        :raises StoreUnavailable: if the store did not answer.
        """
        beginning = self._keys.session("")
        with store_errors():
            names = self._store.client.scan_iter(f"{beginning}*", count=1000)
            digests = [name.decode().removeprefix(beginning) for name in islice(names, MOST_LISTED)]
        return [session for session in self.find_all(sorted(set(digests))) if session]

    def touch(self, session: Session) -> None:
        """Note that a session is used, at most once a minute.

        :raises StoreUnavailable: if the store did not answer.
        """
        if self._idle_ms - session.left_ms < TOUCH_MS:
            return
        key = self._keys.session(session.digest)
        with store_errors():
            # Neither command makes a key, if the session has ended meanwhile.
            pipeline = self._store.client.pipeline()
            pipeline.pexpire(key, self._idle_ms)
            pipeline.pexpireat(key, session.ends_ms, lt=True)
            pipeline.execute()

    def end(self, digest: str) -> None:
        """End a session, and tell the relays.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.delete(self._keys.session(digest))
            pipeline.publish(self._keys.login_changes(), f"session:{digest}")
            pipeline.execute()
