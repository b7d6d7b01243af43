"""Which address a client is counted by, when limits are held per address."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from runtail.forwarded import HOPS
from runtail.listening import plain

#: What proxies add to a request. Whoever has one of these has come through a proxy, or says so.
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
#: One household or machine gets as many IPv6 addresses as this network has.
_IPV6_PREFIX: Final = 64


def counted_address(environ: Mapping[str, Any]) -> str | None:
    """Return the address, or IPv6 network, that a request is counted by; None if it is not known.

    It is not known if the request came through a proxy and nobody told us of any (``RUNTAIL_PROXY_HOPS``): all clients
    of that proxy have its address, and a limit per address would be one for all of them together.

    :param environ: the request's WSGI environment.
    """
    if not environ.get(HOPS) and any(name in environ for name in _FORWARDED):
        return None
    return network_of(environ.get("REMOTE_ADDR"))


def network_of(address: str | None) -> str:
    """Return the network that an address stands for: itself, or for IPv6 the /64 around it."""
    shown = plain(address or "")
    try:
        found = ipaddress.ip_address(shown.partition("%")[0])
    except ValueError:
        return shown
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
