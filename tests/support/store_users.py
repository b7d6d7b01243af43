"""Users of the store for the processes of a test, with the rights of production."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import Any

import redis

from runtail import acl
from runtail.address import parse

#: Those whose rights a test holds its processes to.
USERS = ("web", "worker", "relay", "metrics")
PASSWORD = "password"


def is_plain(url: str) -> bool:
    """Whether a URL names a server of a test's without a login, where anybody may make users."""
    return url.startswith("redis://127.0.0.1") and "@" not in url


def urls(url: str, key_prefix: str, queues: Collection[str] = (), *, results: bool = True) -> dict[str, str]:
    """Make users for one key prefix on a server, and return the server's URL for each of them.

    Their names end in the prefix, so that tests can share a server. Called again, they may use more queues. They are
    made on the server's replicas as well, and stay when it is started again.

    :param url: with the login of somebody who may make users; by default anybody may.
    :param results: apps keep results on this server.
    """
    address = parse(url, "the test's URL")
    found = {}
    with closing(redis.Redis.from_url(url, socket_timeout=30)) as client:
        lines = acl.render(
            dict.fromkeys(USERS, PASSWORD), key_prefix=key_prefix, queues=[*acl.DEFAULT_QUEUES, *queues],
            database=address.database, results=results,
        ).splitlines()  # fmt: skip
        servers = [client, *replicas(client)]
        for line in lines:
            _, user, *rules = line.split()
            if user not in USERS:
                continue
            name = f"{user}-{key_prefix.strip(':')}"
            for server in servers:
                make(server, name, rules)
            host, port = address.hosts[0]
            found[user] = f"redis://{name}:{PASSWORD}@{host}:{port}/{address.database}"
        for server in servers[1:]:
            server.close()
    return found


def make(client: redis.Redis, name: str, rules: Collection[str]) -> None:
    """Make a user that stays when the server is started again."""
    client.execute_command("ACL", "SETUSER", name, *rules)
    client.execute_command("ACL", "SAVE")


def replicas(client: redis.Redis) -> list[redis.Redis]:
    """Clients of a server's replicas."""
    info: Any = client.info("replication")
    found = [value for name, value in info.items() if name.startswith("slave") and isinstance(value, dict)]
    return [redis.Redis(host=one["ip"], port=one["port"], socket_timeout=30) for one in found]


def copy(primary: redis.Redis, replica: redis.Redis) -> None:
    """Make the users of a server on another one: replication leaves them out."""
    listed: Any = primary.execute_command("ACL", "LIST")
    for line in listed:
        _, name, *rules = line.decode().split()
        if name != "default":
            make(replica, name, rules)
