"""What is believed of which proxy: the settings of mode ``proxy``, read strictly. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from runtail.errors import ConfigError
from runtail.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The header in which the proxy shows that it is the one that we know.
SECRET_HEADER: Final = "Runtail-Proxy-Secret"  # noqa: S105 - its name
MIN_SECRET: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_LOGOUT: Final = re.compile(r"(https?://|/(?!/))[!-\[\]-~]*")
_MAPPED: Final = ipaddress.ip_network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True, repr=False)
class ProxySettings:
    """The settings of mode ``proxy``. There is no ``repr``, because one is a secret.

    :param networks: where the proxy may connect from.
    :param user_header: the header with the user's name.
    :param groups_header: the header with the user's groups; empty: there is none.
    :param name_header: the header with the name that is shown; empty: there is none.
    """

    networks: tuple[Network, ...]
    secret: bytes
    user_header: str
    groups_header: str
    name_header: str

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of all headers that only the proxy may send."""
        names = (self.user_header, self.groups_header, self.name_header, SECRET_HEADER)
        return tuple(name for name in names if name)

    def trusts(self, peer: str) -> bool:
        """Tell whether the proxy may connect from an address.

        :param peer: of the TCP connection, not of a header; IPv4 as IPv4, also if it came through an IPv6 socket.
        """
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.networks)


def read_proxy_settings(settings: Settings) -> ProxySettings:
    """Return the settings of mode ``proxy``.

    :raises ConfigError: if one of them is missing or cannot be used; it names the setting.
    """
    networks = tuple(_network(part.strip()) for part in settings.auth_proxy_cidrs.split(",") if part.strip())
    if not networks:
        raise ConfigError(
            "RUNTAIL_AUTH_MODE is proxy, but RUNTAIL_AUTH_PROXY_CIDRS is empty. List the addresses or networks that "
            "the proxy connects from, such as 10.1.2.3 or 10.1.2.0/24"
        )
    secret = settings.auth_proxy_secret
    if not secret:
        raise ConfigError(
            "RUNTAIL_AUTH_MODE is proxy, but RUNTAIL_AUTH_PROXY_SECRET is empty. Set it to a long random text, and let "
            f"the proxy send it in the header {SECRET_HEADER}"
        )
    if (
        len(secret) < MIN_SECRET
        or not secret.isascii()
        or not secret.isprintable()
        or secret[0] == " "
        or secret[-1] == " "
    ):
        raise ConfigError(
            f"RUNTAIL_AUTH_PROXY_SECRET cannot be used. Take at least {MIN_SECRET} letters, digits and signs of ASCII, "
            "without spaces at the ends"
        )
    if settings.auth_proxy_stream_seconds <= 0:
        raise ConfigError("RUNTAIL_AUTH_PROXY_STREAM_SECONDS is 0, so that no stream could last. Take 60")
    logout_url = settings.auth_proxy_logout_url
    if logout_url and not _LOGOUT.fullmatch(logout_url):
        raise ConfigError(
            f"RUNTAIL_AUTH_PROXY_LOGOUT_URL={logout_url!r} cannot be used. Write an address that begins with https:// "
            "or http://, or a path that begins with one /"
        )
    found = ProxySettings(
        networks,
        secret.encode(),
        _header("USER", settings.auth_proxy_user_header),
        _header("GROUPS", settings.auth_proxy_groups_header),
        _header("NAME", settings.auth_proxy_name_header),
    )
    if not found.user_header:
        raise ConfigError("RUNTAIL_AUTH_PROXY_USER_HEADER is empty. Name the header with the user's name")
    if len({name.lower() for name in found.headers}) < len(found.headers):
        raise ConfigError(
            "RUNTAIL_AUTH_PROXY_USER_HEADER, RUNTAIL_AUTH_PROXY_GROUPS_HEADER and RUNTAIL_AUTH_PROXY_NAME_HEADER must "
            f"name different headers, and none of them {SECRET_HEADER}"
        )
    return found


def _network(text: str) -> Network:
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigError(
            f"RUNTAIL_AUTH_PROXY_CIDRS: {text!r} is no address and no network: {error}. Write 10.1.2.3 or 10.1.2.0/24"
        ) from None
    if not found.prefixlen:
        raise ConfigError(
            f"RUNTAIL_AUTH_PROXY_CIDRS: {text} is every address there is. List only those that the proxy connects from"
        )
    if isinstance(found, ipaddress.IPv6Network) and found.overlaps(_MAPPED):
        raise ConfigError(f"RUNTAIL_AUTH_PROXY_CIDRS: {text} stands for IPv4 addresses. Write them as IPv4")
    return found


def _header(which: str, text: str) -> str:
    name = text.strip()
    if name and not _NAME.fullmatch(name):
        raise ConfigError(
            f"RUNTAIL_AUTH_PROXY_{which}_HEADER={text!r} cannot be used. The name of a header has letters, digits and -"
        )
    return name
