"""Login links: an address that one browser can use once, for mode ``link``.

The code stands in the fragment of the address, which browsers send to no server, so that no log has it.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from runtail.auth.users import digest_of
from runtail.store import Store, store_errors

#: How long a link can be used.
CODE_SECONDS: Final = 600
#: What stands before the code in the fragment.
FRAGMENT: Final = "login="


def make_login_code(store: Store) -> str:
    """Return a new code.

    :raises StoreUnavailable: if the store did not answer.
    """
    code = secrets.token_urlsafe(32)
    with store_errors():
        store.client.set(store.keys.login_code(digest_of(code)), "1", ex=CODE_SECONDS)
    return code


def keep_login_code(store: Store, code: str) -> bool:
    """Let a code live on for :data:`CODE_SECONDS`; return False if it was used.

    :raises StoreUnavailable: if the store did not answer.
    """
    with store_errors():
        return bool(store.client.expire(store.keys.login_code(digest_of(code)), CODE_SECONDS))


def use_login_code(store: Store, code: str) -> bool:
    """Return True if a code is valid; it is not afterwards.

    :raises StoreUnavailable: if the store did not answer.
    """
    with store_errors():
        found: Any = store.client.getdel(store.keys.login_code(digest_of(code)))
    return found is not None
