"""The web service's API, as the commands ask it. Direct connections: proxies of the environment are not used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from runtail.cli.failure import Failure, Refused, Unreachable
from runtail.runid import flaw_of
from runtail.settings import SETTINGS

API = "/api/v1"
#: An answer takes moments; a machine that does not answer at all is given up after this.
TIMEOUT_SECONDS = 30.0

_ROW = next(setting for setting in SETTINGS if setting.name == "url")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a value read from JSON (None for no body), and headers by lower-case name."""

    value: Any
    headers: Mapping[str, str]


class Web:
    """The service at one address. Every call opens a connection of its own.

    :param url: with the scheme, and with a path if the service has one.
    :param timeout_seconds: for connecting, and for every read.
    :raises Failure: if the address is none.
    """

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host = ""
        if parts.scheme not in ("http", "https") or not self._host:
            raise Failure(f"{_ROW.variable}={url!r} is no address; it looks like {_ROW.default}")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._path = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds

    @classmethod
    def here(cls, timeout_seconds: float = TIMEOUT_SECONDS) -> Web:
        """Return the service that the environment names."""
        return cls(os.environ.get(_ROW.variable) or str(_ROW.default), timeout_seconds)

    @property
    def origin(self) -> str:
        """The address without any path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def get(self, path: str, **query: Any) -> Any:
        """Return what is at a path; values that are None are not asked for.

        :raises Unreachable: if nothing answers.
        :raises Refused: if a problem is answered.
        """
        asked = urlencode({name.rstrip("_"): value for name, value in query.items() if value is not None}, doseq=True)
        return self.send("GET", f"{path}?{asked}" if asked else path).value

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and return the answer.

        :raises Unreachable: if nothing answers.
        :raises Refused: if a problem is answered.
        """
        import http.client

        import orjson

        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_seconds)
        sent = {"Accept": "application/json", **(headers or {})}
        data = None
        if body is not None:
            data, sent["Content-Type"] = orjson.dumps(body), "application/json"
        try:
            connection.request(method, self._path + API + path, data, sent)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"nothing answers at {self.url} ({reason(error)}). `runtail dev` starts everything on this machine; "
                f"{_ROW.variable} names a web service elsewhere."
            ) from None
        finally:
            connection.close()
        try:
            value = orjson.loads(content) if content else None
        except orjson.JSONDecodeError:
            value = content
        if reply.status >= 400 and isinstance(value, dict):
            raise Refused(reply.status, value)
        if reply.status >= 300 or isinstance(value, bytes):
            raise Unreachable(f"what answers at {self.url} is not Runtail's web service (HTTP {reply.status})")
        return Answer(value, {name.lower(): value for name, value in reply.getheaders()})


def run_path(run_id: str, rest: str = "") -> str:
    """Return the path of a run below the API.

    :raises Failure: for what can be no run's id.
    """
    flaw = flaw_of(run_id)
    if flaw:
        raise Failure(f"There is no such run: {flaw}.")
    return f"/runs/{quote(run_id, safe='')}{rest}"


def reason(error: BaseException) -> str:
    """Return the reason of a failed connection in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or "") or str(error) or type(error).__name__
