"""Where runs are kept when no setting says so: at the app's own broker."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from runtail.settings import BY_NAME

#: kombu takes these for ``rediss:`` in its URL and in ``broker_use_ssl``, redis-py in its URL.
_TLS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_CERT_REQS = {ssl.CERT_NONE: "none", ssl.CERT_OPTIONAL: "optional", ssl.CERT_REQUIRED: "required"}


def settings_of_app(app: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that follow from a Celery app's configuration, by field name.

    Its broker is where a run's message waits, so it is where runs are kept, unless a variable names another place.
    Where the app puts a prefix before the broker's keys (``global_keyprefix``, often all that its user may touch), the
    store's keys get it, too.

    :param environ: ``RUNTAIL_BROKER_URL`` or ``RUNTAIL_STORE_URL`` in it win, and so does ``RUNTAIL_KEY_PREFIX``.
    """
    if any(environ.get(BY_NAME[name].variable) for name in ("broker_url", "store_url")):
        return {}
    # Celery reads broker_url, its environment variables, lists and older settings into this; it connects to nothing.
    connection = app.connection_for_write()
    options = connection.transport_options or {}
    url = _url(connection, options)
    found = {"broker_url": url, "store_url": ""}
    prefix = options.get("global_keyprefix")
    if prefix and not environ.get(BY_NAME["key_prefix"].variable):
        found["key_prefix"] = f"{prefix}{BY_NAME['key_prefix'].default}"
    return found


def _url(connection: Any, options: Mapping[str, Any]) -> str:
    transport, hostname = str(connection.transport_cls), str(connection.hostname or "localhost")
    if transport not in ("redis", "rediss", "sentinel"):
        return f"{transport}://"
    if hostname.startswith("socket://"):
        parts = urlsplit(hostname)
        database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
        return f"unix://{parts.path}?{urlencode({'db': database.strip('/')})}"
    login = ""
    if connection.userid or connection.password:
        login = f"{quote(connection.userid or '', safe='')}:{quote(connection.password or '', safe='')}@"
    database = str(connection.virtual_host or "").strip("/") or "0"
    if transport == "sentinel":
        sentinels = [urlsplit(one) for one in connection.alt or [f"//{_host(hostname)}:{connection.port or ''}"]]
        names = ",".join(f"{_host(one.hostname or '')}:{one.port or 26379}" for one in sentinels)
        return f"redis+sentinel://{login}{names}/{database}?{urlencode({'master': options.get('master_name', '')})}"
    address = f"{login}{_host(hostname)}:{connection.port or 6379}/{database}"
    if transport == "redis" and not connection.ssl:
        return f"redis://{address}"
    tls = connection.ssl if isinstance(connection.ssl, Mapping) else {}
    query = {name: _CERT_REQS.get(tls[name], str(tls[name])) for name in _TLS if tls.get(name) is not None}
    return f"rediss://{address}" + (f"?{urlencode(query)}" if query else "")


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name
