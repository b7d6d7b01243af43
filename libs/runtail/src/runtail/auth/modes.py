"""The ways to log in, and what is checked before a service starts."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Final, Literal, get_args

from runtail.errors import ConfigError
from runtail.listening import resolve
from runtail.settings import Settings

Mode = Literal["none", "link", "password", "proxy", "oidc"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
#: The only ones that work together: the password is a way in while the provider is away.
TOGETHER: Final = frozenset[Mode](("oidc", "password"))
#: The modes whose users have ids that do not begin with the mode's name, by what they begin with.
_MODES_OF_IDS: Final[Mapping[str, str]] = {"": "link", "user": "password"}


def modes_of(settings: Settings) -> frozenset[Mode]:
    """Return the ways to log in.

    :raises ConfigError: if ``RUNTAIL_AUTH_MODE`` is not a mode, or names modes that do not work together.
    """
    names = [name.strip() for name in settings.auth_mode.split(",")]
    found = frozenset(mode for mode in MODES if mode in names)
    if len(found) != len(names) or (len(found) > 1 and found != TOGETHER):
        raise ConfigError(
            f"RUNTAIL_AUTH_MODE={settings.auth_mode!r} is not one of {', '.join(MODES)}. Only oidc and password work "
            "together: oidc,password"
        )
    return found


def login_required(settings: Settings) -> bool:
    """Return True if a client must say who it is.

    :raises ConfigError: see :func:`modes_of`.
    """
    return "none" not in modes_of(settings)


def is_login_of(modes: Collection[str], who_id: str) -> bool:
    """Return True if somebody with this id can log in by one of the modes.

    Sessions and tokens of other modes do not work: a login by link makes everybody an administrator, and must not go
    on doing so where people have to log in with a password.

    :param who_id: empty for a login by link.
    """
    kind = who_id.partition(":")[0]
    return _MODES_OF_IDS.get(kind, kind) in modes


def is_exposed(settings: Settings) -> bool:
    """Return True if there is no login, and the service may listen for other machines all the same."""
    return not login_required(settings) and settings.auth_none_anywhere


def check_listening(settings: Settings, hosts: Mapping[str, str]) -> None:
    """Refuse to listen for everybody without a login.

    :param hosts: the addresses to listen on, by the names of their settings.
    :raises ConfigError: if an address is not loopback; it names the settings. See also :func:`modes_of`.
    """
    if login_required(settings) or settings.auth_none_anywhere:
        return
    for name, host in hosts.items():
        if not _is_loopback(host):
            raise ConfigError(
                f"{name}={host} lets other machines in, and there is no login: whoever reaches this address would be "
                "an administrator. Set RUNTAIL_AUTH_MODE to password; or set "
                "RUNTAIL_AUTH_NONE_ANYWHERE=on if something else keeps others away"
            )


def _is_loopback(host: str) -> bool:
    try:
        _family, address = resolve(host, 0)
    except OSError:
        return True  # nobody can listen there; the service says why when it tries
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
