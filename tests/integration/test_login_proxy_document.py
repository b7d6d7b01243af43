"""The proxies of docs/login.md: its nginx before something like Authelia, and the headers of oauth2-proxy."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from runtail.auth.proxy_settings import SECRET_HEADER, read_proxy_settings
from runtail.settings import load_settings
from tests.support.documentation import blocks, section
from tests.support.installation import Installation
from tests.support.nginx import nginx_before
from tests.support.proxied import SECRET
from tests.support.relay import Client

PAGE = Path(__file__).parents[2] / "docs/login.md"
LOGIN = "https://login.example/"


def documented(which: str) -> dict[str, Any]:
    """Return the settings that the page exports for one of its proxies, with those for all, by field name."""
    found: dict[str, Any] = {}
    for block in (one for one in blocks(PAGE, "sh") if one in section(PAGE, "A proxy")):
        named = dict(re.findall(r"RUNTAIL_(\w+)=(\S+)", block))
        if named.get("AUTH_MODE") == "proxy" or any(value.startswith(which) for value in named.values()):
            found |= {name.lower(): value for name, value in named.items()}
    assert found.pop("auth_proxy_secret_file") == "proxy-secret"
    return {**found, "auth_proxy_secret": SECRET}


class Authelia(BaseHTTPRequestHandler):
    """Knows everybody with a cookie."""

    def do_GET(self) -> None:
        """Say who somebody is, or where to log in."""
        user = re.search(r"who=(\w+)", self.headers.get("Cookie", ""))
        assert self.path == "/api/authz/auth-request"
        assert self.headers["X-Original-URL"].startswith("http://")
        self.send_response(200 if user else 401)
        headers = {"Remote-User": user[1], "Remote-Groups": "staff,admins", "Remote-Name": "Ann"} if user else {}
        for name, value in (headers or {"Location": LOGIN}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def authelia() -> Iterator[str]:
    """Where it is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Authelia) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_the_nginx_that_asks_authelia(tmp_path: Path, redis_url: str, authelia: str) -> None:
    (text,) = blocks(PAGE, "nginx")
    (body,) = re.findall(r"(?s)^server \{\n(.*)\n\}$", text.strip())
    with Installation(tmp_path, redis_url, services=("web", "socket"), **documented("Remote-")) as installation:
        changes = {
            "127.0.0.1:8000": installation.web.url.removeprefix("http://"),
            "127.0.0.1:8010": installation.relay.url.removeprefix("http://"),
            "127.0.0.1:9091": authelia,
            "THE-SECRET": SECRET,
            "  listen 443 ssl;\n": "",
        }
        for written, ours in changes.items():
            assert written in body
            body = body.replace(written, ours)
        with nginx_before("", tmp_path, body=body) as url:
            nobody = httpx.get(url)
            assert (nobody.status_code, nobody.headers["Location"]) == (302, LOGIN)
            # What a visitor sends is replaced, and a twin is dropped.
            forged = {"Cookie": "who=ann", "Remote-User": "root", "Remote_Groups": "x", SECRET_HEADER: "guess"}
            ann = httpx.get(f"{url}/api/v1/session", headers=forged).json()
            assert (ann["id"], ann["name"], ann["can_log_out"]) == ("proxy:ann", "Ann", True)
            assert "admin" in ann["rights"]
            client = Client(url, headers=["Cookie: who=ann"]).join()
            assert client.emit("subscribe", {"v": 1, "runs": True})["ok"]


def test_the_headers_of_oauth2_proxy_are_those_of_the_settings() -> None:
    (text,) = blocks(PAGE, "yaml")
    configuration = yaml.safe_load(text)
    sent = [one["name"] for one in configuration["injectRequestHeaders"]]
    settings = read_proxy_settings(load_settings({}, **documented("X-Forwarded")))
    assert sorted(sent) == sorted(settings.headers)
    assert {one["path"] for one in configuration["upstreamConfig"]["upstreams"]} == {"/", "/socket.io/"}


def test_the_secret_is_made_by_the_command(tmp_path: Path) -> None:
    (command,) = (line for block in blocks(PAGE, "sh") for line in block.splitlines() if "openssl" in line)
    assert os.system(f"cd {tmp_path} && {command}") == 0
    text = (tmp_path / "proxy-secret").read_text()
    assert re.fullmatch("[0-9a-f]{64}", text)
