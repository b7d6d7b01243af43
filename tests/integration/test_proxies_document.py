"""The nginx of docs/proxies.md, before the product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.command import Command
from tests.support.documentation import blocks
from tests.support.nginx import nginx_before
from tests.support.redis_server import RedisServer
from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/proxies.md"
PUBLIC = "https://runtail.example"


@pytest.fixture(scope="module", params=["", "/tools/runtail"], ids=["root", "path"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product with the settings that the page names."""
    folder = tmp_path_factory.mktemp("document")
    (folder / "redis").mkdir()
    settings: dict[str, str] = dict(re.findall(r"RUNTAIL_(\w+)=(\S+)", "\n".join(blocks(PAGE, "sh"))))
    assert settings["PUBLIC_URL"] == PUBLIC
    with (
        RedisServer(folder / "redis") as server,
        Stack(
            folder, server.url, app="runtail_worker.app", public_url=PUBLIC,
            proxy_hops=int(settings["PROXY_HOPS"]), base_path=request.param,
        ) as made,
    ):  # fmt: skip
        yield made


@pytest.fixture(scope="module")
def proxy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page's nginx, with other ports, and without TLS."""
    (text,) = blocks(PAGE, "nginx")
    (body,) = re.findall(r"(?s)^server \{\n(.*)\n\}$", text.strip())
    changes = {
        "127.0.0.1:8000": stack.web.url.removeprefix("http://"),
        "127.0.0.1:8010": stack.relay.url.removeprefix("http://"),
        "location /": f"location {stack.settings['base_path']}/",
        "  listen 443 ssl;\n": "",
    }
    for documented, ours in changes.items():
        assert documented in body
        body = body.replace(documented, ours)
    with nginx_before(stack.web.url, tmp_path_factory.mktemp("nginx"), body=body) as url:
        yield url


def test_everything_works_through_it(stack: Stack, proxy: str, tmp_path: Path) -> None:
    address = f"{proxy}{stack.settings['base_path']}"
    check = Command(tmp_path, address, "check", "--lines", "50", "--seconds", "0.5")
    assert check.wait() == 0, check.out
    assert b"reading over HTTP" not in check.out


def test_the_page_may_and_pages_without_tls_may_not(stack: Stack, proxy: str) -> None:
    api = f"{proxy}{stack.settings['base_path']}/api/v1/runs"
    body = {"task": "runtail.check", "kwargs": {"lines": 1, "seconds": 0}}
    for origin, status in ((PUBLIC, 202), ("http://runtail.example", 403)):
        headers = {"Host": "runtail.example", "Origin": origin, "X-Forwarded-For": "6.6.6.6"}
        answer = httpx.post(api, json=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        if status == 202:
            assert answer.json()["who"] == "anonymous (127.0.0.1)"
