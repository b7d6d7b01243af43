"""Share links in the store: a range of one run's log, for people without a login. The store has the secret's SHA-256.

See :mod:`.share_access` for what a link is worth at a moment.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runtail.access.principal import Principal, SharedLog
from runtail.auth.token_text import SHARE_PREFIX, TokenText, make_token
from runtail.auth.users import digest_of
from runtail.protocol import Clip
from runtail.settings import MAX_SHARE_SECONDS
from runtail.store import Store, store_errors


@dataclass(frozen=True, slots=True)
class Share:
    """A share link without its secret.

    :param first: the first line shared.
    :param last: the last line shared; None: all that follows, as it is written.
    :param epoch: of the log when the link was made.
    :param maker: who made the link: a user's id, or the credential of a token; empty for a login without users.
    :param maker_name: the same for people.
    """

    id: str
    run_id: str
    first: int
    last: int | None
    epoch: int
    maker: str
    maker_name: str
    made_ms: int
    ends_ms: int

    @property
    def log(self) -> SharedLog:
        """What may be read."""
        return SharedLog(self.id, self.run_id, Clip(self.first, self.last), self.epoch)


def maker_of(principal: Principal) -> str:
    """Return what a share's ``maker`` is if a principal makes it."""
    return principal.credential if principal.kind == "token" else principal.id


class Shares:
    """The share links in the store."""

    def __init__(self, store: Store) -> None:
        self._store, self._keys = store, store.keys

    def make(self, run_id: str, clip: Clip, epoch: int, maker: Principal, seconds: float) -> tuple[TokenText, Share]:
        """Make a share link; its text is not kept.

        :raises StoreUnavailable: if the store did not answer.
        """
        made, now_ms = make_token(SHARE_PREFIX), self._store.now_ms()
        share = Share(
            made.id, run_id, clip.first, clip.last, epoch, maker_of(maker), maker.name, now_ms,
            now_ms + int(seconds * 1000),
        )  # fmt: skip
        fields: dict[Any, Any] = {
            "sha256": digest_of(made.secret),
            "run": run_id,
            "first": share.first,
            "last": share.last or "",
            "epoch": epoch,
            "maker": share.maker,
            "maker_name": share.maker_name,
            "made_ms": share.made_ms,
            "ends_ms": share.ends_ms,
        }
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.hset(self._keys.share(made.id), mapping=fields)
            pipeline.pexpireat(self._keys.share(made.id), share.ends_ms)
            pipeline.sadd(self._keys.shares(run_id), made.id)
            # As long as any of them can live.
            pipeline.expire(self._keys.shares(run_id), MAX_SHARE_SECONDS)
            pipeline.execute()
        return made, share

    def find(self, share_id: str, secret: str) -> Share | None:
        """Return the share link with a secret; None if there is none, which takes as long as if there is one.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            fields: Any = self._store.client.hgetall(self._keys.share(share_id))
        right = hmac.compare_digest(fields.get(b"sha256", b"").decode(), digest_of(secret))
        return _read(share_id, fields) if right else None

    def find_all(self, ids: Sequence[str]) -> list[Share | None]:
        """Return the share links with these ids, in one round trip; None for each that is over.

        :raises StoreUnavailable: if the store did not answer.
        """
        if not ids:
            return []
        with store_errors():
            pipeline = self._store.client.pipeline(transaction=False)
            for share_id in ids:
                pipeline.hgetall(self._keys.share(share_id))
            found: list[Any] = pipeline.execute()
        return [_read(share_id, fields) for share_id, fields in zip(ids, found, strict=True)]

    def of_run(self, run_id: str) -> list[Share]:
        """Return the share links of a run, the newest first, and forget the ids of those that are over.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            members: Any = self._store.client.smembers(self._keys.shares(run_id))
        ids = sorted(member.decode("ascii", "replace") for member in members)
        found = dict(zip(ids, self.find_all(ids), strict=True))
        over = [share_id for share_id, share in found.items() if share is None]
        if over:
            with store_errors():
                self._store.client.srem(self._keys.shares(run_id), *over)
        return sorted((share for share in found.values() if share), key=lambda share: -share.made_ms)

    def revoke(self, share: Share) -> None:
        """End a share link, and tell the relays.

        :raises StoreUnavailable: if the store did not answer.
        """
        with store_errors():
            pipeline = self._store.client.pipeline()
            pipeline.delete(self._keys.share(share.id))
            pipeline.srem(self._keys.shares(share.run_id), share.id)
            pipeline.publish(self._keys.login_changes(), f"share:{share.id}")
            pipeline.execute()


def _read(share_id: str, fields: dict[bytes, bytes]) -> Share | None:
    try:
        return Share(
            share_id,
            fields[b"run"].decode(),
            int(fields[b"first"]),
            int(fields[b"last"]) if fields[b"last"] else None,
            int(fields[b"epoch"]),
            fields[b"maker"].decode(),
            fields[b"maker_name"].decode(),
            int(fields[b"made_ms"]),
            int(fields[b"ends_ms"]),
        )
    except (KeyError, ValueError):
        return None
