"""Everything under a path, and nothing beside it: real services, the command line, and the chart's gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.support.chart_gateway import started
from tests.support.command import Command
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.wire import SOCKET_IO_PATH

BASE = "/a/b"
CHECK = {"task": "runtail.check", "kwargs": {"lines": 30, "seconds": 0.5}}


@pytest.fixture(scope="module", params=["", BASE], ids=["root", "path"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the reference app, under ``/`` and under a path."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "redis").mkdir()
    with (
        RedisServer(folder / "redis") as server,
        Stack(folder, server.url, app="runtail_worker.app", base_path=request.param) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def base(stack: Stack) -> str:
    return str(stack.settings["base_path"])


@pytest.fixture(scope="module")
def gateway(stack: Stack, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the chart's gateway before the product, without the path."""
    values = {"access": {"basePath": base}}
    with started(tmp_path_factory.mktemp("nginx"), stack.relay.url, stack.web.url, values=values) as address:
        yield address


def links(page: httpx.Response) -> set[str]:
    """Return the addresses that a page names: paths are all that may stand there."""
    return set(re.findall(r'(?:href|src)="([^"#?]+)', page.text))


def test_every_page_names_what_is_there(stack: Stack, base: str) -> None:
    run_id = httpx.post(f"{stack.web.url}{base}/api/v1/runs", json=CHECK).json()["id"]
    seen: set[str] = set()
    waiting = {f"{base}/", f"{base}/runs/{run_id}", f"{base}/runs/{run_id}/text", f"{base}/api", f"{base}/nowhere"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        page = httpx.get(f"{stack.web.url}{path}", headers={"Accept": "text/html"})
        assert page.status_code == (404 if path.endswith("/nowhere") else 200), path
        if "html" in page.headers["content-type"]:
            for link in links(page):
                assert link.startswith(f"{base}/"), (path, link)
                waiting |= {link} - seen
    assert {f"{base}/static/icon.svg", f"{base}/static/loading.js", f"{base}/text.css", f"{base}/api/api.css"} <= seen
    assert any(path.startswith(f"{base}/static/assets/") for path in seen)
    shell = httpx.get(f"{stack.web.url}{base}/").text
    assert f'<meta name="runtail-base" content="{base}">' in shell


def test_answers_name_addresses_that_are_there(stack: Stack, base: str) -> None:
    web = f"{stack.web.url}{base}"
    slow = {"task": "runtail.check", "kwargs": {"lines": 5, "seconds": 3.0}}
    made = httpx.post(f"{web}/api/v1/runs", json=slow)
    assert made.headers["location"] == f"{base}/api/v1/runs/{made.json()['id']}"
    assert httpx.get(urljoin(web, made.headers["location"])).status_code == 200
    early = httpx.post(f"{web}/api/v1/runs/{made.json()['id']}/retry", json={}).json()
    assert (early["code"], early["run_page"]) == ("not-over", f"{base}/runs/{made.json()['id']}")
    unknown = httpx.get(f"{web}/api/v1/runs/none").json()["detail"]
    assert f"GET {base}/api/v1/runs lists" in unknown
    about = httpx.get(f"{web}/api/v1/openapi.json").json()
    assert about["servers"][0]["url"] == (base or "/")
    assert httpx.get(f"{stack.web.url}{about['servers'][0]['url'].rstrip('/')}/api/v1/tasks").status_code == 200
    assert httpx.get(f"{web}/api/v1/config").json()["base_path"] == base


@pytest.mark.parametrize(
    ("path", "status", "target"),
    [("/runs", 302, "/"), ("/runs/", 302, "/"), ("/runs//x", 308, "/runs/x"), ("/api//v1/runs", 308, "/api/v1/runs")],
)
def test_redirects_stay_under_it(stack: Stack, base: str, path: str, status: int, target: str) -> None:
    moved = httpx.get(f"{stack.web.url}{base}{path}")
    assert (moved.status_code, moved.headers["location"]) == (status, f"{base}{target}")


def test_beside_it_is_nothing(stack: Stack, base: str) -> None:
    if not base:
        assert httpx.get(f"{stack.web.url}/a/b/").status_code == 404
        return
    for path in ("/", "/runs/x", "/a", "/a/bc", "/a/b.", "/A/B/", "/a//b/", "/static/icon.svg", "/api/v1/runs"):
        answer = httpx.get(f"{stack.web.url}{path}")
        assert answer.status_code == 404, path
        assert "Everything is under /a/b/ (RUNTAIL_BASE_PATH)" in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
    assert httpx.get(f"{stack.web.url}/a/b").status_code == 200
    before = stack.web.metric('runtail_web_requests_total{route="unknown",status="4xx"}')
    assert httpx.get(f"{stack.web.url}/").status_code == 404
    assert stack.web.metric('runtail_web_requests_total{route="unknown",status="4xx"}') == before + 1
    # A foreign name learns nothing of where it is.
    assert httpx.get(f"{stack.web.url}/", headers={"Host": "evil.test"}).status_code == 403


def test_nobody_but_the_setting_says_where_it_is(stack: Stack, base: str) -> None:
    for headers in ({"SCRIPT_NAME": "/x"}, {"X-Forwarded-Prefix": "/x"}, {"X-Script-Name": "/x"}):
        assert httpx.get(f"{stack.web.url}{base}/api/v1/config", headers=headers).json()["base_path"] == base
        assert httpx.get(f"{stack.web.url}/x{base}/api/v1/config", headers=headers).status_code == 404


def test_the_relay_is_under_it_too(stack: Stack, base: str) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}

    def status(path: str) -> int:
        with httpx.stream("GET", stack.relay.url + path, headers=headers) as answer:
            return answer.status_code

    assert status(f"{base}{SOCKET_IO_PATH}") == 101
    for path in ("/b", "/a", "/a/bc", "/a//b"):
        assert status(f"{path}{SOCKET_IO_PATH}") == 404
    if base:
        assert status(SOCKET_IO_PATH) == 404


