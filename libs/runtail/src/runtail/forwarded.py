"""What the proxies in front of us say of a request: the visitor's address and the scheme, and nothing else.

Each proxy adds the address that it was asked from at the end of ``X-Forwarded-For``; everything before that may come
from the visitor. ``RUNTAIL_PROXY_HOPS`` says how many proxies there are, and so how many addresses at the end are true.
``X-Forwarded-Host`` and ``X-Forwarded-Prefix`` are never read: settings say where we are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: The request's key for the address of whoever connected to us, which may be a proxy.
PEER: Final = "runtail.peer"
#: The request's key for the number of proxies in front of us, as far as we were told of them.
HOPS: Final = "runtail.hops"
#: The request's key for its headers as they came: pairs of name and value, before WSGI joins those of one name and
#: makes ``-`` and ``_`` the same. Our servers set it.
HEADERS: Final = "runtail.headers"
#: Some proxies add a port: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``.
_WITH_PORT: Final = re.compile(r"([0-9.]+):\d+|\[([0-9A-Fa-f:.]+)\](?::\d+)?")


def visitor_address(peer: str, forwarded_for: str, hops: int) -> str:
    """Return the address of a visitor.

    :param peer: the address of whoever connected to us.
    :param forwarded_for: the header, joined with commas if it came more than once; empty if it did not come.
    :param hops: the number of proxies in front of us.
    :returns: *peer* if there are no proxies, or if the header does not give an address there.
    """
    if not hops or not forwarded_for:
        return peer
    # Not werkzeug's ProxyFix: for it, a comma after a quotation mark is no separator, and a visitor could hide the
    # address that a proxy adds. Fewer addresses than hops: the request did not come through all proxies, but those
    # that it came through added all of them.
    parts = [part.strip() for part in forwarded_for.split(",")][-hops:]
    found = _WITH_PORT.fullmatch(parts[0])
    text = (found[1] or found[2]) if found else parts[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        return peer if address.scope_id else str(address.ipv4_mapped or address)
    return str(address)


class Forwarded:
    """WSGI middleware that puts the visitor's address and the scheme into the environment of every request.

    :param hops: the number of proxies in front of us.
    """

    def __init__(self, app: WsgiApp, hops: int) -> None:
        self._app = app
        self._hops = hops

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request."""
        peer = environ[PEER] = str(environ.get("REMOTE_ADDR") or "")
        environ[HOPS] = self._hops
        environ["REMOTE_ADDR"] = visitor_address(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), self._hops)
        # Proxies hand on what they were told; the last one says what we can know.
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
        if self._hops and scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)
