"""Tickets: what a page of another origin shows a relay. Browsers let pages set no header of a WebSocket.

A ticket stands for something else that was shown to the web service, such as a token. It works once, for one origin,
and within half a minute.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Final

from runtail.auth.sessions import SECRET_CHARACTERS
from runtail.auth.users import digest_of
from runtail.store import Store, store_errors

TICKET_SECONDS: Final = 30


def make_ticket(store: Store, credential: str, origin: str) -> str:
    """Make a ticket and return it; the store has its SHA-256 only.

    :param credential: the name of what was shown; see :class:`~runtail.access.principal.Principal`.
    :param origin: that of the page, as browsers write it.
    :raises StoreUnavailable: if the store did not answer.
    """
    ticket = secrets.token_urlsafe(32)
    with store_errors():
        store.client.set(
            store.keys.ticket(digest_of(ticket)), json.dumps([credential, origin.lower()]), ex=TICKET_SECONDS
        )
    return ticket


def use_ticket(store: Store, ticket: str, origin: str) -> str | None:
    """Return the credential that a ticket stands for; None if it is not valid, or not for this origin.

    The ticket is worth nothing after this, whoever showed it.

    :raises StoreUnavailable: if the store did not answer.
    """
    if len(ticket) != SECRET_CHARACTERS:
        return None
    with store_errors():
        # One command, so that two relays cannot both take it; and the only one with which relays change anything.
        found: Any = store.client.getdel(store.keys.ticket(digest_of(ticket)))
    if found is None:
        return None
    credential, for_origin = json.loads(found)
    return str(credential) if for_origin == origin.lower() else None
