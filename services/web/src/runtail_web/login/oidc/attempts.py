"""Logins that were begun: what must be known when the provider sends the browser back.

The store keeps it for ten minutes, under a key made of two random numbers. One the browser has in a cookie, the other
(``state``) comes back in the address. So a login ends in the browser in which it began, and once.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, Final

from runtail.auth.sessions import SECRET_CHARACTERS
from runtail.auth.users import digest_of
from runtail.store import Store, store_errors

#: How long somebody may take to log in at the provider.
ATTEMPT_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that was begun.

    :param state: comes back in the address.
    :param nonce: comes back in the id token.
    :param verifier: shows that whoever redeems the code is who began (PKCE).
    :param next: the path to go to afterwards.
    """

    state: str
    nonce: str
    verifier: str
    next: str


class Attempts:
    """The logins in the store that were begun."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, browser: str, next_path: str) -> Attempt:
        """Note that a browser begins to log in.

        :param browser: the value of its cookie.
        :raises StoreUnavailable: if the store did not answer.
        """
        made = Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32), next_path)
        kept = json.dumps({"nonce": made.nonce, "verifier": made.verifier, "next": made.next})
        with store_errors():
            self._store.client.set(self._key(browser, made.state), kept, ex=ATTEMPT_SECONDS)
        return made

    def take(self, browser: str, state: str) -> Attempt | None:
        """Return the login that this browser began with this state, once; None if there is none.

        :raises StoreUnavailable: if the store did not answer.
        """
        if len(browser) != SECRET_CHARACTERS or len(state) != SECRET_CHARACTERS:
            return None
        with store_errors():
            found: Any = self._store.client.getdel(self._key(browser, state))
        if found is None:
            return None
        kept = json.loads(found)
        return Attempt(state, kept["nonce"], kept["verifier"], kept["next"])

    def _key(self, browser: str, state: str) -> str:
        return self._store.keys.oidc_attempt(digest_of(f"{browser}.{state}"))


def new_browser() -> str:
    """Return a value for the cookie of a browser that has none."""
    return secrets.token_urlsafe(32)
