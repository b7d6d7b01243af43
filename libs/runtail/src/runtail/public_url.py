"""What the address that people use says about a service: ``RUNTAIL_PUBLIC_URL`` and ``RUNTAIL_BASE_PATH``. Pure."""

from __future__ import annotations

from runtail.origins import read_public_url
from runtail.settings import Settings


def origin(settings: Settings) -> str:
    """Return the public origin as browsers write it; empty if no public URL is set."""
    return read_public_url(settings.public_url)


def is_https(settings: Settings) -> bool:
    """Tell whether people come over TLS."""
    return origin(settings).startswith("https:")


def host(settings: Settings) -> str:
    """Return the public host as in a ``Host`` header, with the port if it is not the usual one; empty if not set."""
    return origin(settings).partition("://")[2]


def address(settings: Settings, path: str) -> str:
    """Return the public address of a path of ours, for links that are read elsewhere.

    :param path: without the base path, such as ``/runs/x``.
    :returns: an address; only a path if no public URL is set.
    """
    return f"{origin(settings)}{settings.base_path}{path}"


def cookie_name(settings: Settings, port: int) -> str:
    """Return the name of our cookie.

    Browsers accept a name with ``__Host-`` only with ``Secure``, ``Path=/`` and no ``Domain``, and one with
    ``__Secure-`` only with ``Secure``.

    :param port: the port that the browser uses. Cookies ignore ports: without TLS, which is how port-forwards are
        used, two installations on one machine would otherwise log each other out.
    """
    if not is_https(settings):
        return f"runtail-{port}"
    return "__Secure-runtail" if settings.base_path else "__Host-runtail"


def cookie_path(settings: Settings) -> str:
    """Return the path that our cookie is for."""
    return settings.base_path or "/"
