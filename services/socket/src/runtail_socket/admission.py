"""Admission: which clients may connect, how many at once, and which are sent away."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.auth.authenticator import Identify
from runtail.browser_headers import refusal_headers
from runtail.counted import counted_address
from runtail.door import Door
from runtail.errors import NotLoggedIn, ProxyRefused, StoreUnavailable
from runtail.listening import plain
from runtail.settings import Settings
from runtail_socket.delivery.frames import renew
from runtail_socket.runtime import WsgiApp
from runtail_socket.transport.handshake import Refused, answer_handshake, headers_of
from runtail_socket.transport.link import (
    COUNTED,
    HANDSHAKE,
    PRINCIPAL,
    PRINCIPAL_CONNECTIONS,
    TICKET_ORIGIN,
    Links,
)

#: Where Socket.IO lives, below the base path; nothing else is served on this port.
PATH = "/socket.io/"

#: A client that has not joined our namespace within this time is sent away:
#: neither Engine.IO nor Socket.IO limits the time.
JOIN_SECONDS = 10.0

#: How long a refused client should wait; clients themselves spread their retries further.
RETRY_AFTER_SECONDS = 5

#: Logins looked up at once, each over its own connection to the store, and how long a client waits for its turn: as for
#: subscriptions, which may come at the same time.
CONCURRENT_LOGINS = 16
TURN_SECONDS = 5.0

#: A client whose login comes after the handshake.
NOBODY = Principal("anonymous", "", "", frozenset())


class Admission:
    """WSGI middleware in front of Socket.IO.

    :param app: the Socket.IO application.
    :param on_refused: called with the reason: ``path``, ``host``, ``origin``, ``draining``, ``login``, ``proxy``,
        ``client``, ``store``, ``full`` or ``handshake``.
    :param identify: returns the sender of a request.
    :param audit: where is written who was refused what.
    """

    def __init__(
        self,
        app: WsgiApp,
        settings: Settings,
        links: Links,
        on_refused: Callable[[str], None],
        identify: Identify,
        audit: Audit,
    ) -> None:
        self._app = app
        self._links = links
        self.max_connections = settings.max_connections
        self._address_connections = settings.limit_sockets
        self._proxy_seconds = settings.auth_proxy_stream_seconds
        #: Requests being served, by user and by address.
        self._clients: Counter[str] = Counter()
        self._path = settings.base_path + PATH
        self._door = Door(settings)
        #: The headers of every answer that is no WebSocket.
        self._always = list(refusal_headers(settings).items())
        self._on_refused = on_refused
        self._identify = identify
        self._turns = threading.BoundedSemaphore(CONCURRENT_LOGINS)
        self._audit = audit
        #: Requests being served. Each is a connection: it lasts as long as its WebSocket.
        self.open = 0
        #: Set when this relay is about to stop.
        self.draining = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request, or refuse it with a reason."""

        def answer(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, *self._always], *more)

        return self._answered(environ, answer)

    def _answered(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal = self._refusal(environ)
        if refusal is not None:
            reason, status, sentence = refusal
            self._on_refused(reason)
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
            if status.startswith("401"):
                headers.append(("WWW-Authenticate", 'Bearer realm="runtail"'))
            if status.startswith(("429", "503")):
                headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
            start_response(status, headers)
            return [sentence.encode() + b"\n"]
        try:
            # Engine.IO would take some bad handshakes for requests to its other transport and answer 500.
            environ[HANDSHAKE] = answer_handshake(headers_of(environ), environ["PATH_INFO"])
        except Refused as refused:
            self._on_refused("handshake")
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"), *refused.headers]
            start_response(refused.status, headers)
            return [f"{refused}.\n".encode()]
        clients = environ[COUNTED] = [client for client, _, _ in self._counted(environ)]
        self.open += 1
        self._clients.update(clients)
        try:
            return self._app(environ, start_response)
        finally:
            self.open -= 1
            self._clients.subtract(clients)
            for client in clients:
                if not self._clients[client]:
                    del self._clients[client]

    def _refusal(self, environ: dict[str, Any]) -> tuple[str, str, str] | None:
        if not environ["PATH_INFO"].startswith(self._path):
            return "path", "404 Not Found", f"Only {self._path} is served here."
        host = environ.get("HTTP_HOST", "")
        if not self._door.knows_host(host):
            return "host", "421 Misdirected Request", "RUNTAIL_ALLOWED_HOSTS does not name this host."
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not (self._door.is_own(origin, host) or self._door.is_listed(origin)):
            return (
                "origin",
                "403 Forbidden",
                "Neither RUNTAIL_PUBLIC_URL nor RUNTAIL_ALLOWED_ORIGINS names this origin.",
            )
        if self.draining:
            return "draining", "503 Service Unavailable", "This relay is about to stop."
        if self.open >= self.max_connections:
            return "full", "503 Service Unavailable", "This relay is full: it has RUNTAIL_MAX_CONNECTIONS viewers."
        own = origin is None or self._door.has_our_cookies(origin, host)
        if not own:
            # A browser sends it with whatever a page of that origin asks for, which says nothing about the page.
            environ.pop("HTTP_COOKIE", None)
        try:
            who = self._sender(environ)
        except NotLoggedIn as error:
            return self._unknown(environ, str(error))
        except ProxyRefused as error:
            return "proxy", "400 Bad Request", self._denied(environ, "proxy", str(error))
        except StoreUnavailable:
            return "store", "503 Service Unavailable", "The store does not answer, so nobody can be let in."
        if origin is not None and who is not None and who.by_proxy:
            # A proxy knows a browser by cookies of its own, which come from pages of every port.
            own = self._door.is_own(origin, host)
        if not own and (who is None or who.ambient):
            who, environ[TICKET_ORIGIN] = NOBODY, origin
        if who is None:
            return self._unknown(environ, "You are not logged in. Log in, or send a token.")
        environ[PRINCIPAL] = who
        if origin is None and who.ambient:
            # Browsers say which page opens a WebSocket, and send cookies with it whatever page that is.
            return "origin", "403 Forbidden", "A request with the login of a browser must have an Origin."
        for client, most, told in self._counted(environ):
            if self._clients[client] >= most and self._clients[client] - min(self._gone(client), most) >= most:
                return "client", "429 Too Many Requests", f"{told} connections to this relay already. Close some first."
        return None

    def _sender(self, environ: dict[str, Any]) -> Principal | None:
        """Return who sends a request; when another relay has died, hundreds come in the same moment."""
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise StoreUnavailable("too many wait for the store")
        try:
            return self._identify(environ)
        finally:
            self._turns.release()

    def _counted(self, environ: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
        """Yield what a client is counted by, each with how many connections there may be, and what they are called."""
        principal: Principal = environ[PRINCIPAL]
        if principal.id and principal.kind != "share":
            # A share link is not a person: whoever has it counts by address.
            yield f"principal {principal.id}", PRINCIPAL_CONNECTIONS, f"You have {PRINCIPAL_CONNECTIONS}"
        address = counted_address(environ)
        if address is not None and self._address_connections:
            told = f"Your address has RUNTAIL_LIMIT_SOCKETS ({self._address_connections})"
            yield f"address {address}", self._address_connections, told

    def _gone(self, client: str) -> int:
        """Return how many connections of a client are counted still although they are over.

        While the relay waits for the store to answer a client, it does not see that the client hangs up. A client that
        has lost patience comes back meanwhile, and must find room. (Not more than the limit once again: what is open
        costs something until then.)
        """
        return sum(client in link.counted and link.gone for link in self._links.all())

    def _unknown(self, environ: dict[str, Any], told: str) -> tuple[str, str, str]:
        return "login", "401 Unauthorized", self._denied(environ, "login", told)

    def _denied(self, environ: dict[str, Any], why: str, told: str) -> str:
        """Write to the audit log that somebody was refused; return what they are told."""
        self._audit.record(
            "denied",
            principal=None,
            address=plain(environ.get("REMOTE_ADDR") or ""),
            agent=environ.get("HTTP_USER_AGENT", ""),
            right="login",
            why=why,
            request=f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}",
        )
        return told

    def sweep(self) -> None:
        """End the connections that have lasted long enough; call this every few seconds.

        Those are of clients that never joined, do not answer, or whose proxy must judge again.
        """
        now = time.monotonic()
        for link in self._links.all():
            link.sweep()
            if not link.joined and not link.closed and now - link.opened_at > JOIN_SECONDS:
                link.close("not-joined")
            elif link.joined and now - link.opened_at > self._proxy_seconds and link.principal.by_proxy:
                link.enqueue(renew())
                link.close("proxy")
