"""Tokens that programs show in ``Authorization: Bearer``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runtail.access.principal import EVERYTHING, Grant, Principal
from runtail.auth.modes import is_login_of, modes_of
from runtail.auth.policy_file import PolicyFile, ReloadedFile
from runtail.auth.token_text import PREFIX, SHARE_PREFIX, read_token
from runtail.auth.tokens import DAY_MS, Token, Tokens
from runtail.auth.tokens_file import FileToken, parse_tokens, token_with
from runtail.auth.users import User, Users, digest_of
from runtail.errors import NotLoggedIn
from runtail.store import Store

_SCHEME: Final = "bearer "
#: What the names of tokens of the file begin with.
_FILE: Final = "file-token:"
#: What the ids of people begin with whom somebody else knows.
_TOLD_BY_NOBODY: Final = ("oidc:", "proxy:")
_TOKEN: Final = "token:"  # noqa: S105 - the beginning of names


def bearer_text(environ: Mapping[str, Any]) -> str | None:
    """Return what a request shows in ``Authorization: Bearer``; None if it has no such header."""
    header = str(environ.get("HTTP_AUTHORIZATION") or "")
    return header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else None


class TokenCredentials:
    """API tokens: those of the store, and those of the file.

    :param note: note in the store that tokens are used; relays may not write to it.
    :raises ConfigError: if the file cannot be used.
    """

    kind = "token"

    def __init__(self, store: Store, policy: PolicyFile, *, note: bool) -> None:
        path = store.settings.auth_tokens_file
        self._file = ReloadedFile("RUNTAIL_AUTH_TOKENS_FILE", path, parse_tokens) if path else None
        self._owner_days = store.settings.auth_token_owner_days
        self._tokens, self._users, self._policy, self._note = Tokens(store), Users(store), policy, note
        self._modes = modes_of(store.settings)

    @property
    def files(self) -> Mapping[str, ReloadedFile[Mapping[str, FileToken]]]:
        """The file, by what it holds; empty if there is none."""
        return {"tokens": self._file} if self._file else {}

    def shows(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a client shows a token or a share link of ours, valid or not. Proxies send those of others."""
        text = bearer_text(environ) or ""
        return text.startswith((PREFIX, SHARE_PREFIX)) or bool(
            self._file and token_with(self._file.get(), digest_of(text))
        )

    def identify(self, environ: Mapping[str, Any]) -> Principal | None:
        """See :class:`~.authenticator.Credentials`."""
        text = bearer_text(environ)
        if text is None:
            return None
        if self._file and (listed := token_with(self._file.get(), digest_of(text))):
            return self._of_file(listed)
        shown = read_token(text)
        if shown is None:
            more = " It was not copied as a whole." if text.startswith(PREFIX) else ""
            raise NotLoggedIn(f"This is not a token of this installation.{more} Make a new one on the page /tokens.")
        token = self._tokens.find(shown)
        owner = self._users.find(token.owner_id) if token and token.owner_id else None
        if token and owner and self._is_away(token.owner_id, owner):
            raise NotLoggedIn(
                f"The owner of this token was not here for {self._owner_days} days "
                "(RUNTAIL_AUTH_TOKEN_OWNER_DAYS). It works again when they log in."
            )
        principal = self._principal(token, owner)
        if token is None or principal is None:
            raise NotLoggedIn("This token was revoked, or is too old. Make a new one on the page /tokens.")
        if self._note:
            self._tokens.note_use(token.id)
        return principal

    def recheck(self, principals: Sequence[Principal]) -> list[Principal | None]:
        """See :class:`~.authenticator.Credentials`."""
        names = [one.credential.removeprefix(_TOKEN) for one in principals]
        tokens = dict(zip(names, self._tokens.find_all(names), strict=True))
        owners = sorted({token.owner_id for token in tokens.values() if token and token.owner_id})
        users = dict(zip(owners, self._users.find_all(owners), strict=True))
        listed = {_credential(one): one for one in self._file.get().values()} if self._file else {}
        return [
            self._of_file(listed[name])
            if name in listed
            else self._principal(token, users.get(token.owner_id))
            if (token := tokens[name])
            else None
            for name in names
        ]

    def _of_file(self, listed: FileToken) -> Principal:
        principal_id = f"{_TOKEN}{listed.name}"
        grants = frozenset((Grant(listed.rights),)) | self._policy.get().grants_of(principal_id, ())
        return Principal("token", principal_id, listed.name, grants, f"{_TOKEN}{_credential(listed)}")

    def _is_away(self, owner_id: str, owner: User) -> bool:
        """Return True if the owner may have left, and nobody would tell us."""
        if not (self._owner_days and owner.seen_ms and owner_id.startswith(_TOLD_BY_NOBODY)):
            return False
        return time.time() * 1000 - owner.seen_ms > self._owner_days * DAY_MS

    def _principal(self, token: Token | None, owner: User | None) -> Principal | None:
        if token is None or not is_login_of(self._modes, token.owner_id):
            return None
        if not token.owner_id:
            grants: frozenset[Grant] = frozenset((EVERYTHING,))
        elif owner is None or owner.disabled or self._is_away(token.owner_id, owner):
            return None
        else:
            grants = self._policy.get().grants_of(token.owner_id, owner.groups)
        name = f"{token.owner_name} (token {token.name})"
        ends_ms = token.ends_ms if token.ends_soon(time.time() * 1000) else None
        token_id = f"{_TOKEN}{token.id}"
        return Principal("token", token_id, name, token.limits(grants), token_id, ends_ms=ends_ms)


def _credential(listed: FileToken) -> str:
    """Return what names a token of the file: with a new secret, it is another one."""
    return f"{_FILE}{listed.name}:{listed.digest}"
