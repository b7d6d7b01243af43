"""The commands' client of the web service's API. It connects directly, without the environment's proxies."""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlencode, urlsplit

import click

from runtail.cli.credentials import not_logged_in, token_for, warn_of_end
from runtail.cli.failure import Failure, Refused, Unreachable, Unsendable
from runtail.runid import flaw_of
from runtail.settings import SETTINGS

API = "/api/v1"
#: An answer takes moments; the client gives up on a machine that does not answer at all after this time.
TIMEOUT_SECONDS = 30.0

_ROW = next(setting for setting in SETTINGS if setting.name == "url")

#: The status of a request that is one too many.
TOO_MANY = 429
#: A service that says to wait longer is not waited for.
LONGEST_WAIT_SECONDS = 90

#: Statuses that a proxy answers by itself. Runtail's own answers with these statuses are JSON.
NOBODY_BEHIND = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: a value read from JSON (None if there is no body), and headers by lower-case name."""

    value: Any
    headers: Mapping[str, str]


class _Document(dict[str, Any]):
    """An answer that must have every member that is looked up, or else it is not from Runtail's web service."""

    def __missing__(self, name: str) -> Any:
        raise Unreachable(f"what answers is not Runtail's web service: its answer has no {name!r}")


class Web:
    """The service at one address. Every call opens its own connection.

    :param url: with the scheme, with a path if the service has one, and with ``name:password@`` if a proxy before it
        asks for a login.
    :param timeout_seconds: for connecting, and for every read.
    :raises Failure: if the URL is not an address.
    """

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
            # The look-up of the name will do the same: a name that fails here has no address.
            self._host.encode("idna")
            self._path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
            self._login = _login(parts)
        except ValueError:
            self._host = ""
        if not self._host or parts.scheme not in ("http", "https") or re.search(r"[\s\x00-\x1f\x7f]", self._host):
            # In a malformed address, any text before an @ may be a password.
            shown = "...@" + url.rpartition("@")[2] if "@" in url else url
            raise Failure(f"{_ROW.variable}={shown!r} is not an address; it looks like {_ROW.default}")
        self._netloc = parts.netloc.rpartition("@")[2]
        self._secure = parts.scheme == "https"
        #: The URL in a form that may be shown.
        self.url = without_login(url).rstrip("/")
        token = token_for(self.url)
        if token:
            self._login = f"Bearer {token}"
        self._timeout_seconds = timeout_seconds

    @classmethod
    def here(cls, timeout_seconds: float = TIMEOUT_SECONDS) -> Web:
        """Return the service that the environment names."""
        return cls(os.environ.get(_ROW.variable) or str(_ROW.default), timeout_seconds)

    @property
    def origin(self) -> str:
        """The address without any path."""
        return f"{'https' if self._secure else 'http'}://{self._netloc}"

    def relay_url(self) -> str:
        """Ask the service where the relay is, and return its address with the base path.

        :raises Failure: if the service does not say it.
        """
        found = self.get("/config")
        # Version 0.1.0 has no base path.
        return f"{found['socket_url'] or self.origin}{found.get('base_path', '')}"

    def login_for(self, url: str) -> dict[str, str]:
        """Return the headers that log in at another address: with its own login, or with ours at our origin."""
        try:
            there, here = urlsplit(url), urlsplit(self.origin)
            # A token is for the whole installation, and the relay that the web service names is a part of it.
            ours = self._login.startswith("Bearer ") or _place(there) == _place(here)
            login = _login(there) or (self._login if ours else "")
        except ValueError:
            return {}  # connecting to it will report that it is not an address
        return {"Authorization": login} if login else {}

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer for a path; query values that are None are left out.

        :raises Unreachable: if nothing answers.
        :raises Refused: if the answer is a problem document.
        :raises Unsendable: if a query value cannot be sent.
        """
        wanted = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        try:
            asked = urlencode(wanted, doseq=True)
        except UnicodeEncodeError as error:
            raise Unsendable(f"{error.object!r} is not UTF-8") from None
        return self.send("GET", f"{path}?{asked}" if asked else path).value

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and return the answer. If it was one too many, wait as long as the service says and try again.

        :raises Unreachable: if nothing answers.
        :raises Refused: if the answer is a problem document.
        :raises Unsendable: if body or headers cannot be sent.
        """
        while True:
            try:
                return self._send_once(method, path, body, headers)
            except Refused as refused:
                # Not the hour that somebody has to wait after wrong passwords.
                if refused.status != TOO_MANY or not 0 < refused.retry_after_seconds <= LONGEST_WAIT_SECONDS:
                    raise
                # Nothing was done, so it can be sent again.
                click.echo(f"runtail: {refused.message}", err=True)
                time.sleep(refused.retry_after_seconds)

    def _send_once(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> Answer:
        import http.client

        import orjson

        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_seconds)
        sent = {"Accept": "application/json", **self.login_for(self.origin), **(headers or {})}
        data = None
        for name, text in sent.items():
            if not (text.isascii() and text.isprintable()):
                raise Unsendable(f"{name} can only have the printable characters of ASCII; {text!r} has others")
        if body is not None:
            try:
                data, sent["Content-Type"] = orjson.dumps(body), "application/json"
            except orjson.JSONEncodeError as error:
                raise Unsendable(f"the parameters cannot be sent as JSON: {error}") from None
        try:
            connection.request(method, self._path + (path if path.startswith("/auth/") else API + path), data, sent)
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
        warn_of_end(self.url, reply.getheader("Runtail-Token-Ends"))
        if reply.status == 401 and isinstance(value, dict):
            raise Failure(not_logged_in(self.url, value))
        if reply.status >= 400 and isinstance(value, dict):
            raise Refused(reply.status, value, _seconds(reply.getheader("Retry-After")))
        if reply.status == 401:
            login = f"{_ROW.variable}=http://NAME:PASSWORD@..., with %XX for what has a meaning in addresses"
            raise Failure(
                f"{self.url} refuses this name and password (HTTP 401); they come from {login}."
                if self._login
                else f"{self.url} asks for a name and a password (HTTP 401): {login}."
            )
        if reply.status in NOBODY_BEHIND:
            raise Unreachable(
                f"a proxy answers at {self.url} (HTTP {reply.status}) and has no web service behind it that is ready; "
                "the log of the web service says why it is not"
            )
        if reply.status >= 300 or isinstance(value, bytes):
            raise Unreachable(f"what answers at {self.url} is not Runtail's web service (HTTP {reply.status})")
        if isinstance(value, dict):
            value = _Document(value)
        elif value is not None:
            raise Unreachable(f"what answers at {self.url} is not Runtail's web service: it answers {value!r:.40}")
        return Answer(value, {name.lower(): value for name, value in reply.getheaders()})


def _seconds(text: str | None) -> int:
    """Return the seconds of a ``Retry-After``; 0 if there are none."""
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _login(address: SplitResult) -> str:
    """Return the value of ``Authorization`` for an address's name and password; empty if it has neither."""
    if address.username is None:
        return ""
    both = unquote_to_bytes(address.username) + b":" + unquote_to_bytes(address.password or "")
    return "Basic " + base64.b64encode(both).decode()


def _place(address: SplitResult) -> tuple[bool, str | None, int]:
    """Return the place that a login belongs to; a WebSocket at the same host and port is the same place."""
    secure = address.scheme in ("https", "wss")
    return secure, address.hostname, address.port or (443 if secure else 80)


def without_login(url: str) -> str:
    """Return an address in a form that may be shown: without name and password."""
    return re.sub(r"//[^/?#]*@", "//", url)


def run_path(run_id: str, rest: str = "") -> str:
    """Return the path of a run below the API.

    :raises Failure: if the text cannot be a run's id.
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
