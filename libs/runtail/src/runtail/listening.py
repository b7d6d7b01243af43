"""Where a service listens: the one reading of ``RUNTAIL_..._HOST``, for every port.

A host is an address (``127.0.0.1``, ``0.0.0.0``, ``::``, with or without brackets) or a name that this machine knows.
"""

from __future__ import annotations

import socket
from typing import Final

from runtail.address import host_in_url

MAX_PORT: Final = 65535
_MAPPED: Final = "::ffff:"


def shown(host: str, port: int) -> str:
    """Return host and port as written in a URL."""
    return f"{host_in_url(_bare(host))}:{port}"


def resolve(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    """Return the address that host and port mean.

    :raises OSError: with a sentence, if there is no such address.
    """
    bare = _bare(host)
    if not 0 <= port <= MAX_PORT:
        raise OSError(f"cannot listen on port {port}: the highest port is {MAX_PORT}")
    if not bare:
        # The system would take an empty host to mean all addresses.
        raise OSError(
            f"cannot listen on port {port} without an address: write 127.0.0.1, or 0.0.0.0 or :: for all addresses"
        )
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise OSError(f"cannot listen on {shown(host, port)}: {why}") from error
    family, _kind, _protocol, _name, address = found[0]
    return family, str(address[0])


def listen(host: str, port: int, backlog: int = 128) -> socket.socket:
    """Return a listening socket. ``::`` accepts IPv4 as well, whatever the system's default.

    The socket never has SO_REUSEPORT: a second service on a taken port must fail, not share the port.

    :raises OSError: with a sentence; its ``errno`` says why the address cannot be used.
    """
    family, address = resolve(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {shown(host, port)}: {error.strerror}") from error
    return listener


def reachable(host: str) -> str:
    """Return the host, as written in a URL, at which a program on this machine reaches a service on *host*."""
    bare = _bare(host)
    if bare in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return host_in_url(bare)


def plain(address: str) -> str:
    """Return a client's address as the client knows it: plain IPv4 if it came through a socket for both families."""
    mapped = address.removeprefix(_MAPPED)
    return mapped if mapped != address and "." in mapped else address


def _bare(host: str) -> str:
    host = host.strip()
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
