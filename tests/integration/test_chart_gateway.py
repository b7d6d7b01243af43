"""The gateway's nginx.conf, as the chart makes it, in front of the real services."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, cycle, repeat
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.built_pages import other_version
from tests.support.chart import find, render
from tests.support.command import Command
from tests.support.continuous_integration import lacking
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.waiting import wait_for

START_SECONDS = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the reference app."""
    directory = tmp_path_factory.mktemp("gateway")
    with RedisServer(directory / "redis") as server, Stack(directory, server.url, app="runtail_worker.app") as made:
        yield made


@contextmanager
def started(folder: Path, relay: str, web: str, webs: Sequence[str] = ()) -> Iterator[str]:
    """Run an nginx with the chart's configuration, of which only names, ports and folders are others; give its address.

    :param relay: the address of the relay.
    :param web: the address of the web service.
    :param webs: where connections for assets go in turn, as a Service's do by chance; empty: to the same one.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        lacking("no nginx", "apt install nginx-light")
    data = find(render(), "ConfigMap", "runtail-gateway")["data"]
    port = free_port()
    text = data["nginx.conf"].replace("/tmp/", f"{folder}/").replace("/etc/runtail/", f"{folder}/")
    services = {"runtail-web-http:8000": chain([web], cycle(webs or [web])), "runtail-relay-ws:8010": repeat(relay)}
    for name, addresses in services.items():
        first, *others = text.split(name)
        assert others
        text = first + "".join(urlsplit(next(addresses)).netloc + rest for rest in others)
    text = re.sub(r"listen 8080\b", f"listen 127.0.0.1:{port}", text)
    (folder / "nginx.conf").write_text(text)
    (folder / "headers.conf").write_text(data["headers.conf"])
    address = f"http://127.0.0.1:{port}"
    (folder / "start.sh").write_text(data["start.sh"])
    command = ["sh", str(folder / "start.sh"), str(folder / "nginx.conf")]
    path = {"PATH": f"{Path(program).parent}:{os.environ['PATH']}"}
    with Process(command, folder, name="gateway", environment=path) as process:

        def answers() -> bool:
            try:
                return httpx.get(f"{address}/healthz").text == "alive\n"
            except httpx.TransportError:
                return False

        wait_for(answers, START_SECONDS, process.evidence)
        yield address


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
        assert len(ours) == len(others) == 2
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
