"""Every port of every service listens where RUNTAIL_..._HOST says, in each way to write it."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.http_get import http_get
from tests.support.ports import free_port
from tests.support.services import Service
from tests.support.stack import Stack
from tests.support.waiting import wait_for

EVERYWHERE = ["127.0.0.1", "[::1]"]


def answers(url: str) -> bool:
    return http_get(url)[0] != 0


@pytest.mark.parametrize(
    ("host", "addresses"),
    [("::", EVERYWHERE), ("[::]", EVERYWHERE), ("::1", ["[::1]"]), ("localhost", ["127.0.0.1"])],
)
def test_all_ports(tmp_path: Path, redis_url: str, key_prefix: str, host: str, addresses: list[str]) -> None:
    stack = Stack(
        tmp_path, redis_url, app="runtail_worker.app", services=(), key_prefix=key_prefix,
        web_host=host, socket_host=host, admin_host=host, auth_none_anywhere="on",
    )  # fmt: skip
    services = [Service(name, tmp_path, stack.settings, address=addresses[-1]) for name in ("web", "socket")]
    with stack, services[0], services[1]:
        ports = [port for service in services for port in (service.port, service.admin_port)]
        ports.append(stack.settings["worker_admin_port"])
        for port in ports:
            for address in addresses:
                url = f"http://{address}:{port}/readyz"
                wait_for(partial(answers, url), 30, stack.worker.evidence)
        for service, word in zip(services, ("web", "relay"), strict=True):
            shown = f"[{host.strip('[]')}]" if ":" in host else host
            assert f"{word} ready on {shown}:{service.port}" in service.process.output()
        # Who asks has the address that it has itself, whatever kind of socket took it.
        web = f"http://{addresses[0]}:{services[0].port}/api/v1/runs"
        started = httpx.post(web, json={"task": "runtail.check", "kwargs": {"lines": 1, "seconds": 0}}, timeout=30)
        assert started.status_code in (201, 202), started.text
        run = stack.wait_ended(started.json()["id"])
        assert run.text("who") == f"anonymous ({addresses[0].strip('[]')})"


@pytest.mark.parametrize("module", ["runtail_web", "runtail_socket"])
@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("HOST", "", "without an address: write 127.0.0.1, or 0.0.0.0 or :: for all addresses"),
        ("HOST", "no.such.name.invalid", "cannot listen on no.such.name.invalid:"),
        ("ADMIN", "0.0.0.0:80", "cannot listen on [0.0.0.0:80]:"),
    ],
)
def test_what_cannot_be_is_said(
    start_process: Any, redis_url: str, module: str, variable: str, value: str, sentence: str
) -> None:
    # The default ports may be taken: by `make run`.
    service = f"RUNTAIL_{module.removeprefix('runtail_').upper()}"
    ports = {f"{service}_PORT": str(free_port()), f"{service}_ADMIN_PORT": str(free_port())}
    name = "RUNTAIL_ADMIN_HOST" if variable == "ADMIN" else f"{service}_HOST"
    environment = {name: value, "RUNTAIL_STORE_URL": redis_url, **ports}
    process = start_process(sys.executable, "-m", module, environment=environment)
    assert process.wait(60) != 0
    assert sentence in process.output()
    assert "Traceback" not in process.output()
