"""Admission: which clients may connect, how many at once, and which are sent away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from runtail.access.principal import Principal
from runtail.runs.access import anyone_at
from runtail.settings import Settings
from runtail_socket.runtime import WsgiApp
from runtail_socket.transport.handshake import Refused, answer_handshake, headers_of
from runtail_socket.transport.link import HANDSHAKE, PRINCIPAL, Links

#: Where Socket.IO lives; nothing else is served on this port.
PATH = "/socket.io/"

#: A client that has not joined our namespace within this time is sent away:
#: neither Engine.IO nor Socket.IO limits the time.
JOIN_SECONDS = 10.0

#: How long a refused client should wait; clients themselves spread their retries further.
RETRY_AFTER_SECONDS = 5


#: Returns the sender of a request, given its WSGI environment; None if the sender is unknown.
Identify = Callable[[dict[str, Any]], Principal | None]


def anyone_at_this_address(environ: dict[str, Any]) -> Principal:
    """Identify everybody as an administrator: there is no login."""
    return anyone_at(environ.get("REMOTE_ADDR"))


class Admission:
    """WSGI middleware in front of Socket.IO.

    :param app: the Socket.IO application.
    :param on_refused: called with the reason: ``path``, ``host``, ``origin``, ``draining``, ``login``, ``full`` or
        ``handshake``.
    :param identify: returns the sender of a request; None if the sender is unknown.
    """

    def __init__(
        self, app: WsgiApp, settings: Settings, links: Links, on_refused: Callable[[str], None], identify: Identify
    ) -> None:
        self._app = app
        self._links = links
        self.max_connections = settings.max_connections
        self._hosts = set(_names(settings.allowed_hosts))
        self._origins = set(_names(settings.allowed_origins))
        self._on_refused = on_refused
        self._identify = identify
        #: Requests being served. Each is a connection: it lasts as long as its WebSocket.
        self.open = 0
        #: Set when this relay is about to stop.
        self.draining = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request, or refuse it with a reason."""
        refusal = self._refusal(environ)
        if refusal is not None:
            reason, status, sentence = refusal
            self._on_refused(reason)
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
            if status.startswith("503"):
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
        self.open += 1
        try:
            return self._app(environ, start_response)
        finally:
            self.open -= 1

    def _refusal(self, environ: dict[str, Any]) -> tuple[str, str, str] | None:
        if not environ["PATH_INFO"].startswith(PATH):
            return "path", "404 Not Found", f"Only {PATH} is served here."
        host = environ.get("HTTP_HOST", "")
        if not self._knows_host(host):
            return "host", "421 Misdirected Request", "RUNTAIL_ALLOWED_HOSTS does not name this host."
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not self._knows_origin(origin, host):
            return "origin", "403 Forbidden", "RUNTAIL_ALLOWED_ORIGINS does not name this origin."
        if self.draining:
            return "draining", "503 Service Unavailable", "This relay is about to stop."
        environ[PRINCIPAL] = self._identify(environ)
        if environ[PRINCIPAL] is None:
            return "login", "401 Unauthorized", "You are not logged in. Log in, or send a token."
        if self.open >= self.max_connections:
            return "full", "503 Service Unavailable", "This relay is full: it has RUNTAIL_MAX_CONNECTIONS viewers."
        return None

    def _knows_host(self, host: str) -> bool:
        return host in self._hosts or _without_port(host) in self._hosts

    def _knows_origin(self, origin: str, host: str) -> bool:
        # The page's own origin, with either scheme: a proxy in front of us may have ended TLS.
        own = {f"http://{host}", f"https://{host}"}
        return origin in own or origin.rstrip("/") in self._origins

    def sweep(self) -> None:
        """Send away clients that never joined, and end those that do not answer; call this every few seconds."""
        now = time.monotonic()
        for link in self._links.all():
            link.sweep()
            if not link.joined and not link.closed and now - link.opened_at > JOIN_SECONDS:
                link.close("not-joined")


def _names(text: str) -> Iterable[str]:
    return (name.strip().rstrip("/") for name in text.split(",") if name.strip())


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
