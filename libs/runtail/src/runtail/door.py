"""The hosts and origins that web and relay answer to: one reading of the settings for both. Pure."""

from __future__ import annotations

import re
from typing import Final

from runtail import public_url
from runtail.origins import parse_origin, read_origins
from runtail.settings import Settings

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?")


class Door:
    """Knows the names of this service, and the pages that may use it.

    A browser says in ``Host`` which name it looked up, and in ``Origin`` whose page asks. A foreign page that points
    its own name at this machine (DNS rebinding) is known by the first, any other page by the second.
    """

    def __init__(self, settings: Settings) -> None:
        names = (name.strip().lower() for name in settings.allowed_hosts.split(","))
        self._public = public_url.origin(settings)
        self._by_port = not public_url.is_https(settings)
        self._hosts = frozenset(filter(None, [*names, host_name(public_url.host(settings))]))
        #: Origins of pages that are not ours and may use API and relay.
        self.listed = frozenset(read_origins(settings.allowed_origins)) - {self._public}

    def knows_host(self, host: str) -> bool:
        """Tell whether a ``Host`` header names this service."""
        host = host.lower()
        name = host_name(host)
        return bool(name) and (name in self._hosts or host in self._hosts)

    def is_own(self, origin: str, host: str) -> bool:
        """Tell whether an ``Origin`` header is that of our own pages.

        :param host: the request's ``Host`` header, which must be known.
        """
        origin = origin.lower()
        if self._public and origin == self._public:
            return True
        # Either scheme, because a proxy in front of us may have ended TLS. If the public URL has this host, the scheme
        # is known: whoever is between a browser and us could make a page under the other one.
        own = {parse_origin(f"{scheme}://{host}") for scheme in ("http", "https")}
        return origin in own and self._public not in own

    def has_our_cookies(self, origin: str, host: str) -> bool:
        """Tell whether the cookies that come with a page's request can be those of our own pages.

        A relay may have another port than the pages. Without TLS the name of a cookie has the port of the page that got
        it, and browsers send it to all ports of its host, so a page of that port is the one that logged in.

        :param host: the request's ``Host`` header, which must be known.
        """
        if self.is_own(origin, host):
            return True
        name = (parse_origin(origin) or "").partition("://")[2]
        return self._by_port and bool(name) and host_name(name) == host_name(host)

    def is_listed(self, origin: str) -> bool:
        """Tell whether an ``Origin`` header is one of ``RUNTAIL_ALLOWED_ORIGINS``."""
        return origin.lower() in self.listed


def host_name(host: str) -> str:
    """Return the name in a ``Host`` header in small letters, without the port; empty if the header is invalid."""
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""
