"""The settings of mode ``oidc``, checked before anything listens."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runtail import public_url
from runtail.errors import ConfigError
from runtail.settings import Settings

#: Where the provider sends browsers back to, without the base path.
CALLBACK = "/auth/oidc/callback"


@dataclass(frozen=True, slots=True)
class Config:
    """What is known of the provider before it is asked.

    :param callback: the address that the provider leads back to.
    :param home: the address that it leads to after a log-out there.
    :param ca_file: authorities for its certificate; empty: the system's.
    """

    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    groups_claim: str
    name_claim: str
    ca_file: str
    callback: str
    home: str


def read_config(settings: Settings) -> Config:
    """Return the settings.

    :raises ConfigError: if one is missing or cannot be used; it names the setting.
    """
    issuer = settings.auth_oidc_issuer.strip()
    for name, value in (
        ("RUNTAIL_AUTH_OIDC_ISSUER", issuer),
        ("RUNTAIL_AUTH_OIDC_CLIENT_ID", settings.auth_oidc_client_id),
        ("RUNTAIL_AUTH_OIDC_CLIENT_SECRET", settings.auth_oidc_client_secret),
        ("RUNTAIL_PUBLIC_URL", settings.public_url),
    ):
        if not value.strip():
            why = ", because the provider sends browsers back there" if name == "RUNTAIL_PUBLIC_URL" else ""
            raise ConfigError(f"RUNTAIL_AUTH_MODE is {settings.auth_mode}, but {name} is not set. Set it{why}")
    if not is_safe(issuer) or "?" in issuer:
        raise ConfigError(
            f"RUNTAIL_AUTH_OIDC_ISSUER={issuer!r} cannot be used: write an address that begins with https://, without "
            "a query. Only a provider on a loopback address may be asked over http"
        )
    if not settings.auth_oidc_client_secret.isascii():
        raise ConfigError("RUNTAIL_AUTH_OIDC_CLIENT_SECRET has letters that are not ASCII. Copy it again")
    scopes = settings.auth_oidc_scopes.split()
    if "openid" not in scopes:
        raise ConfigError("RUNTAIL_AUTH_OIDC_SCOPES has no openid, and without it nobody can log in. Add it")
    if settings.auth_oidc_refresh_seconds <= 0:
        raise ConfigError("RUNTAIL_AUTH_OIDC_REFRESH_SECONDS must be more than 0")
    ca_file = settings.auth_oidc_ca_file
    if ca_file and not Path(ca_file).is_file():
        raise ConfigError(f"RUNTAIL_AUTH_OIDC_CA_FILE={ca_file} is not a file. Name one with certificates (PEM)")
    return Config(
        issuer=issuer,
        client_id=settings.auth_oidc_client_id.strip(),
        client_secret=settings.auth_oidc_client_secret.strip(),
        scopes=" ".join(scopes),
        groups_claim=settings.auth_oidc_groups_claim.strip(),
        name_claim=settings.auth_oidc_name_claim.strip(),
        ca_file=ca_file,
        callback=public_url.address(settings, CALLBACK),
        home=public_url.address(settings, "/login"),
    )


def is_safe(url: object) -> bool:
    """Return True if nobody on the way can change what is asked for at an address: https, or this machine."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
