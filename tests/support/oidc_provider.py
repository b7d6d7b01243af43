"""The npm package oidc-provider as a process on loopback, and somebody who logs in there without a browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import httpx

from tests.support.ports import free_port
from tests.support.processes import Process

FOLDER: Final = Path(__file__).parents[1] / "provider"
#: What the tests' client is called and has.
CLIENT_ID: Final = "runtail"
CLIENT_SECRET: Final = "a secret of a test, and long"
START_SECONDS: Final = 60
_FORM: Final = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.S)
_INPUT: Final = re.compile(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"')


def node() -> str:
    """Return Node's program: the machine's, else the one that `make` installed."""
    beside = Path(sys.executable).parent / "node"
    return str(beside) if beside.exists() else shutil.which("node") or "node"


def client_of(public_url: str, own_url: str = "") -> dict[str, Any]:
    """Return what the provider knows of Runtail.

    :param own_url: at which the provider reaches it, if that is another one than browsers use.
    """
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [f"{public_url}/auth/oidc/callback"],
        "post_logout_redirect_uris": [f"{public_url}/login"],
        "backchannel_logout_uri": f"{own_url or public_url}/auth/oidc/backchannel",
        "backchannel_logout_session_required": True,
    }


class OidcProvider:
    """The provider. As a context manager it is killed at the end.

    :param public_url: Runtail's.
    :param accounts: groups by the names of those who can log in, with any password.
    :param refresh: give refresh tokens.
    """

    def __init__(
        self, directory: Path, public_url: str, accounts: Mapping[str, Sequence[str]], *, refresh: bool = True
    ) -> None:
        self._directory, self._port = directory, free_port()
        self.issuer = f"http://127.0.0.1:{self._port}"
        self._accounts = {name: list(groups) for name, groups in accounts.items()}
        self._told = {
            "port": self._port,
            "refresh": refresh,
            "accounts": self._accounts,
            "clients": [client_of(public_url)],
        }
        self.process: Process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()

    def start(self) -> None:
        """Start it, or start it again: then it knows of no session."""
        command = [node(), str(FOLDER / "provider.mjs")]
        self.process = Process(
            command, self._directory, name="provider", environment={"PROVIDER": json.dumps(self._told)}
        )
        try:
            self.process.wait_for_log("provider ready", START_SECONDS)
        except BaseException:
            self.process.kill()
            raise

    def change(self, **accounts: Sequence[str]) -> None:
        """Change who can log in, and their groups."""
        self._accounts.clear()
        self._accounts.update({name: list(groups) for name, groups in accounts.items()})
        httpx.put(f"{self.issuer}/control", json=self._accounts, timeout=30).raise_for_status()

    def settings(self, public_url: str, **more: Any) -> dict[str, Any]:
        """Return the settings of a Runtail whose people log in here."""
        return {
            "auth_mode": "oidc",
            "public_url": public_url,
            "auth_oidc_issuer": self.issuer,
            "auth_oidc_client_id": CLIENT_ID,
            "auth_oidc_client_secret": CLIENT_SECRET,
            **more,
        }


def submit(client: httpx.Client, page: httpx.Response, **values: str) -> httpx.Response:
    """Fill in the form of a page as a person would, and send it."""
    found = _FORM.search(page.text)
    assert found, page.text
    fields = {name: html.unescape(value) for name, value in _INPUT.findall(found[2])}
    return client.post(str(page.url.join(html.unescape(found[1]))), data=fields | values)


def go(client: httpx.Client, answer: httpx.Response, stop: str) -> httpx.Response:
    """Follow redirects up to an address that begins with *stop*, which is not asked for."""
    while answer.is_redirect and not (answer.next_request and str(answer.next_request.url).startswith(stop)):
        assert answer.next_request
        answer = client.send(answer.next_request)
    return answer


def begin_login(client: httpx.Client, web: str, path: str = "/") -> str:
    """Begin to log in as the page does; return the address at the provider."""
    answer = client.post(f"{web}/auth/oidc/login", json={"next": path})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["leads_to"])


def until_callback(client: httpx.Client, web: str, name: str, path: str = "/") -> str:
    """Log in at the provider; return the address to which it sends the browser back.

    :param client: keeps cookies of both.
    :param web: the address of Runtail.
    :param path: where to go after the login.
    """
    back = f"{web}/auth/oidc/callback"
    page = go(client, client.get(begin_login(client, web, path)), back)
    while not page.is_redirect:
        assert page.status_code == 200, page.text
        page = go(
            client, submit(client, page, **({"login": name, "password": "x"} if "login" in page.text else {})), back
        )
    assert page.next_request
    return str(page.next_request.url)


def log_in_there(client: httpx.Client, web: str, name: str, path: str = "/") -> httpx.Response:
    """Log in at the provider, and come back; return the last answer, which leads to the page."""
    return client.get(until_callback(client, web, name, path))


def log_out_there(client: httpx.Client, issuer: str) -> None:
    """Log out at the provider, on its own page."""
    page = client.get(f"{issuer}/session/end")
    assert page.status_code == 200, page.text
    answer = submit(client, page, logout="yes")
    assert answer.status_code < 400, answer.text
