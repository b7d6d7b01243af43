"""The connection to Redis or Valkey: one mode, and one place that turns its errors into ours."""

from __future__ import annotations

import logging
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from runtail.address import host_in_url
from runtail.celery_settings import sentinel_options
from runtail.errors import StoreForbids, StoreLoginRefused, StoreUnavailable
from runtail.keys import Keys
from runtail.scripts import Scripts
from runtail.settings import Settings

log = logging.getLogger(__name__)

#: The log names at most this many unreadable values.
_MOST_TOLD = 1000

#: The errors of a server that cannot take a command now, although the command is correct.
_PASSING = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    MasterDownError,
    MasterNotFoundError,
    OutOfMemoryError,
    TryAgainError,
)
_PASSING_WORDS = ("READONLY", "LOADING", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN", "BUSY", "UNBLOCKED")


#: What a script's error says, and errors that the relay reads by itself.
_FORBIDDEN_WORDS = ("NOPERM", "The user executing the script can't", "ACL failure in script")


def _is_forbidden(error: ResponseError) -> bool:
    return any(word in str(error) for word in _FORBIDDEN_WORDS)


def _forbidden(error: Exception) -> str:
    where = re.sub(r" script: [0-9a-f]{40}, on @user_script:\d+\.?", "", str(error))
    return (
        f"the store's access list forbids what Runtail needs: {where}. Give the user of RUNTAIL_STORE_URL this right; "
        "`runtail acl` prints the whole list"
    )


class _Client(redis.Redis):
    """A client whose errors say which command on which key the server's access list forbids, and to whom."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if not isinstance(error, NoPermissionError) and not _is_forbidden(error):
                raise
            user = self.connection_pool.connection_kwargs.get("username") or "default"
            raise NoPermissionError(f"user {user} may not {_shown_command(args)} ({error})") from error


def _shown_command(args: Sequence[Any]) -> str:
    """Return a command with its keys; values are not shown."""
    name = str(args[0])
    count = int(args[2]) if name.startswith("EVALSHA") else 1
    first = 3 if name.startswith("EVALSHA") else 1
    keys = " ".join(_text(one) for one in args[first : first + count])
    return f"{name} {keys}"[:300].rstrip()


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn connection errors into ours.

    :raises StoreUnavailable: the server did not answer, refused the login, or takes no writes now.
    """
    try:
        yield
    except NoPermissionError as error:
        raise StoreForbids(_forbidden(error)) from error
    except AuthenticationError as error:
        raise StoreLoginRefused(f"the store rejects the user or the password: {error}") from error
    except _PASSING as error:
        raise StoreUnavailable(f"the store did not answer: {error}") from error
    except InvalidResponse as error:
        raise StoreUnavailable(f"the server that answers is not Redis or Valkey: {error}") from error
    except ResponseError as error:
        # Errors inside a script come as text: "... script: <hash>, on @user_script:9: OOM command ..."
        if _is_forbidden(error):
            raise StoreForbids(_forbidden(error)) from error
        if any(word in str(error) for word in _PASSING_WORDS):
            raise StoreUnavailable(f"the store takes no writes now: {error}") from error
        raise


def connect(settings: Settings, *, socket_timeout_seconds: float = 5.0) -> redis.Redis:
    """Return a client without sending anything yet.

    The client does not retry commands: a retry after a lost reply would repeat
    the command, and our callers know better whether that is safe. The protocol
    is pinned to RESP2, because its replies have the same shape on all servers.

    :param socket_timeout_seconds: how long to wait for an answer or a connection.
    :raises ConfigError: if the URL cannot be used.
    """
    address = settings.store_address
    options: dict[str, Any] = {
        **address.login,
        **(address.tls.options() if address.tls else {}),
        "db": address.database,
        "socket_timeout": socket_timeout_seconds,
        "socket_connect_timeout": min(socket_timeout_seconds, 3.0),
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "health_check_interval": 0,
    }
    if address.path:
        return _Client.from_url(f"unix://{address.path}", **options)
    if not address.master:
        (host, port) = address.hosts[0]
        return _Client.from_url(f"{address.scheme}://{host_in_url(host)}:{port}", **options)
    sentinel = Sentinel(
        address.hosts, sentinel_kwargs={**sentinel_options(address), "retry": options["retry"], "protocol": 2}
    )
    client: redis.Redis = sentinel.master_for(
        address.master, redis_class=_Client, ssl=address.tls is not None, **options
    )
    return client


class Store:
    """A client with its key names, scripts and settings.

    :param settings: the settings in force.
    :param client: made by :func:`connect` if not given.
    """

    def __init__(self, settings: Settings, client: redis.Redis | None = None) -> None:
        self.settings = settings
        self.keys = Keys(settings.key_prefix)
        self.client = client if client is not None else connect(settings)
        self.scripts = Scripts(self.client, self.keys)
        #: Number of values that could not be read and were left out, by kind of value.
        self.unreadable: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()

    def skip(self, what: str, name: str | bytes, why: object) -> None:
        """Count a value that cannot be read; the log names each value once.

        :param what: ``run``, ``task``, ``worker`` or ``audit``.
        """
        self.unreadable[what] += 1
        told = (what, repr(name))
        if told not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(told)
            log.warning("the store's %s %.200r cannot be read and is left out: %.300s", what, name, why)

    def uuid(self) -> str:
        """Return the data set's uuid, made on first use; a different value means that the store was emptied.

        :raises StoreUnavailable: if the server did not answer.
        """
        found = self.known_uuid()
        if found is None:
            with store_errors():
                self.client.set(self.keys.store(), str(uuid.uuid4()), nx=True)
            found = self.known_uuid()
        if found is None:
            raise StoreUnavailable("the store was emptied a moment ago")
        return found

    def known_uuid(self) -> str | None:
        """Return the data set's uuid; None if no web service or worker has made one yet, and so there is no run.

        :raises StoreUnavailable: if the server did not answer.
        """
        with store_errors():
            found: Any = self.client.get(self.keys.store())
        return None if found is None else bytes(found).decode("ascii", "replace")

    def now_ms(self) -> int:
        """Return the store's clock in milliseconds since 1970.

        :raises StoreUnavailable: if the server did not answer.
        """
        with store_errors():
            seconds, microseconds = self.client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def ping(self) -> bool:
        """Return True if the server answers and takes commands."""
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
