"""What is kept of the provider for each session: its refresh token, and the id token for the log-out there.

Both are encrypted with a key that is derived from the client's secret. Whoever reads the store gets neither; and who
has the client's secret, too, could be this client anyway. With a new secret they cannot be opened, and those sessions
end when the provider would have been asked again.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtail.auth.sessions import Session
from runtail.auth.users import digest_of
from runtail.store import Store, store_errors

#: A session is another web service's for this long, while that asks the provider.
CLAIM_MS: Final = 60_000
#: A log-out at the provider is remembered for this long. A code of a login lives ten minutes at most (RFC 6749, 4.1.2).
ENDED_SECONDS: Final = 660
#: So many sessions are looked at in one round.
MOST_DUE: Final = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for a session.

    :param refresh_token: empty if the provider gave none.
    :param id_token: empty if nobody is led to the provider's log-out.
    :param good_ms: when the provider last said that all is well.
    """

    refresh_token: str
    id_token: str
    good_ms: int


class KeptSessions:
    """What is kept in the store.

    :param client_secret: of this client at the provider.
    """

    def __init__(self, store: Store, client_secret: str) -> None:
        self._store, self._keys = store, store.keys
        derived = HKDF(SHA256(), 32, salt=None, info=b"runtail: tokens of an OpenID provider").derive(
            client_secret.encode()
        )
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def keep(self, session: Session, kept: Kept, *, mark: str, due_ms: int | None) -> None:
        """Keep the provider's tokens of a session that begins.

        :param mark: what the provider names when it ends the session; see :func:`mark_of`.
        :param due_ms: when to ask the provider again; None: never.
        :raises StoreUnavailable: if the store did not answer.
        """
        key = self._keys.oidc_provider_session(mark)
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.set(self._keys.oidc_session(session.digest), self._sealed(session, kept), pxat=session.ends_ms)
            pipeline.sadd(key, session.digest)
            pipeline.pexpireat(key, session.ends_ms, nx=True)
            pipeline.pexpireat(key, session.ends_ms, gt=True)
            if due_ms is not None:
                pipeline.zadd(self._keys.oidc_refreshes(), {session.digest: due_ms})
            pipeline.execute()

    def update(self, session: Session, kept: Kept, due_ms: int) -> None:
        """Keep other tokens of a session; nothing if it was forgotten while the provider was asked.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            sealed = self._sealed(session, kept)
            pipeline.set(self._keys.oidc_session(session.digest), sealed, pxat=session.ends_ms, xx=True)
            pipeline.zadd(self._keys.oidc_refreshes(), {session.digest: due_ms}, xx=True)
            pipeline.execute()

    def postpone(self, digest: str, due_ms: int) -> None:
        """Ask the provider about a session later.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            self._store.client.zadd(self._keys.oidc_refreshes(), {digest: due_ms}, xx=True)

    def find(self, digest: str) -> Kept | None:
        """Return what is kept for a session; None if there is nothing, or it cannot be opened.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            sealed: Any = self._store.client.get(self._keys.oidc_session(digest))
        if sealed is None:
            return None
        try:
            found = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None
        # Somebody who can write to the store must not give one session what is another's.
        if not hmac.compare_digest(found["session"], digest):
            return None
        return Kept(found["refresh"], found["id"], found["good_ms"])

    def forget(self, digest: str) -> None:
        """Forget what is kept for a session.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.delete(self._keys.oidc_session(digest))
            pipeline.zrem(self._keys.oidc_refreshes(), digest)
            pipeline.execute()

    def due(self, now_ms: int) -> list[str]:
        """Return the sessions about which the provider is to be asked now, those that wait longest first.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            found: Any = self._store.client.zrangebyscore(self._keys.oidc_refreshes(), 0, now_ms, start=0, num=MOST_DUE)
        return [member.decode() for member in found]

    def claim(self, digest: str, now_ms: int) -> bool:
        """Return True if nobody else asks the provider about a session, and it is still due.

        A provider may end the session there when a refresh token is used twice.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.set(self._keys.oidc_refreshing(digest), "1", nx=True, px=CLAIM_MS)
            pipeline.zscore(self._keys.oidc_refreshes(), digest)
            mine, due_ms = pipeline.execute()
        if mine and (due_ms is None or due_ms > now_ms):
            self.release(digest)
            return False
        return bool(mine)

    def release(self, digest: str) -> None:
        """Let others ask the provider about a session.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            self._store.client.delete(self._keys.oidc_refreshing(digest))

    def marked(self, marks: Sequence[str]) -> list[str]:
        """Return the sessions here that have one of these marks.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            found: Any = self._store.client.sunion([self._keys.oidc_provider_session(mark) for mark in marks])
        return sorted(member.decode() for member in found)

    def note_ended(self, provider_session: str, who_id: str, issued_s: float) -> None:
        """Note that sessions ended at the provider, for a login that is not kept yet and so has no mark.

        Call this before :meth:`marked`, and :meth:`has_ended` after :meth:`keep`: then one of the two sees the other.

        :param provider_session: ``sid``; empty: all of the user's.
        :param who_id: empty if the provider did not say whose.
        :param issued_s: when the provider said so, by its clock.
        :raises StoreUnavailable: if the store did not answer.
        """
        ended = {_all_of(who_id): issued_s}
        if provider_session:
            # This one does not begin again; of those whose name the provider never says, one may have begun since.
            ended = {mark_of(provider_session, ""): float("inf")}
            if who_id:
                ended[mark_of("", who_id)] = issued_s
        with store_errors():
            pipeline = self._store.client.pipeline()
            for mark, until_s in ended.items():
                pipeline.zadd(self._keys.oidc_ended(mark), {mark: until_s}, gt=True)
                pipeline.expire(self._keys.oidc_ended(mark), ENDED_SECONDS)
            pipeline.execute()

    def has_ended(self, provider_session: str, who_id: str, issued_s: float) -> bool:
        """Return True if the provider has ended a session by now.

        :param issued_s: when the provider gave the id token, by its clock.
        :raises StoreUnavailable: if the store did not answer.
        """
        marks = (mark_of(provider_session, who_id), _all_of(who_id))
        with store_errors():
            pipeline = self._store.client.pipeline()
            for mark in marks:
                pipeline.zscore(self._keys.oidc_ended(mark), mark)
            found: list[float | None] = pipeline.execute()
        # The clock of tokens has whole seconds: of the same second, the log-out counts.
        return any(until_s is not None and issued_s <= until_s for until_s in found)

    def is_done(self, token_id: str) -> bool:
        """Return True if a log-out with this id, which the provider sent, was done already.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            return bool(self._store.client.exists(self._keys.oidc_logout_token(digest_of(token_id))))

    def note_done(self, token_id: str, seconds: int) -> None:
        """Note that a log-out with this id was done; it is remembered for so long.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            self._store.client.set(self._keys.oidc_logout_token(digest_of(token_id)), "1", ex=seconds)

    def _sealed(self, session: Session, kept: Kept) -> bytes:
        plain = {
            "session": session.digest, "refresh": kept.refresh_token, "id": kept.id_token, "good_ms": kept.good_ms,
        }  # fmt: skip
        return self._fernet.encrypt(json.dumps(plain).encode())


def mark_of(provider_session: str, who_id: str) -> str:
    """Return what sessions here are found by when the provider ends one there.

    :param provider_session: ``sid``; empty if the provider did not say: then all of the user's are meant.
    """
    return digest_of(f"sid {provider_session}" if provider_session else f"sub {who_id}")


def _all_of(who_id: str) -> str:
    """Return what stands for all sessions of a user, whatever the provider calls them."""
    return digest_of(f"all {who_id}")
