"""Origins (``https://runtail.example``) and base paths (``/a/b``), read strictly. Pure."""

from __future__ import annotations

import re
from typing import Final

from runtail.errors import ConfigError

_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65535
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


def parse_origin(text: str) -> str | None:
    """Return an origin as browsers write it: in small letters, without the port if it is the scheme's own.

    :returns: None if the text is no origin, for example because it has a path, a login or spaces.
    """
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[found["scheme"]]
    if not 0 < port <= _MAX_PORT:
        return None
    shown = "" if port == _DEFAULT_PORTS[found["scheme"]] else f":{port}"
    return f"{found['scheme']}://{found['host']}{shown}"


def read_public_url(text: str) -> str:
    """Return ``RUNTAIL_PUBLIC_URL`` as browsers write the origin; empty if it is not set.

    :raises ConfigError: if it is no origin.
    """
    stripped = text.strip().removesuffix("/")
    if not stripped:
        return ""
    origin = parse_origin(stripped)
    if origin is not None:
        return origin
    if "@" in stripped:
        why = "it has a user or a password"
    elif not stripped.isascii():
        why = "it has letters that are not ASCII; write the name as browsers send it, beginning with xn--"
    elif parse_origin("/".join(stripped.split("/", 3)[:3])) is not None:
        why = "it has a path; RUNTAIL_BASE_PATH is the setting for that"
    else:
        why = "it is not an address"
    shown = "...@" + stripped.rpartition("@")[2] if "@" in stripped else stripped
    raise ConfigError(
        f"RUNTAIL_PUBLIC_URL={shown!r} cannot be used: {why}. "
        "Write scheme and host, and the port if it is not the usual one: https://runtail.example."
    )


def check_base_path(text: str) -> None:
    """Check ``RUNTAIL_BASE_PATH``.

    :raises ConfigError: if it is neither empty nor a path like ``/a/b``.
    """
    if not text:
        return
    if not text.startswith("/"):
        why = "it does not begin with /"
    elif text.endswith("/"):
        why = "it ends with /; leave the setting empty if Runtail has the whole host"
    elif not all(_SEGMENT.fullmatch(part) for part in text[1:].split("/")):
        why = "between two / stand letters, digits and - _ ~ and, but not at the beginning, dots"
    else:
        return
    raise ConfigError(f"RUNTAIL_BASE_PATH={text!r} cannot be used: {why}. It looks like /tools/runtail.")


def read_origins(text: str) -> list[str]:
    """Return the origins of ``RUNTAIL_ALLOWED_ORIGINS`` as browsers write them.

    :param text: with commas.
    :raises ConfigError: if one of them stands for pages of anybody.
    """
    found = []
    for part in (part.strip().lower().removesuffix("/") for part in text.split(",")):
        if part in ("*", "null"):
            raise ConfigError(
                f"RUNTAIL_ALLOWED_ORIGINS has {part!r}, which are the pages of anybody. "
                "List the origins that may use API and relay, such as https://portal.example."
            )
        if part:
            # Extensions of browsers have origins of their own kind.
            found.append(parse_origin(part) or part)
    return found