def test_probes_are_where_they_always_are(stack: Stack) -> None:
    for service in (stack.web, stack.relay):
        assert service.get("/healthz")[0] == service.get("/readyz")[0] == service.get("/metrics")[0] == 200


def test_the_command_line_finds_it(stack: Stack, base: str, gateway: str, tmp_path: Path) -> None:
    check = Command(tmp_path, f"{gateway}{base}", "check", "--lines", "50", "--seconds", "0.5")
    assert check.wait() == 0, check.out
    # Over the relay, and not read over HTTP because there was none.
    assert b"reading over HTTP" not in check.out
    started = Command(tmp_path, f"{gateway}{base}/", "start", "runtail.check", "lines=3", "seconds=0", "--follow")
    assert started.wait() == 0, started.err
    assert started.out.splitlines() == [f"Check line {n} of 3".encode() for n in (1, 2, 3)]
    if base:
        elsewhere = Command(tmp_path, gateway, "runs")
        assert elsewhere.wait() != 0
        assert BASE in elsewhere.err


def test_the_command_line_finds_a_relay_at_another_address(stack: Stack, base: str, tmp_path: Path) -> None:
    settings = {**stack.settings, "socket_url": stack.relay.url}
    with Service("web", tmp_path, settings) as web:
        check = Command(tmp_path, f"{web.url}{base}", "check", "--lines", "20", "--seconds", "0.2")
        assert check.wait() == 0, check.out
        assert b"reading over HTTP" not in check.out
    named = Command(tmp_path, f"{stack.web.url}{base}", "check", "--lines", "20", "--seconds", "0.2",
                    "--relay-url", f"{stack.relay.url}{base}")  # fmt: skip
    assert named.wait() == 0, named.out


def test_the_gateway_knows_it(stack: Stack, base: str, gateway: str) -> None:
    assert httpx.get(f"{gateway}/healthz").text == "alive\n"
    page = httpx.get(f"{gateway}{base}/")
    assert page.status_code == 200
    assets = [link for link in links(page) if "/static/assets/" in link]
    assert {asset.rpartition(".")[2] for asset in assets} == {"css", "js"}
    for asset in assets:
        answer = httpx.get(f"{gateway}{asset}")
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    # One that is not there is asked for again, from other pods, as without a base path.
    assert httpx.get(f"{gateway}{base}/static/assets/none.js").status_code == 404
    run_id = stack.start("runtail.check", {"lines": 5, "seconds": 2.0})
    with httpx.stream("GET", f"{gateway}{base}/api/v1/runs/{run_id}/log.txt?follow=1", timeout=60) as answer:
        pieces = [piece for piece in answer.iter_bytes() if piece]
    assert b"".join(pieces).count(b"\n") >= 5
    assert len(pieces) > 1, "nginx held it back until it was whole"
    own = httpx.post(f"{gateway}{base}/api/v1/runs", json=CHECK, headers={"Origin": gateway})
    assert own.status_code == 202
    assert urlsplit(own.headers["location"]).netloc == ""
