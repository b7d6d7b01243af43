"""Whose pages may use API and relay: none of 30 hostile origins, and all that are ours or listed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import httpx
import pytest
import websocket

from tests.support.logins import PASSWORD, log_in
from tests.support.relay import Client
from tests.support.services import Service
from tests.support.wire import SOCKET_IO_PATH

PUBLIC = "https://runtail.example"
PORTAL = "https://portal.example"

#: ``{port}`` is the service's own. All are sent as they stand.
HOSTILE = (
    "null",
    "https://evil.test",
    "http://evil.test:{port}",
    "http://127.0.0.1.evil.test:{port}",
    "http://evil.test/127.0.0.1:{port}",
    "http://evil.test#127.0.0.1:{port}",
    "http://evil.test?127.0.0.1:{port}",
    "http://127.0.0.1:{port}@evil.test",
    "http://127.0.0.1:{port}.evil.test",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://127.0.0.1:{port}0",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}, http://evil.test",
    "http://evil.test http://127.0.0.1:{port}",
    "ftp://127.0.0.1:{port}",
    "ws://127.0.0.1:{port}",
    "file://",
    "//127.0.0.1:{port}",
    "127.0.0.1:{port}",
    "http://[::1]:{port}",
    "http://0x7f.1:{port}",
    "http://2130706433:{port}",
    "http://[",
    "http://runtail.example",
    "https://runtail.example:444",
    "https://runtail.example.evil.test",
    "https://evilruntail.example",
    "http://portal.example",
    "https://portal.example.evil.test",
)
#: With the host that is asked for; None: no header at all, as programs ask.
GOOD: tuple[tuple[str | None, str], ...] = (
    (None, "127.0.0.1:{port}"),
    ("http://127.0.0.1:{port}", "127.0.0.1:{port}"),
    # Something in front of us ends TLS.
    ("https://localhost:{port}", "localhost:{port}"),
    (PUBLIC, "runtail.example"),
    # A proxy that asks for us by another name.
    (PUBLIC, "127.0.0.1:{port}"),
    (PORTAL, "runtail.example"),
)


@pytest.fixture(scope="module")
def services(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """A web service, and a relay of each kind."""
    folder = tmp_path_factory.mktemp("origins")
    settings = {
        "broker_url": redis_url,
        "key_prefix": f"t-origins-{uuid.uuid4().hex[:8]}:",
        "public_url": PUBLIC,
        "allowed_origins": PORTAL,
    }
    with ExitStack() as stack:
        yield {
            "web": stack.enter_context(Service("web", folder, settings)),
            "eventlet": stack.enter_context(Service("socket", folder, settings)),
            "gevent": stack.enter_context(Service("socket", folder, {**settings, "socket_async_mode": "gevent"})),
        }


@pytest.fixture(scope="module")
def locked(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """The same with a login, and what lets an administrator in."""
    folder = tmp_path_factory.mktemp("locked")
    settings = {
        "broker_url": redis_url,
        "key_prefix": f"t-origins-{uuid.uuid4().hex[:8]}:",
        "public_url": PUBLIC,
        "allowed_origins": PORTAL,
        "auth_mode": "password",
        "auth_admin_password": PASSWORD,
        **{f"limit_{name}": 0 for name in ("requests", "starts", "changes", "sockets")},
    }
    with ExitStack() as stack:
        services = {
            "web": stack.enter_context(Service("web", folder, settings)),
            "eventlet": stack.enter_context(Service("socket", folder, settings)),
            "gevent": stack.enter_context(Service("socket", folder, {**settings, "socket_async_mode": "gevent"})),
        }
        with httpx.Client(base_url=services["web"].url, headers={"Origin": PUBLIC, "Host": "runtail.example"}) as page:
            cookie = log_in(page).headers["Set-Cookie"].partition(";")[0]
            assert cookie.startswith("__Host-runtail=")
            made = page.post("/api/v1/tokens", json={"name": "origins"}, headers={"Cookie": cookie})
        yield Locked(services, {"cookie": {"Cookie": cookie}, "bearer": bearer(made.json()["token"])})


class Locked(NamedTuple):
    """Services with a login, and by what is shown, the header that shows it."""

    services: dict[str, Service]
    shown: dict[str, dict[str, str]]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def asked(service: Service, origin: str | None, host: str, shown: Mapping[str, str] = MappingProxyType({})) -> set[int]:
    """Ask a service in all ways that its clients have; return the statuses."""
    headers = {"Host": host.format(port=service.port), **shown}
    if origin is not None:
        headers["Origin"] = origin.format(port=service.port)
    if service.name == "socket":
        return {handshake(service, headers)}
    api = f"{service.url}/api/v1/runs"
    read = httpx.get(api, headers=headers)
    # The task is not there: who gets as far as that is let in.
    started = httpx.post(api, headers=headers, json={"task": "none"})
    return {read.status_code, started.status_code}


def handshake(service: Service, headers: dict[str, str]) -> int:
    try:
        websocket.create_connection(
            service.url.replace("http", "ws") + SOCKET_IO_PATH,
            timeout=20,
            host=headers["Host"],
            suppress_origin=True,
            header=[f"{name}: {value}" for name, value in headers.items() if name != "Host"],
        ).close()
    except websocket.WebSocketBadStatusException as refused:
        return refused.status_code
    return 101


def test_there_are_thirty() -> None:
    assert len(set(HOSTILE)) == 30
    assert len(set(GOOD)) == 6


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
def test_no_hostile_origin_is_let_in(services: dict[str, Service], name: str) -> None:
    assert not_refused(services[name], {}) == {}


def not_refused(service: Service, shown: Mapping[str, str]) -> dict[tuple[str, str], set[int]]:
    """Return the statuses of hostile origins that are not refused."""
    # Under the public name as well: there the scheme counts.
    hosts = ("127.0.0.1:{port}", "runtail.example")
    found = {(origin, host): asked(service, origin, host, shown) for origin in HOSTILE for host in hosts}
    return {key: statuses for key, statuses in found.items() if statuses != {403}}


@pytest.mark.parametrize("shown", ["cookie", "bearer"])
@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
def test_nor_with_somebodys_cookie_or_token(locked: Locked, name: str, shown: str) -> None:
    service = locked.services[name]
    assert not_refused(service, locked.shown[shown]) == {}
    # They are good ones.
    assert asked(service, PUBLIC, "runtail.example", locked.shown[shown]) == ({200, 404} if name == "web" else {101})
    assert asked(service, PUBLIC, "runtail.example") == {401}


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
@pytest.mark.parametrize(("origin", "host"), GOOD)
def test_a_token_is_good_from_every_good_one(locked: Locked, name: str, origin: str | None, host: str) -> None:
    statuses = asked(locked.services[name], origin, host, locked.shown["bearer"])
    assert statuses == ({200, 404} if name == "web" else {101})


@pytest.mark.parametrize("name", ["eventlet", "gevent"])
def test_a_cookie_alone_does_not_let_a_listed_page_join(locked: Locked, name: str) -> None:
    headers = [f"Origin: {PORTAL}", f"Cookie: {locked.shown['cookie']['Cookie']}"]
    client = Client(locked.services[name].url, headers=headers, origin=False)
    client.send("40/tail,")
    assert client.receive().startswith('44/tail,{"message":"Pages of this origin show a ticket')


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
@pytest.mark.parametrize(("origin", "host"), GOOD)
def test_every_good_one_is(services: dict[str, Service], name: str, origin: str | None, host: str) -> None:
    assert asked(services[name], origin, host) == ({200, 404} if name == "web" else {101})


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
def test_an_origin_that_comes_twice_is_none(services: dict[str, Service], name: str, tmp_path: Path) -> None:
    service = services[name]
    own = f"http://127.0.0.1:{service.port}"
    path = "/api/v1/runs" if name == "web" else SOCKET_IO_PATH
    upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    key = [("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==")]
    for origins in ((own, "http://evil.test"), ("http://evil.test", own)):
        headers = [*upgrade, *key, *(("Origin", origin) for origin in origins)]
        assert httpx.get(f"{service.url}{path}", headers=headers).status_code == 403
