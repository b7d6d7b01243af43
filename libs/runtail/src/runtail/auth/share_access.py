"""What share links are worth at a moment, and what guests show: ``Authorization: Bearer rts1_…``, or a session.

A link dies with its end, when it is revoked, with the run or its epoch, and when its maker may not read the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from runtail.access.decision import allowed
from runtail.access.principal import EVERYTHING, Principal, SharedLog
from runtail.auth.bearer import TokenCredentials, bearer_text
from runtail.auth.modes import is_login_of, modes_of
from runtail.auth.policy_file import PolicyFile
from runtail.auth.shares import Share, Shares
from runtail.auth.token_text import SHARE_PREFIX, read_token
from runtail.auth.users import Users
from runtail.errors import NotLoggedIn
from runtail.runs.access import thing_of
from runtail.runs.record import read_runs
from runtail.store import Store

#: The name of every guest, for people.
GUEST: Final = "guest"
#: The id of a guest with a session, which may hold several links. No rule can name it.
GUEST_ID: Final = "share:guest"
_SHARE: Final = "share:"
_TOKEN: Final = "token:"  # noqa: S105 - the beginning of credentials


class ShareAccess:
    """Finds which share links give something to read."""

    def __init__(self, store: Store, policy: PolicyFile, tokens: TokenCredentials) -> None:
        self._store, self._policy, self._tokens = store, policy, tokens
        self._shares, self._users = Shares(store), Users(store)
        self._modes = modes_of(store.settings)
        self._off = not store.settings.auth_share_seconds

    def logs(self, ids: Iterable[str]) -> dict[str, SharedLog]:
        """Return what links give, by the links' ids; those that give nothing are left out.

        :raises StoreUnavailable: if the store did not answer.
        """
        return {share.id: share.log for share in self.alive(self._shares.find_all(sorted(set(ids))))}

    def alive(self, shares: Iterable[Share | None]) -> list[Share]:
        """Return the links that still give something.

        :raises StoreUnavailable: if the store did not answer.
        """
        known = [share for share in shares if share is not None]
        if not known or self._off:
            return []
        makers = self._makers({share.maker for share in known})
        runs = {run.id: run for run in read_runs(self._store, sorted({share.run_id for share in known}))}
        return [
            share
            for share in known
            if (run := runs.get(share.run_id))
            and run.number("epoch") == share.epoch
            and (maker := makers.get(share.maker))
            and allowed(maker, "log:read", thing_of(run))
        ]

    def _makers(self, makers: set[str]) -> dict[str, Principal]:
        """Return who made links, with the rights of now; those who may not even log in are left out."""
        tokens = sorted(maker for maker in makers if maker.startswith(_TOKEN))
        # Those who came in by another mode than that of now do so no more.
        people = {maker for maker in makers - set(tokens) if is_login_of(self._modes, maker)}
        ids = sorted(people - {""})
        found = {"": Principal("anonymous", "", "", frozenset((EVERYTHING,)))} if "" in people else {}
        shown = [Principal("token", "", "", frozenset(), credential) for credential in tokens]
        for credential, token in zip(tokens, self._tokens.recheck(shown) if shown else [], strict=True):
            if token is not None:
                found[credential] = token
        for user_id, user in zip(ids, self._users.find_all(ids), strict=True):
            if user is not None and not user.disabled:
                found[user_id] = Principal("user", user_id, "", self._policy.get().grants_of(user_id, user.groups))
        return found


class ShareCredentials:
    """Share links that programs show."""

    kind = "share"

    def __init__(self, store: Store, access: ShareAccess) -> None:
        self._shares, self._access = Shares(store), access

    def identify(self, environ: Mapping[str, Any]) -> Principal | None:
        """See :class:`~.authenticator.Credentials`."""
        text = bearer_text(environ)
        if text is None or not text.startswith(SHARE_PREFIX):
            return None
        shown = read_token(text, SHARE_PREFIX)
        if shown is None:
            raise NotLoggedIn("This is not a share link's token. It was not copied as a whole.")
        alive = self._access.alive([self._shares.find(shown.id, shown.secret)])
        if not alive:
            raise NotLoggedIn("This share link does not work any more. Ask whoever gave it to you for another.")
        return _guest(alive[0].log)

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """See :class:`~.authenticator.Credentials`."""
        ids = [one.credential.removeprefix(_SHARE) for one in principals]
        logs = self._access.logs(ids)
        return [_guest(logs[share_id]) if share_id in logs else None for share_id in ids]


def _guest(log: SharedLog) -> Principal:
    name = f"{_SHARE}{log.share_id}"
    return Principal("share", name, GUEST, frozenset(), name, by_run([log]))


def by_run(logs: Iterable[SharedLog]) -> dict[str, SharedLog]:
    """Return what links give by run; of several for one run, the last counts."""
    return {log.run_id: log for log in logs}
