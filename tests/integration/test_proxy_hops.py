"""Who a visitor is behind proxies: the address that the outermost of ours saw, whatever the visitor writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson
import pytest

from runtail.store import Store
from tests.support.nginx import nginx_before
from tests.support.relay import make_store
from tests.support.services import Service
from tests.support.wire import SOCKET_IO_PATH

TASK = "hops.task"
PEER = "127.0.0.1"
VISITOR = "192.0.2.7"
HANDSHAKE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg=="),
]

#: What a visitor could send to be taken for 6.6.6.6, before the addresses that proxies add.
FORGED: tuple[list[tuple[str, str]], ...] = (
    [],
    [("X-Forwarded-For", "6.6.6.6")],
    [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "6.6.6.6")],
    [("X-Forwarded-For", '6.6.6.6, "x')],
    [("Forwarded", "for=6.6.6.6"), ("X-Real-IP", "6.6.6.6"), ("True-Client-IP", "6.6.6.6")],
    [("X_Forwarded_For", "6.6.6.6")],
    [("X-Forwarded_For", "6.6.6.6")],
)


@pytest.fixture(scope="module")
def store(redis_url: str) -> Store:
    made = make_store(redis_url, f"t-hops-{uuid.uuid4().hex[:8]}:")
    made.client.hset(
        made.keys.tasks(), TASK, orjson.dumps({"name": TASK, "schema": {"type": "object"}, "queue": "hops"})
    )
    return made


@pytest.fixture(scope="module")
def services(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, int], Service]]:
    """A web service and a relay of each kind, for one proxy and for two; and for none."""
    folder = tmp_path_factory.mktemp("hops")
    with ExitStack() as stack:
        made = {}
        for hops in (0, 1, 2):
            settings = {
                "broker_url": store.settings.broker_url,
                "key_prefix": store.settings.key_prefix,
                "proxy_hops": hops,
                "allowed_hosts": "runtail.example,127.0.0.1",
            }
            made["web", hops] = stack.enter_context(Service("web", folder, settings))
            for mode in ("eventlet", "gevent"):
                environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
                made[mode, hops] = stack.enter_context(
                    Service(
                        "socket", folder, {**settings, "socket_async_mode": mode}, environment,
                        program="tests.support.address_relay",
                    )
                )  # fmt: skip
        yield made


def is_taken_for(service: Service, address: str, headers: list[tuple[str, str]], url: str = "") -> bool:
    """Tell whether a service takes who sends a request for somebody at an address."""
    url = url or service.url
    if service.name == "web":
        answer = httpx.post(f"{url}/api/v1/runs", json={"task": TASK}, headers=headers)
        assert answer.status_code == 202, answer.text
        return bool(answer.json()["who"] == f"anonymous ({address})")
    asked = [*HANDSHAKE, *headers, ("X-Test-Address", address)]
    # httpx knows no WebSockets, and reads the first answer.
    with httpx.stream("GET", url + SOCKET_IO_PATH, headers=asked) as answer:
        assert answer.status_code in (101, 401)
        return answer.status_code == 101


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_nobody_hides_behind_the_header(
    services: dict[tuple[str, int], Service], name: str, forged: list[tuple[str, str]]
) -> None:
    assert is_taken_for(services[name, 0], PEER, forged)
    assert is_taken_for(services[name, 1], VISITOR, [*forged, ("X-Forwarded-For", VISITOR)])
    both = [*forged, ("X-Forwarded-For", f"{VISITOR}, 10.0.0.9")]
    assert is_taken_for(services[name, 2], VISITOR, both)
    apart = [*forged, ("X-Forwarded-For", VISITOR), ("X-Forwarded-For", "10.0.0.9")]
    assert is_taken_for(services[name, 2], VISITOR, apart)


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
@pytest.mark.parametrize("written", ["unknown", "ann", "<script>", "fe80::1%x", "6.6.6.6,"])
def test_what_is_no_address_is_not_believed(services: dict[tuple[str, int], Service], name: str, written: str) -> None:
    assert is_taken_for(services[name, 1], PEER, [("X-Forwarded-For", written)])


@pytest.mark.parametrize("name", ["web", "eventlet", "gevent"])
def test_an_nginx_before_us_tells_who_asks(services: dict[tuple[str, int], Service], name: str, tmp_path: Path) -> None:
    service = services[name, 1]
    more = (
        "proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; "
        "proxy_set_header Connection $http_connection; "
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; "
        "set_real_ip_from 127.0.0.1; real_ip_header X-Test-From;"
    )
    with nginx_before(service.url, tmp_path, more) as url:
        for forged in FORGED:
            # nginx takes us for somebody elsewhere, as a visitor is.
            assert is_taken_for(service, VISITOR, [*forged, ("X-Test-From", VISITOR)], url)


def test_a_proxy_says_the_scheme_and_not_where_we_are(services: dict[tuple[str, int], Service]) -> None:
    web = services["web", 1]
    for headers in (
        {"X-Forwarded-Host": "evil.test"},
        {"X-Forwarded-Prefix": "/evil"},
        {"X-Forwarded-Port": "1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Proto": "javascript"},
        {"SCRIPT_NAME": "/evil"},
        {"Script-Name": "/evil"},
        {"X-Script-Name": "/evil"},
    ):
        for path, target in (("/runs", "/"), ("/runs//x", "/runs/x")):
            moved = httpx.get(f"{web.url}{path}", headers={"Host": "runtail.example", **headers})
            assert (moved.status_code, moved.headers["location"]) in ((302, target), (308, target)), headers
        assert httpx.get(f"{web.url}/evil/runs", headers=headers).status_code == 404
        page = httpx.get(f"{web.url}/runs/x", headers=headers).text
        assert "evil" not in page


@pytest.mark.parametrize("name", ["web", "eventlet"])
def test_hosts_are_judged_by_what_we_are_asked_for(services: dict[tuple[str, int], Service], name: str) -> None:
    service = services[name, 1]
    path = "/" if name == "web" else SOCKET_IO_PATH
    headers = [("Host", "evil.test"), ("X-Forwarded-Host", "runtail.example"), *HANDSHAKE, ("X-Test-Address", PEER)]
    assert httpx.get(f"{service.url}{path}", headers=headers).status_code in (403, 421)
