"""The gateway's nginx.conf, as the chart makes it, in front of the real services."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.built_pages import other_version
from tests.support.chart import find, render
from tests.support.chart_gateway import started
from tests.support.command import Command
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the reference app."""
    directory = tmp_path_factory.mktemp("gateway")
    with RedisServer(directory / "redis") as server, Stack(directory, server.url, app="runtail_worker.app") as made:
        yield made


@pytest.fixture(scope="module")
def gateway(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the gateway before the product."""
    with started(tmp_path_factory.mktemp("nginx"), stack.relay.url, stack.web.url) as address:
        yield address


def test_page_api_and_relay_are_behind_one_address(stack: Stack, gateway: str, tmp_path: Path) -> None:
    page = httpx.get(gateway)
    assert page.status_code == 200
    assert "<!doctype html>" in page.text.lower()
    check = Command(tmp_path, gateway, "check", "--lines", "50", "--seconds", "0.5")
    assert check.wait() == 0, check.out
    # Over the relay, and not read over HTTP because there was none.
    assert b"reading over HTTP" not in check.out


def test_a_page_may_start_runs_from_the_gateways_own_origin_only(gateway: str) -> None:
    body = {"task": "runtail.check", "kwargs": {"lines": 1, "seconds": 0}}
    own = httpx.post(f"{gateway}/api/v1/runs", json=body, headers={"Origin": gateway})
    assert own.status_code in (201, 202), own.text
    other = httpx.post(f"{gateway}/api/v1/runs", json=body, headers={"Origin": "http://127.0.0.1:1"})
    assert (other.status_code, other.json()["code"]) == (403, "origin")


def test_a_host_that_is_not_allowed_is_refused_behind_it(gateway: str) -> None:
    for path in ("/", "/api/v1/tasks"):
        answer = httpx.get(f"{gateway}{path}", headers={"Host": "evil.example"})
        assert answer.status_code == 403
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Host": "evil.example"}
    answer = httpx.get(f"{gateway}/socket.io/?EIO=4&transport=websocket", headers=headers)
    assert answer.status_code in (403, 421)


def test_a_followed_log_comes_as_it_is_written(stack: Stack, gateway: str) -> None:
    run_id = stack.start("runtail.check", {"lines": 5, "seconds": 2.0})
    with httpx.stream("GET", f"{gateway}/api/v1/runs/{run_id}/log.txt?follow=1", timeout=60) as answer:
        assert answer.status_code == 200, answer.read()
        pieces = [piece for piece in answer.iter_bytes() if piece]
    assert b"".join(pieces).count(b"\n") >= 5
    assert len(pieces) > 1, "nginx held it back until it was whole"


HALF_BODY = (
    b"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s"
    b'Content-Length: 1000\r\n\r\n{"task": '
)
#: As a visitor might send it, and as an Ingress makes of it.
FORGED, ADDED = "203.0.113.9", "203.0.113.9, 198.51.100.7"


@pytest.fixture(scope="module")
def inner_gateway(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway that has an Ingress before it."""
    folder = tmp_path_factory.mktemp("inner")
    with started(folder, stack.relay.url, stack.web.url, values={"access": {"proxyHops": 2}}) as address:
        yield address


def answered(gateway: str, forwarded_for: str) -> httpx.Response:
    """Ask for something small."""
    return httpx.get(f"{gateway}/api/v1/config", headers={"X-Forwarded-For": forwarded_for}, timeout=20)


def half_requests(stack: ExitStack, gateway: str, forwarded_for: str, count: int = 100) -> None:
    """Begin requests that stay under way."""
    place = urlsplit(gateway)
    for _ in range(count):
        connection = stack.enter_context(socket.create_connection((place.hostname, place.port)))
        connection.sendall(HALF_BODY % f"X-Forwarded-For: {forwarded_for}\r\n".encode())


def test_an_address_has_a_hundred_requests_under_way_and_none_for_ever(gateway: str) -> None:
    with ExitStack() as stack:
        half_requests(stack, gateway, FORGED)
        # Whatever a visitor says of the address.
        wait_for(lambda: answered(gateway, ADDED).status_code == 429, 5)
        refused = answered(gateway, FORGED)
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) > 0
        problem = refused.json()
        assert (problem["code"], problem["limit"], problem["status"]) == ("too-many", "gateway", 429)
        assert "Your address has 100 requests here" in problem["detail"]
        # Whose body does not come is sent away after 10 s.
        wait_for(lambda: answered(gateway, FORGED).status_code == 200, 30)


def test_behind_an_ingress_it_is_the_visitors_address(inner_gateway: str) -> None:
    with ExitStack() as stack:
        half_requests(stack, inner_gateway, ADDED)
        wait_for(lambda: answered(inner_gateway, "192.0.2.1, 198.51.100.7").status_code == 429, 5)
        for other in ("198.51.100.7, 192.0.2.1", "192.0.2.1", FORGED):
            assert answered(inner_gateway, other).status_code == 200


def loaded(page_url: str) -> list[str]:
    """Return the addresses that a page names of its style and its program."""
    return re.findall(r'"(/static/assets/[^"]+)"', httpx.get(page_url, timeout=20).text)


def test_what_a_page_of_either_version_loads_is_there_during_a_rollout(stack: Stack, tmp_path: Path) -> None:
    sources = {"PYTHONPATH": str(other_version(tmp_path))}
    with (
        Service("web", tmp_path, stack.settings, sources) as other,
        started(tmp_path, stack.relay.url, stack.web.url, [other.url, stack.web.url]) as gateway,
    ):
        ours, others = loaded(stack.web.url), loaded(other.url)
        assert len(ours) == len(others) > 1
        assert not set(ours) & set(others)
        # Each begins at the server behind that of the one before.
        for asset in (ours + others) * 5:
            answer = httpx.get(f"{gateway}{asset}", timeout=20)
            assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), asset
        answer = httpx.get(f"{gateway}/static/assets/nobody.js", timeout=20)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize(
    ("says", "tries"),
    [
        ("host not found in upstream", 4),
        ("unknown directive", 1),
    ],
)
def test_it_waits_for_names_and_for_nothing_else(tmp_path: Path, says: str, tries: int) -> None:
    """In a cluster with NetworkPolicies the first gateways ended at once, and were started again."""
    # In place of nginx and a name server: refuses the configuration three times.
    (tmp_path / "nginx").write_text(
        f"""#!/bin/sh
        echo "$*" >>{tmp_path}/asked
        case "$*" in *-t*) ;; *) exit 0 ;; esac
        [ $(wc -l <{tmp_path}/asked) -gt 3 ] || {{ echo "nginx: [emerg] {says}"; exit 1; }}
        """
    )
    (tmp_path / "nginx").chmod(0o755)
    script = find(render(), "ConfigMap", "runtail-gateway")["data"]["start.sh"]
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with Process(["sh", "-c", script, "sh", "a.conf"], tmp_path, name="start", environment=path) as process:
        assert process.wait(20) == 0
    *tested, started = (tmp_path / "asked").read_text().splitlines()
    assert tested == ["-e stderr -t -c a.conf"] * tries
    assert started == "-e stderr -c a.conf -g daemon off;"
