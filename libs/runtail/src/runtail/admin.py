"""The admin port: ``/healthz``, ``/readyz`` and ``/metrics``.

:func:`admin_app` is a plain WSGI application for the relay, which serves it in
its own way. :class:`AdminServer` serves it from threads for all other processes.
The port serves nothing else, and no request to it changes anything.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from runtail.listening import listen

log = logging.getLogger(__name__)

#: Returns why a condition does not hold, or None if it does.
Check = Callable[[], str | None]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: A client that sends nothing for this long is disconnected.
TIMEOUT_SECONDS: Final = 5.0

#: Names under these domains exist only in local networks and clusters (RFC 6761, 6762, 8375; Kubernetes).
LOCAL_DOMAINS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".svc")


def always() -> str | None:
    """Return None: a process that answers at all is not stuck."""
    return None


def is_local_name(host: str, allowed_hosts: str = "") -> bool:
    """Tell whether a ``Host`` header names this machine the way its own network does.

    A foreign page can read answers under its own site's name, which may resolve to
    this machine (DNS rebinding), but not under an address or a name that no public
    site can have.

    :param allowed_hosts: further names, comma-separated.
    """
    name = re.sub(r":\d*$", "", host.lower()).strip("[]").rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        listed = {one.strip().lower() for one in allowed_hosts.split(",")}
        return "." not in name or name.endswith(LOCAL_DOMAINS) or name in listed
    return True


def admin_app(healthy: Check, ready: Check, registry: CollectorRegistry, *, allowed_hosts: str = "") -> WsgiApp:
    """Return the WSGI application.

    :param healthy: returns why this process should be restarted, or None.
    :param ready: returns why it should get no work now, or None.
    :param allowed_hosts: see :func:`is_local_name`.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content_type = "text/plain; charset=utf-8"
        match environ["PATH_INFO"]:
            case _ if not is_local_name(environ.get("HTTP_HOST", ""), allowed_hosts):
                status, body = "421 Misdirected Request", b"RUNTAIL_ALLOWED_HOSTS does not name this host.\n"
            case "/healthz":
                status, body = _answer(healthy(), "alive")
            case "/readyz":
                status, body = _answer(ready(), "ready")
            case "/metrics":
                encode, content_type = _encoder(environ.get("HTTP_ACCEPT", ""))
                status, body = "200 OK", encode(registry)
            case _:
                status, body = "404 Not Found", b"Here are /healthz, /readyz and /metrics.\n"
        start_response(
            status,
            [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")],
        )
        return [body]

    return app


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        # The client asks for a version that is not valid.
        return choose_encoder("")


def _answer(why_not: str | None, word: str) -> tuple[str, bytes]:
    if why_not is None:
        return "200 OK", f"{word}\n".encode()
    return "503 Service Unavailable", f"{why_not}\n".encode()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # A probe that hangs must not delay the end of the process.
    block_on_close = False

    def __init__(self, listener: socket.socket, app: WsgiApp) -> None:
        """Serve on a socket that already listens: the base class looks up the host's name, and may have to wait."""
        WSGIServer.__init__(self, ("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()
        self.set_app(app)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        log.debug("an admin request failed", exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = TIMEOUT_SECONDS

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing, because probes come every few seconds."""


class AdminServer:
    """Serves the admin port from threads of this process.

    :param port: 0 takes any free port, which :attr:`port` then gives.
    :raises OSError: if the address cannot be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ready: Check,
        registry: CollectorRegistry,
        healthy: Check = always,
        *,
        allowed_hosts: str = "",
    ) -> None:
        app = admin_app(healthy, ready, registry, allowed_hosts=allowed_hosts)
        self._server = _Server(listen(host, port), app)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="admin", daemon=True)

    def start(self) -> None:
        """Begin to answer requests."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering requests and free the port."""
        if self._thread.ident is not None:
            self._server.shutdown()
        self._server.server_close()
