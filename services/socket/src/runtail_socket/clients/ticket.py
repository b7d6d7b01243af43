"""Lets clients into the namespace: those that the handshake identified, and pages of other origins with a ticket."""

from __future__ import annotations

from typing import Final, NoReturn

import flask_socketio

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.auth.authenticator import Authenticator
from runtail.auth.tickets import use_ticket
from runtail.errors import StoreUnavailable
from runtail.listening import plain
from runtail.store import Store
from runtail_socket.transport.link import PRINCIPAL_CONNECTIONS, Link, Links

NO_TICKET: Final = "Pages of this origin show a ticket: connect with auth: {ticket}, from POST /api/v1/ticket."
WRONG_TICKET: Final = (
    "This ticket is not valid: it works once, within 30 seconds, for the origin that asked for it. Get a new one."
)


class Tickets:
    """Says who the clients are that join the namespace.

    :param audit: where is written who was refused.
    """

    def __init__(self, store: Store, authenticator: Authenticator, links: Links, audit: Audit) -> None:
        self._store, self._authenticator, self._links, self._audit = store, authenticator, links, audit

    def admit(self, link: Link, shown: object) -> Principal:
        """Return who joins.

        :param shown: what the client sends with CONNECT.
        :raises flask_socketio.ConnectionRefusedError: if the client must show another ticket; it says why.
        """
        origin = link.ticket_origin
        if origin is None:
            return link.principal
        if link.refused:
            # Whoever guesses needs a new connection for each try.
            _refuse("This connection was refused already. Connect again.")
        link.refused = True
        ticket = shown.get("ticket") if isinstance(shown, dict) else None
        if not isinstance(ticket, str):
            self._denied(link, "login")
            _refuse(NO_TICKET)
        try:
            credential = use_ticket(self._store, ticket, origin)
            who = self._authenticator.of_credential(credential) if credential else None
        except StoreUnavailable:
            _refuse("The store does not answer, so nobody can be let in.")
        if who is None:
            self._denied(link, "ticket")
            _refuse(WRONG_TICKET)
        if (
            who.id
            and sum(one.principal.id == who.id and not one.gone for one in self._links.all()) >= PRINCIPAL_CONNECTIONS
        ):
            _refuse(f"You have {PRINCIPAL_CONNECTIONS} connections to this relay already. Close some first.")
        link.principal, link.ticket_origin = who, None
        return who

    def _denied(self, link: Link, why: str) -> None:
        self._audit.record(
            "denied",
            principal=None,
            address=plain(link.address),
            agent=link.agent,
            right="login",
            why=why,
            request="connect",
        )


def _refuse(why: str) -> NoReturn:
    # Becomes CONNECT_ERROR with the message in an object, as the protocol requires.
    raise flask_socketio.ConnectionRefusedError(why)
