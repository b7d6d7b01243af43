"""Users that a proxy has logged in, and names in headers.

Nothing is kept of such a login: each request is judged by itself. A header that cannot be believed is refused, with a
sentence that names it, so that a wrong route shows at once and is not taken for somebody without a login.
"""

from __future__ import annotations

import hmac
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runtail.access.policy import Policy
from runtail.access.principal import Principal
from runtail.auth.bearer import TokenCredentials
from runtail.auth.policy_file import PolicyFile
from runtail.auth.proxy_settings import SECRET_HEADER, read_proxy_settings
from runtail.auth.remembered import Remembered
from runtail.auth.users import User, Users
from runtail.errors import NotLoggedIn, ProxyRefused
from runtail.forwarded import HEADERS, PEER
from runtail.listening import plain
from runtail.store import Store

MAX_HEADER_BYTES: Final = 4096
#: As for names that are typed at a login.
MAX_NAME: Final = 255
LOCKED: Final = "You are locked out. An administrator did this. Ask them to let you in."
#: Control characters, and those that end a line.
_ENDS_OR_CONTROLS: Final = ("Cc", "Zl", "Zp")


class ProxyCredentials:
    """Headers of the proxy that logs people in.

    :param tokens: whoever shows one of them, too, is known by it.
    :param note: note the groups of users in the store, for their tokens; relays may not write to it.
    :raises ConfigError: if a setting is missing or cannot be used; it names the setting.
    """

    kind = "proxy"

    def __init__(self, store: Store, policy: PolicyFile, tokens: TokenCredentials, *, note: bool) -> None:
        self._proxy = read_proxy_settings(store.settings)
        self._users, self._policy, self._tokens, self._note = Users(store), policy, tokens, note
        self._again = Remembered(self._principal)

    def identify(self, environ: Mapping[str, Any]) -> Principal | None:
        """See :class:`~.authenticator.Credentials`.

        :raises ProxyRefused: if the request has headers of the proxy that cannot be believed.
        """
        values = self._believed(environ)
        if self._proxy.user_header not in values or self._tokens.shows(environ):
            return None
        user = _user(self._proxy.user_header, values[self._proxy.user_header])
        name = _text(self._proxy.name_header, values.get(self._proxy.name_header, "")) or user
        groups = _groups(_text(self._proxy.groups_header, values.get(self._proxy.groups_header, "")))
        who_id = f"{self.kind}:{user}"
        known = self._users.find(who_id)
        if known is not None and known.disabled:
            raise NotLoggedIn(LOCKED)
        if self._note and (known is None or known.groups != groups):
            self._users.put(who_id, groups)
        elif self._note and known is not None:
            self._users.note_seen(who_id, known)
        return self._principal(f"{self.kind}:{json.dumps([user, name[:MAX_NAME], groups])}", self._policy.get())

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """See :class:`~.authenticator.Credentials`. The groups stay those that the proxy has said."""
        policy = self._policy.get()
        found = self._again.round((one.credential, policy) for one in principals)
        users: list[User | None] = self._users.find_all([one.id for one in found])
        return [None if user is not None and user.disabled else one for one, user in zip(found, users, strict=True)]

    def _principal(self, credential: str, policy: Policy) -> Principal:
        user, name, groups = json.loads(credential.partition(":")[2])
        who_id = f"{self.kind}:{user}"
        return Principal("user", who_id, name, policy.grants_of(who_id, groups), credential)

    def _believed(self, environ: Mapping[str, Any]) -> dict[str, str]:
        """Return the values of the proxy's headers, by the names in the settings; empty if there are none.

        :raises ProxyRefused: if they cannot be believed.
        """
        wanted = {name.lower(): name for name in self._proxy.headers}
        values: dict[str, str] = {}
        for sent, value in environ[HEADERS]:
            name = wanted.get(sent.lower().replace("_", "-"))
            if name is None:
                continue
            if "_" in sent:
                raise ProxyRefused(
                    f"The request has a header {sent}, which is read like {name}. The proxy must drop it."
                )
            if name in values:
                raise ProxyRefused(f"The header {name} came more than once. The proxy must replace it, not add to it.")
            values[name] = value
        if not values:
            return values
        first = next(iter(values))
        peer = plain(str(environ[PEER]))
        if not self._proxy.trusts(peer):
            raise ProxyRefused(
                f"The header {first} came from {peer}, which RUNTAIL_AUTH_PROXY_CIDRS does not list. Ask through the "
                "proxy, or list its address."
            )
        secret = values.get(SECRET_HEADER)
        if secret is None:
            raise ProxyRefused(f"The header {first} came without {SECRET_HEADER}, by which the proxy is known.")
        if not hmac.compare_digest(secret.encode("latin-1", "replace"), self._proxy.secret):
            raise ProxyRefused(f"The header {SECRET_HEADER} does not have the value of RUNTAIL_AUTH_PROXY_SECRET.")
        return values


def _text(name: str, value: str) -> str:
    """Return what a header says. WSGI hands on bytes as Latin-1.

    :raises ProxyRefused: if it is too long, or is no line of text.
    """
    data = value.encode("latin-1", "replace")
    if len(data) > MAX_HEADER_BYTES:
        raise ProxyRefused(f"The header {name} has {len(data):,} bytes. It may have {MAX_HEADER_BYTES:,}.")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ProxyRefused(f"The header {name} is not UTF-8.") from None
    if any(unicodedata.category(character) in _ENDS_OR_CONTROLS for character in text):
        raise ProxyRefused(f"The header {name} has a control character or the end of a line in it.")
    return text.strip()


def _user(name: str, value: str) -> str:
    user = _text(name, value)
    if not user:
        raise ProxyRefused(f"The header {name} is empty. The proxy must send a name, or leave the header out.")
    if "," in user:
        raise ProxyRefused(f"The header {name} has a comma in it, as if it had several names. It must be one name.")
    if len(user) > MAX_NAME:
        raise ProxyRefused(f"The header {name} has {len(user):,} characters. A name has {MAX_NAME} at most.")
    return user


def _groups(text: str) -> tuple[str, ...]:
    return tuple(sorted({group.strip() for group in text.split(",") if group.strip()}))
