"""Who sends a request, by what the client shows; and whether that is still true."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from runtail.access.policy import Policy
from runtail.access.principal import EVERYTHING, Principal, SharedLog
from runtail.auth.bearer import TokenCredentials
from runtail.auth.modes import login_required, modes_of
from runtail.auth.policy_file import PolicyFile, ReloadedFile
from runtail.auth.proxy import ProxyCredentials
from runtail.auth.remembered import Remembered
from runtail.auth.sessions import Session, Sessions
from runtail.auth.share_access import GUEST, GUEST_ID, ShareAccess, ShareCredentials, by_run
from runtail.auth.users import User, Users
from runtail.errors import NotLoggedIn
from runtail.public_url import cookie_name
from runtail.runs.access import anyone_at
from runtail.store import Store

#: A request as WSGI servers describe it; web and relay have the same.
Environ = Mapping[str, Any]

_AGAIN: Final = "Log in again."
#: What a client is told whose login, or whose right, is gone while it reads.
LOGIN_GONE: Final = f"Your login has ended. {_AGAIN}"
RIGHT_GONE: Final = "You may no longer read this run."


#: All that a session's principal depends on.
_Known: TypeAlias = "tuple[Session, User | None, Policy, tuple[SharedLog, ...]]"


class Credentials(Protocol):
    """One kind of thing that a client can show."""

    #: What names of such things begin with, in ``Principal.credential``.
    kind: str

    def identify(self, environ: Environ) -> Principal | None:
        """Return who shows this; None if the client shows nothing of this kind.

        :raises NotLoggedIn: if what the client shows is not valid.
        :raises StoreUnavailable: if the store did not answer.
        """

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """Return the principals with the rights they have now; None for each who is no longer valid.

        :raises StoreUnavailable: if the store did not answer.
        """


class SessionCredentials:
    """Cookies of sessions.

    :param touch: note that a session is used; relays may not write to the store.
    """

    kind = "session"

    def __init__(self, store: Store, policy: PolicyFile, shares: ShareAccess, *, touch: bool) -> None:
        self._settings, self._shares, self._touch = store.settings, shares, touch
        self._sessions, self._users, self._policy = Sessions(store), Users(store), policy
        self._again: Remembered[_Known | None, Principal | None] = Remembered(self._judge)

    def identify(self, environ: Environ) -> Principal | None:
        """See :class:`Credentials`."""
        values = cookies(environ, cookie_name(self._settings, port_of(environ)))
        if not values:
            return None
        if len(values) > 1:
            raise NotLoggedIn(f"The request has {len(values)} cookies of a session. {_AGAIN}")
        session = self._sessions.find(values[0])
        if session is None:
            raise NotLoggedIn(f"The session has ended. {_AGAIN}")
        user = self._users.find(session.who_id) if session.who_id else None
        if not session.is_of(user):
            raise NotLoggedIn(f"The session was ended. {_AGAIN}")
        if self._touch:
            self._sessions.touch(session)
            if user is not None:
                self._users.note_seen(session.who_id, user)
        return self._principal(session, user, self._policy.get(), _held(session, self._shares.logs(session.shares)))

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """See :class:`Credentials`."""
        digests = [one.credential.partition(":")[2] for one in principals]
        sessions = self._sessions.find_all(digests)
        ids = sorted({session.who_id for session in sessions if session and session.who_id})
        users = dict(zip(ids, self._users.find_all(ids), strict=True))
        shared = self._shares.logs(share_id for session in sessions if session for share_id in session.shares)
        policy = self._policy.get()
        return self._again.round(
            (digest, (session, users.get(session.who_id), policy, _held(session, shared)) if session else None)
            for digest, session in zip(digests, sessions, strict=True)
        )

    def _judge(self, _digest: str, known: _Known | None) -> Principal | None:
        return self._principal(*known) if known and known[0].is_of(known[1]) else None

    def _principal(self, session: Session, user: User | None, policy: Policy, logs: tuple[SharedLog, ...]) -> Principal:
        credential, shared = f"{self.kind}:{session.digest}", by_run(logs)
        if session.kind == "share":
            return Principal("share", GUEST_ID, GUEST, frozenset(), credential, shared)
        if user is None:
            return Principal("anonymous", "", session.name, frozenset((EVERYTHING,)), credential)
        grants = policy.grants_of(session.who_id, user.groups)
        return Principal("user", session.who_id, session.name, grants, credential, shared)


def _held(session: Session, logs: Mapping[str, SharedLog]) -> tuple[SharedLog, ...]:
    return tuple(logs[share_id] for share_id in session.shares if share_id in logs)


class Authenticator:
    """Says who sends a request, in web and relay alike.

    :param kinds: what a client can show, in the order in which it counts.
    :param shares: finds what share links give; None: there are none.
    """

    def __init__(self, kinds: Sequence[Credentials], shares: ShareAccess | None = None) -> None:
        self._kinds = {one.kind: one for one in kinds}
        self.shares = shares

    @property
    def files(self) -> Mapping[str, ReloadedFile[Any]]:
        """The files that are read again when they change, by what they hold."""
        tokens = self._kinds.get(TokenCredentials.kind)
        return tokens.files if isinstance(tokens, TokenCredentials) else {}

    def identify(self, environ: Environ) -> Principal | None:
        """Return who sends a request; None if the client shows nothing.

        :raises NotLoggedIn: if what the client shows is not valid.
        :raises ProxyRefused: if it has headers about a login that cannot be believed.
        :raises StoreUnavailable: if the store did not answer.
        """
        for kind in self._kinds.values():
            principal = kind.identify(environ)
            if principal is not None:
                return principal
        return None

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """Return the principals with the rights they have now; None for each who is no longer valid.

        :raises StoreUnavailable: if the store did not answer.
        """
        found: dict[str, Principal | None] = {}
        for name, kind in self._kinds.items():
            mine = [one for one in principals if one.credential.partition(":")[0] == name]
            if mine:
                found.update(zip((one.credential for one in mine), kind.recheck(mine), strict=True))
        return [found.get(one.credential) for one in principals]

    def of_credential(self, credential: str) -> Principal | None:
        """Return who showed the thing with this name; None if it is no longer valid.

        :raises StoreUnavailable: if the store did not answer.
        """
        (found,) = self.recheck([Principal("anonymous", "", "", frozenset(), credential)])
        return found


class Anyone:
    """Installations without login: everybody is an administrator, named by an address."""

    kind = "anyone"

    def identify(self, environ: Environ) -> Principal | None:
        """See :class:`Credentials`."""
        return anyone_at(environ.get("REMOTE_ADDR"))

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """See :class:`Credentials`."""
        return list(principals)


def make_authenticator(store: Store, policy: PolicyFile, *, touch: bool) -> Authenticator:
    """Return the authenticator for the modes in the settings.

    :param touch: note in the store that sessions and tokens are used.
    :raises ConfigError: if ``RUNTAIL_AUTH_MODE``, or a setting of that mode, cannot be used.
    """
    if not login_required(store.settings):
        return Authenticator([Anyone()])
    tokens = TokenCredentials(store, policy, note=touch)
    shares = ShareAccess(store, policy, tokens)
    kinds: list[Credentials] = [
        ShareCredentials(store, shares),
        tokens,
        SessionCredentials(store, policy, shares, touch=touch),
    ]
    if "proxy" in modes_of(store.settings):
        # Its headers come first: where they cannot be believed, a token must not hide it. Sessions are those of guests.
        return Authenticator([ProxyCredentials(store, policy, tokens, note=touch), *kinds], shares)
    return Authenticator(kinds, shares)


def cookies(environ: Environ, name: str) -> list[str]:
    """Return the values of all cookies with a name: a browser can be made to send several."""
    pairs = (part.strip().partition("=") for part in str(environ.get("HTTP_COOKIE", "")).split(";"))
    return [value for key, _, value in pairs if key == name]


def port_of(environ: Environ) -> int:
    """Return the port of the page that sends a request.

    A page may ask a relay on another port, whose own port says nothing. That page's port is in ``Origin``.
    """
    origin = str(environ.get("HTTP_ORIGIN") or "")
    scheme = str(environ.get("wsgi.url_scheme", "http"))
    parts = urlsplit(origin if "//" in origin else f"{scheme}://{environ.get('HTTP_HOST', '')}")
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return 0


#: Returns who sends a request, given its WSGI environment. See :meth:`Authenticator.identify`.
Identify = Callable[[Environ], Principal | None]
