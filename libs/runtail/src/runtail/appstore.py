"""Where runs are kept if no setting says so: on the app's own broker."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from runtail.address import Address, Tls, host_in_url, is_redis, parse
from runtail.settings import BY_NAME

_PATHS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_CERT_REQS = {ssl.CERT_NONE: "none", ssl.CERT_OPTIONAL: "optional", ssl.CERT_REQUIRED: "required"}


def settings_of_app(app: Any, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that follow from a Celery app's configuration, by field name.

    A run's message waits at the app's broker, so runs are kept there too, unless a variable names another place. If the
    app puts a prefix before the broker's keys (``global_keyprefix``, often the only keys that its user may access), the
    store's keys get the prefix too.

    :param environ: its ``RUNTAIL_BROKER_URL``, ``RUNTAIL_STORE_URL`` and ``RUNTAIL_KEY_PREFIX`` take precedence.
    """
    if any(BY_NAME[name].is_set(environ) for name in ("broker_url", "store_url")):
        return {}
    # Celery builds this from broker_url, its environment variables, lists and older settings, without connecting.
    connection = app.connection_for_write()
    options = connection.transport_options or {}
    url = _url(connection, options)
    found: dict[str, Any] = {"broker_url": url, "store_url": ""}
    if is_redis(url) and not parse(url, "the broker's URL").is_verified:
        # The app's word counts.
        found["tls_insecure"] = True
    prefix = options.get("global_keyprefix")
    if prefix and not environ.get(BY_NAME["key_prefix"].variable):
        found["key_prefix"] = f"{prefix}{BY_NAME['key_prefix'].default}"
    return found


def _url(connection: Any, options: Mapping[str, Any]) -> str:
    transport, hostname = str(connection.transport_cls), str(connection.hostname or "localhost")
    if transport not in ("redis", "rediss", "sentinel"):
        return f"{transport}://"
    if hostname.startswith("socket://"):
        # kombu leaves the rest of redis+socket:// as it is.
        return parse(f"redis+{hostname}", "the broker's URL").url
    tls = connection.ssl if isinstance(connection.ssl, Mapping) else {}
    address = Address(
        hosts=((hostname, int(connection.port or 6379)),),
        database=int(str(connection.virtual_host or "").strip("/") or "0"),
        username=connection.userid or "",
        password=connection.password or "",
        tls=_tls(tls) if connection.ssl or transport == "rediss" else None,
    )
    if transport != "sentinel":
        return address.url
    sentinels = [urlsplit(one) for one in connection.alt or [f"//{host_in_url(hostname)}:{connection.port or ''}"]]
    own = options.get("sentinel_kwargs") or {}
    return replace(
        address,
        hosts=tuple((one.hostname or "", one.port or 26379) for one in sentinels),
        # Without a name kombu cannot connect either, and says so.
        master=str(options.get("master_name") or "?"),
        sentinel_username=str(own.get("username") or ""),
        sentinel_password=str(own.get("password") or ""),
        sentinel_tls=_tls(own) if own.get("ssl") else None,
    ).url


def _tls(options: Mapping[str, Any]) -> Tls:
    """Read the TLS options of kombu and redis-py; by default verify certificates, as redis-py does."""
    found: dict[str, Any] = {name: str(options[name]) for name in _PATHS if options.get(name)}
    if options.get("ssl_cert_reqs") is not None:
        reqs = options["ssl_cert_reqs"]
        found["ssl_cert_reqs"] = _CERT_REQS.get(reqs, str(reqs).lower().removeprefix("cert_"))
    if options.get("ssl_check_hostname") is not None:
        found["ssl_check_hostname"] = bool(options["ssl_check_hostname"])
    return Tls(**found)
