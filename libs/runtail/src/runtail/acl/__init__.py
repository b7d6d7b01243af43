"""The access list of a Redis or Valkey server: a user for each service, with the rights that it needs. Pure.

``users.acl`` beside this file has the users. The command ``runtail acl`` and the tests fill it in here; the chart has a
copy, and fills it in by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

from runtail.errors import ConfigError
from runtail.keys import Keys

#: Those that log in with a password.
USERS: Final = ("web", "worker", "client", "relay", "metrics", "admin")
#: Where tasks go unless somebody says otherwise, and where ``runtail.check`` goes.
DEFAULT_QUEUES: Final = ("celery", "runtail-check")

_PASSWORD = re.compile(r">\$PASSWORD_(\w+)")
_SPECIAL = re.compile(r"[\\*?\[\]]")
_GAP = re.compile(r"\s")


@cache
def template() -> str:
    """Return the text of ``users.acl``."""
    return (resources.files(__package__) / "users.acl").read_text()


def render(
    passwords: Mapping[str, str],
    *,
    key_prefix: str = "runtail:",
    queues: Iterable[str] = DEFAULT_QUEUES,
    database: int = 0,
    global_keyprefix: str = "",
    results: bool = False,
) -> str:
    """Return the lines of an ``aclfile``, one for each user; passwords stand there as their SHA-256.

    :param passwords: by user; a user without one is left out.
    :param key_prefix: ``RUNTAIL_KEY_PREFIX``.
    :param queues: names of the queues of all workers.
    :param database: the broker's database, which kombu puts into the names of its channels.
    :param global_keyprefix: that of ``broker_transport_options``.
    :param results: apps keep results on this server, too.
    :raises ConfigError: if a name cannot stand in an access list.
    """
    words = _words(key_prefix, list(queues), database, global_keyprefix, results=results)
    lines = []
    for line in template().splitlines():
        password = _PASSWORD.search(line)
        if not line.startswith("user ") or (password and password[1] not in passwords):
            continue
        if password:
            digest = hashlib.sha256(passwords[password[1]].encode()).hexdigest()
            line = line.replace(password[0], f"#{digest}")
        lines.append(" ".join(" ".join(words.get(word, [word])) for word in line.split()).replace("  ", " "))
    return "\n".join(lines) + "\n"


def _words(
    key_prefix: str, queues: list[str], database: int, global_keyprefix: str, *, results: bool
) -> dict[str, list[str]]:
    if not key_prefix.endswith(":"):
        raise ConfigError(
            f"RUNTAIL_KEY_PREFIX={key_prefix!r} must end in ':' for an access list: its pattern would match the keys "
            "of sessions and tokens, too"
        )
    for name in (key_prefix, global_keyprefix, *queues):
        if _GAP.search(name):
            raise ConfigError(f"{name!r} has a space, which an access list cannot express")
    for queue in queues:
        if Keys(key_prefix).auth_prefix.startswith(global_keyprefix + queue):
            raise ConfigError(
                f"a queue named {queue!r} cannot be in an access list: its pattern would match the keys of "
                "sessions and tokens, too"
            )
    runs, auth = _literal(key_prefix), _literal(Keys(key_prefix).auth_prefix)
    before = _literal(global_keyprefix)
    brokers = ["_kombu.*", "unacked*", "*.celery.pidbox*"]
    own = [f"{before}{name}" for name in (*brokers, *(f"{_literal(queue)}*" for queue in queues))]
    events = f"/{database}."
    kept = ["celery-task-meta-*", "celery-taskset-meta-*"]
    return {
        "RUNS": [f"~{runs}*"],
        "READ_RUNS": [f"%R~{runs}*"],
        "AUTH": [f"~{auth}*"],
        "READ_AUTH": [f"%R~{auth}*"],
        "TICKETS": [f"(+getdel ~{auth}ticket:*)"],
        "EARLIER_RELAYS": [f"(+evalsha ~{runs}*)"],
        "EARLIER_WEB": ["~"],
        "CHANNELS": [f"&{runs}*"],
        "AUTH_CHANNELS": [f"&{auth}*"],
        "QUEUES": [f"~{name}" for name in own],
        "READ_QUEUES": [f"%R~{name}" for name in own],
        "EVENTS": [
            f"&{before}{events}{name}"
            for name in (
                *("celeryev/*", "celeryev/worker.*"),
                *("celery.pidbox", "reply.celery.pidbox", "celery.pidbox/*"),
            )
        ],
        "RESULTS": [*(f"~{before}{name}" for name in kept), *(f"&{before}{name}" for name in kept)] if results else [],
    }


def _literal(text: str) -> str:
    """Return a pattern that matches only this text."""
    return _SPECIAL.sub(r"\\\g<0>", text)
