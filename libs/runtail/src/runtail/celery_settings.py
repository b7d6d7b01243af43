"""Celery's settings for a Redis URL, as the broker and for results."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from runtail.address import Address, host_in_url, is_redis, parse

#: How long a sentinel may take to answer before another one is asked.
SENTINEL_SECONDS = 3.0


def celery_settings(url: str, *, results: bool = False) -> dict[str, Any]:
    """Return the settings that make Celery use a server in the same way as Runtail.

    Pass them to ``app.conf.update()``: unlike Celery's own, they verify TLS and allow sentinels with passwords and TLS.

    :param url: in the form of ``RUNTAIL_BROKER_URL``. The URL of another kind of broker is passed on unchanged.
    :param results: keep results on this server as well.
    :raises ConfigError: if the URL cannot be used.
    """
    if not is_redis(url):
        return {"broker_url": url, **({"result_backend": url} if results else {})}
    address = parse(url, "the broker's URL")
    celerys, tls = _url(address), address.tls.options() if address.tls else None
    options: dict[str, Any] = {}
    if address.master:
        options["master_name"] = address.master
        options["sentinel_kwargs"] = sentinel_options(address)
    found: dict[str, Any] = {"broker_url": celerys, "broker_transport_options": options}
    if tls:
        found["broker_use_ssl"] = tls
    if results:
        found |= {"result_backend": celerys, "result_backend_transport_options": options}
        if tls:
            found["redis_backend_use_ssl"] = tls
    return found


def sentinel_options(address: Address) -> dict[str, Any]:
    """Return how redis-py connects to the sentinels themselves.

    :raises ConfigError: if one of their TLS files cannot be read.
    """
    tls = {"ssl": True, **address.sentinel_tls.options()} if address.sentinel_tls else {}
    timeouts = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
    return {**timeouts, **address.sentinel_login, **tls}


def _url(address: Address) -> str:
    """Return the address as a URL for kombu, without options."""
    login = f"{quote(address.username, safe='')}:{quote(address.password, safe='')}@" if address.login else ""
    if address.path:
        return f"redis+socket://{login}{address.path}?{urlencode({'virtual_host': address.database})}"
    hosts = [f"{host_in_url(host)}:{port}" for host, port in address.hosts]
    scheme = "sentinel" if address.master else "rediss" if address.tls else "redis"
    return ";".join(f"{scheme}://{login}{host}/{address.database}" for host in hosts)
